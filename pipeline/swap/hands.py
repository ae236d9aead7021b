"""Hands before the faces of a picture, or of what moves: looked for in some frames, followed in all."""

from typing import Final

import numpy as np

from pipeline.blend.hands import HandKeeper, KeptHand, take
from pipeline.face import Array, Bgr, Face

HAND_REACH: Final = 1.0
"""What is cut out around a face to find palms of hands before it, in times its longer side to each side."""
_EVERY: Final = 5
"""A look for palms takes about a fifth of a small frame's time, following nobody takes none."""

Offset = tuple[int, int]
"""Where the first pixel of a part of a frame lies in it: x, y."""
WHOLE: Final = (0, 0)


class HandWatch:
    """Sees the hands before some faces in every frame, in order; on the device's thread.

    Of each frame `follow`, then `look` for each face, then `take`; and `put_back` when they were changed. A
    frame may be shown in part, BGR uint8 (h, w, 3), with the part's offset; faces are in pixels of the part.
    """

    def __init__(self, keeper: HandKeeper) -> None:
        self._keeper = keeper
        self._frames = 0
        self._hands: list[Array] = []  # their points in pixels of the frame
        self._kept: list[KeptHand] = []

    @property
    def looks_around(self) -> bool:
        """Whether the next frame has to be seen as far around the faces as `HAND_REACH`."""
        return bool(self._hands) or self._is_due

    def follow(self, part: Bgr, offset: Offset = WHOLE) -> None:
        """Begin the next frame with the hands of the one before."""
        if self._hands:
            corner = np.array(offset, np.float32)
            followed = self._keeper.hands.follow(part, [points - corner for points in self._hands])
            self._hands = [points + corner for points in followed]

    def look(self, part: Bgr, face: Face, offset: Offset = WHOLE) -> None:
        """Look for hands about a face, if it is time for that."""
        if self._is_due:
            corner = np.array(offset, np.float32)
            found = [points + corner for points in self._keeper.hands.find(part, face)]
            self._hands += [new for new in found if not any(_are_same(new, hand) for hand in self._hands)]

    def take(self, part: Bgr, offset: Offset = WHOLE) -> None:
        """Keep the hands of the frame as they are, before anything is changed."""
        self._frames += 1
        corner = np.array(offset, np.float32)
        self._kept = take(part, [points - corner for points in self._hands])

    def put_back(self, part: Bgr) -> None:
        """Lay the hands over the same part of the frame, in place."""
        for hand in self._kept:
            hand.put_back(part)

    @property
    def _is_due(self) -> bool:
        return self._frames % _EVERY == 0


def _are_same(one: Array, other: Array) -> bool:
    """Whether two hands, (21, 2) points each, lie less than half a hand apart."""
    apart = np.linalg.norm(one.mean(axis=0) - other.mean(axis=0))
    return bool(apart < np.ptp(other, axis=0).max() / 2)

"""Hands before one face of a video: looked for in some frames, followed in all."""

from typing import Final

import numpy as np

from pipeline.blend.hands import HandKeeper, KeptHand, take
from pipeline.face import Array, Bgr, Face

HAND_REACH: Final = 1.0
"""What is cut out around a face to find palms of hands before it, in times its longer side to each side."""
_EVERY: Final = 5
"""A look for palms takes about a fifth of a frame's time, following nobody takes none."""


class HandWatch:
    """Sees the hands before one face in every frame of a segment, in order; on the device's thread."""

    def __init__(self, keeper: HandKeeper) -> None:
        self._keeper = keeper
        self._frames = 0
        self._hands: list[Array] = []  # their points in the frame before, in pixels of it

    @property
    def looks_around(self) -> bool:
        """Whether the next frame has to be seen as far around the face as `HAND_REACH`."""
        return bool(self._hands) or self._is_due

    def keep(self, picture: Bgr, face: Face, offset: tuple[int, int]) -> list[KeptHand]:
        """Take the hands of the next frame before it is changed.

        Args:
            picture: BGR uint8 (h, w, 3), the part of the frame around the face.
            face: the face, in pixels of it.
            offset: where its first pixel lies in the frame, x and y.
        """
        corner = np.array(offset, np.float32)
        finder = self._keeper.hands
        hands = finder.follow(picture, [points - corner for points in self._hands])
        if self._is_due:
            hands += [
                new for new in finder.find(picture, face) if not any(_are_same(new, hand) for hand in hands)
            ]
        self._frames += 1
        self._hands = [points + corner for points in hands]
        return take(picture, hands)

    @property
    def _is_due(self) -> bool:
        return self._frames % _EVERY == 0


def _are_same(one: Array, other: Array) -> bool:
    """Whether two hands, (21, 2) points each, lie less than half a hand apart."""
    apart = np.linalg.norm(one.mean(axis=0) - other.mean(axis=0))
    return bool(apart < np.ptp(other, axis=0).max() / 2)

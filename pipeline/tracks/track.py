"""One person as they are followed through a video."""

from typing import Final

import numpy as np

from pipeline.face import Array, Face
from pipeline.tracks.identity import Identity, Person

_GONE_FRAMES: Final = 15
"""So long a person may be out of sight and still be expected where they went."""
_FORESEEN_FRAMES: Final = 10
_GAP_FRAMES: Final = 3
"""Over a longer gap no speed is measured."""
_WEIGHT: Final = 0.5
# Landmarks depend a little on how the model is shown a face, so it is shown each in the same way, moved
# along, until its shape has changed by this share of its size: that halves the noise.
_SAME_SHAPE: Final = 0.015
# A person is looked at anew after so many frames: often while hardly known, else seldom.
_CHECK_FRAMES: Final = 10
_YOUNG_CHECK_FRAMES: Final = 4
_YOUNG: Final = 3


class Track:
    """Where a person was last seen, how fast they move, and how they look."""

    def __init__(self, number: int, person: Person | None = None) -> None:
        """Begin with somebody who was not yet seen; `person` is who they are, if that is known."""
        self.number = number
        self.is_known = person is not None
        self.identity = Identity(person)
        self.face: Face | None = None
        #: The frames in which the face was seen last and in which its identity was last looked at.
        self.seen = -1
        self.checked = -1
        self._velocity = np.zeros(2, np.float32)
        # The face as it is shown to the model: its own, or that of some frames ago where it is now.
        self._shown: Face | None = None

    def see(self, face: Face, number: int, *, cut: int) -> None:
        """Go on with a face of the frame of that number; what was before the frame `cut` is elsewhere."""
        gap = number - self.seen
        step = np.zeros(2, np.float32) if self.face is None else _middle(face) - _middle(self.face)
        if gap > _GAP_FRAMES or self.seen < cut:
            self._velocity = np.zeros(2, np.float32)
        else:
            self._velocity = np.asarray((1 - _WEIGHT) * self._velocity + _WEIGHT * step / gap, np.float32)
        shown = None if self._shown is None else self._shown.moved(*step.tolist())
        self._shown = shown if shown is not None and _is_alike(shown, face) else face
        self.face, self.seen = face, number

    def foreseen(self, number: int) -> Face | None:
        """The face where it is expected in a frame; None before it was seen."""
        if self._shown is None:
            return None
        frames = min(number - self.seen, _FORESEEN_FRAMES)
        return self._shown.moved(*(self._velocity * frames).tolist())

    def expected(self, number: int, *, cut: int) -> Array | None:
        """The (4,) box where the face is expected; None where it may be anywhere."""
        if self.seen < cut or number - self.seen > _GONE_FRAMES:
            return None
        face = self.foreseen(number)
        return None if face is None else face.bbox

    def is_due(self, number: int) -> bool:
        """Whether it is time to look who this is."""
        pause = _YOUNG_CHECK_FRAMES if self.identity.count < _YOUNG else _CHECK_FRAMES
        return number - self.checked >= pause

    def take_over(self, other: "Track") -> None:
        """Be from now on where `other`, who proved to be the same person, is."""
        self.face, self._shown = other.face, other._shown  # noqa: SLF001 -- another of its kind
        self.seen, self.checked = other.seen, other.checked
        self._velocity = other._velocity  # noqa: SLF001 -- another of its kind


def _is_alike(shown: Face, face: Face) -> bool:
    return float(np.abs(shown.bbox - face.bbox).max()) <= _SAME_SHAPE * max(face.size)


def _middle(face: Face) -> Array:
    """Where a face is, as the mean of all that is known of it: steadier than its box."""
    points = face.kps if face.landmarks is None else face.landmarks[:, :2]
    return np.asarray(points.mean(axis=0), np.float32)

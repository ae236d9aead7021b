"""One person of a video while its cast is being drawn up."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np

from pipeline.engines.base import AnyEngine
from pipeline.face import Array, Bgr, Face
from pipeline.previews import square
from pipeline.steps import Steps
from pipeline.tracks.frame import share_inside
from pipeline.tracks.identity import Identity, Sighting

_NEAR_S: Final = 0.7
"""So long after a face was seen one in its place may be the same, however it looks."""
_LARGE_PX: Final = 200
"""A larger face is not seen any better."""
_TURNED: Final = 0.1
_CROWDED: Final = 0.5


@dataclass(frozen=True, kw_only=True, eq=False)
class View:
    """One look at a face.

    Attributes:
        sighting: the face.
        is_alone: whether no other face is near.
        frame_size: width and height of the frame in pixels.
        frame: the frame's number.
        time_s: when it shows.
        lasts_s: for how long what is seen stands.
        look: the number of the look, which may show several people.
        shot: the number of the shot between two cuts.
    """

    sighting: Sighting
    is_alone: bool
    frame_size: tuple[int, int]
    frame: int
    time_s: float
    lasts_s: float
    look: int
    shot: int

    @property
    def quality(self) -> float:
        """How well the face is seen; to be compared between views of one person."""
        face = self.sighting.face
        crowd = 1.0 if self.is_alone else _CROWDED
        size = min(self.sighting.side_px, _LARGE_PX) / _LARGE_PX
        detail = 1 + float(np.sqrt(self.sighting.sharpness))
        return size * detail * crowd * share_inside(face.bbox, self.frame_size) * _frontal(face)


@dataclass(frozen=True, kw_only=True, eq=False)
class BestView:
    """Where somebody is seen best; `preview` is BGR uint8 (160, 160, 3)."""

    quality: float
    face: Face
    frame: int
    time_s: float
    preview: Bgr


class Draft:
    """Somebody as far as they are known."""

    def __init__(self, engine: AnyEngine, view: View) -> None:
        """Begin with the first look at them."""
        self.identity = Identity()
        #: The numbers of the looks in which they were seen.
        self.looks: set[int] = set()
        self.first = view.sighting.face
        self.first_s = self.last_s = view.time_s
        self.best = _best(view)
        self.largest_area = self.prominence = 0.0
        #: Whether they were seen well enough to be somebody even if it was only once.
        self.is_clear = False
        self.see(engine, view)

    def see(self, engine: AnyEngine, view: View) -> None:
        """Take in another look."""
        sighting = view.sighting
        self.looks.add(view.look)
        self.last_s, self._shot, self._bbox = view.time_s, view.shot, sighting.face.bbox
        self.largest_area = max(self.largest_area, sighting.face.area)
        self.prominence += sighting.face.area * view.lasts_s
        if view.quality > self.best.quality:
            self.best = _best(view)
        if view.is_alone and self.identity.is_sharp(sighting.sharpness):
            self.identity.learn(engine, sighting)
            self.is_clear = self.is_clear or sighting.side_px >= engine.identity_scale.small_px

    def expected(self, shot: int, time_s: float) -> Array | None:
        """The (4,) box near which they may be seen; None where it may be anywhere."""
        return self._bbox if shot == self._shot and time_s - self.last_s <= _NEAR_S else None

    def distance(self, engine: AnyEngine, other: "Draft") -> float:
        """How unlike two people are; infinite for those who were seen together, or are too unlike."""
        distance = self.identity.distance(engine, other.identity.mean)
        side_px = min(self.identity.side_px, other.identity.side_px)
        if self.looks & other.looks or not distance <= engine.identity_scale.limit(side_px):
            return float("inf")
        return distance

    def join(self, other: "Draft") -> None:
        """Be one with another, who was met later."""
        self.identity.join(other.identity)
        self.looks |= other.looks
        self.first_s, self.last_s = min(self.first_s, other.first_s), max(self.last_s, other.last_s)
        self.best = max(self.best, other.best, key=lambda view: view.quality)
        self.largest_area = max(self.largest_area, other.largest_area)
        self.prominence += other.prominence
        self.is_clear = self.is_clear or other.is_clear


def merged(engine: AnyEngine, drafts: Iterable[Draft]) -> Steps[list[Draft]]:
    """Take those together who prove to be one person, the most alike first; the order stays."""
    left = list(drafts)
    apart = np.full((len(left), len(left)), np.inf)  # above the diagonal alone
    for place, draft in enumerate(left):
        yield
        apart[place, place + 1 :] = [draft.distance(engine, other) for other in left[place + 1 :]]
    while len(left) > 1:
        one, other = (int(place) for place in np.unravel_index(apart.argmin(), apart.shape))
        if not np.isfinite(apart[one, other]):
            break
        yield
        left[one].join(left.pop(other))
        apart = np.delete(np.delete(apart, other, axis=0), other, axis=1)
        apart[:one, one] = [before.distance(engine, left[one]) for before in left[:one]]
        apart[one, one + 1 :] = [left[one].distance(engine, later) for later in left[one + 1 :]]
    return left


def _best(view: View) -> BestView:
    region = view.sighting.region
    return BestView(
        quality=view.quality,
        face=view.sighting.face,
        frame=view.frame,
        time_s=view.time_s,
        preview=square(region.picture, region.inside(view.sighting.face)),
    )


def _frontal(face: Face) -> float:
    """1 where the nose lies midway between the eyes, less the more the head is turned aside."""
    left, right, nose = face.kps[:3].astype(np.float64)
    along = right - left
    length = float(np.hypot(*along))
    if length <= 0:
        return _TURNED
    aside = abs(float(np.dot(nose - (left + right) / 2, along))) / length**2
    return max(_TURNED, 1 - 2 * aside)

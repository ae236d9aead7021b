"""Everybody who is in a video, from a look at a few frames a second."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from pipeline.engines.base import AnyEngine
from pipeline.face import Bgr, Face
from pipeline.faces.select import face_id, reading_order
from pipeline.steps import Steps
from pipeline.tracks.associate import associate
from pipeline.tracks.draft import Draft, View, merged
from pipeline.tracks.frame import FrameView, region_around, shrunk
from pipeline.tracks.identity import Person, Sighting, is_alone
from pipeline.tracks.scene import CUT, SceneChanges

_PAUSE_S: Final = 0.3
"""Between two looks, but at cuts: about three a second."""
_LONGEST: Final = 1280
"""The longer side in pixels of what is looked at: faces of a sixtieth of it are found."""


@dataclass(frozen=True, kw_only=True, eq=False)
class CastMember:
    """One person of a video.

    Attributes:
        face_id: `face_0`, `face_1` and so on, in the order in which people appear; of those who appear in the
            same frame, in reading order.
        face: the face where it is seen best, in pixels of the upright frame.
        frame: the number of that frame, from 0.
        time_s: when it shows.
        preview: BGR uint8 (160, 160, 3), that face and something around it.
        person: how they look, for a `Tracker`.
        first_s: when they are first seen.
        last_s: when they are last seen.
        seen: in how many of the frames that were looked at.
        largest_area: of their face, in square pixels.
        prominence: the area of their face, summed over the time in which they are seen, in square pixels
            times seconds.
    """

    face_id: str
    face: Face
    frame: int
    time_s: float
    preview: Bgr
    person: Person
    first_s: float
    last_s: float
    seen: int
    largest_area: float
    prominence: float


class CastBuilder:
    """Gets to know the people of a video, whose frames it is shown in order; on the device's thread.

    The same frames lead to the same cast.
    """

    def __init__(self, engine: AnyEngine) -> None:
        #: How many faces of a frame did not count, as they were too many; of all frames the most.
        self.left_out = 0
        self._engine = engine
        self._scenes = SceneChanges()
        self._drafts: list[Draft] = []
        self._shot = 0
        self._looks = 0
        self._looked_s: float | None = None
        self._before: tuple[FrameView, int, float] | None = None  # the last frame, if it was not looked at

    def add(self, frame: FrameView, number: int, time_s: float) -> Steps[bool]:
        """Take the next frame; tells whether it, or the one before, was looked at, which takes its time.

        Looked at are some frames a second, those before and after a cut, the first and the last one.
        """
        is_cut = self._scenes.change(frame) >= CUT
        if is_cut:
            yield from self._look_before()
            self._shot += 1
        if not is_cut and self._looked_s is not None and time_s - self._looked_s < _PAUSE_S:
            self._before = frame, number, time_s
            return False
        yield from self._look(frame, number, time_s)
        return True

    def finish(self) -> Steps[tuple[CastMember, ...]]:
        """Tell who is in the video, after its last frame; nobody, where no face was seen."""
        yield from self._look_before()
        drafts = _without_strays((yield from merged(self._engine, self._drafts)))
        return tuple(_member(number, draft) for number, draft in enumerate(_in_order(drafts)))

    def _look_before(self) -> Steps[None]:
        if self._before is not None:
            yield from self._look(*self._before)

    def _look(self, frame: FrameView, number: int, time_s: float) -> Steps[None]:
        lasts_s = _PAUSE_S if self._looked_s is None else min(time_s - self._looked_s, _PAUSE_S)
        sightings = yield from self._sightings(frame)
        people = [(draft.identity, draft.expected(self._shot, time_s)) for draft in self._drafts]
        places = yield from associate(self._engine, people, sightings)
        owners = {
            place: draft for draft, place in zip(self._drafts, places, strict=True) if place is not None
        }
        for place, sighting in enumerate(sightings):
            yield
            view = View(
                sighting=sighting,
                is_alone=is_alone(sighting, sightings),
                frame_size=frame.size,
                frame=number,
                time_s=time_s,
                lasts_s=lasts_s,
                look=self._looks,
                shot=self._shot,
            )
            if place in owners:
                owners[place].see(self._engine, view)
            else:
                self._drafts.append(Draft(self._engine, view))
        self._looks += 1
        self._looked_s, self._before = time_s, None

    def _sightings(self, frame: FrameView) -> Steps[list[Sighting]]:
        """The faces of a frame: found in a smaller picture of it, and then seen as they are."""
        small = shrunk(frame, _LONGEST)
        factor = frame.size[0] / small.shape[1]
        found = yield from self._engine.find_in_steps(small)
        self.left_out = max(self.left_out, found.left_out)
        sightings: list[Sighting] = []
        for each in found.faces:
            yield
            face = each.scaled(factor)
            region = region_around(frame, face.bbox)
            if region is None:
                continue
            if factor > 1:
                refined = self._engine.refine(region.picture, region.inside(face))
                face = face if refined is None else region.outside(refined)
            sightings.append(Sighting(self._engine, face, frame))
        return sightings


def _without_strays(drafts: list[Draft]) -> list[Draft]:
    """Leave out who was seen once and not clearly, unless there is nobody else."""
    return [draft for draft in drafts if draft.is_clear or len(draft.looks) > 1] or drafts


def _in_order(drafts: Iterable[Draft]) -> list[Draft]:
    """In the order of appearance, then of reading."""
    ordered: list[Draft] = []
    for _, group in groupby(sorted(drafts, key=lambda draft: min(draft.looks)), lambda it: min(it.looks)):
        by_face = {id(draft.first): draft for draft in group}
        ordered += [by_face[id(face)] for face in reading_order(draft.first for draft in by_face.values())]
    return ordered


def _member(number: int, draft: Draft) -> CastMember:
    best = draft.best
    return CastMember(
        face_id=face_id(number),
        face=best.face,
        frame=best.frame,
        time_s=best.time_s,
        preview=best.preview,
        person=draft.identity.person,
        first_s=draft.first_s,
        last_s=draft.last_s,
        seen=len(draft.looks),
        largest_area=draft.largest_area,
        prominence=draft.prominence,
    )

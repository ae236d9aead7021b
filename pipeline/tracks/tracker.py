"""Following faces through a video, some frames behind, so that what is understood late still counts."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from pipeline.engines.base import AnyEngine
from pipeline.face import Face
from pipeline.faces.select import MOST_FACES
from pipeline.steps import Steps
from pipeline.tracks.associate import associate
from pipeline.tracks.frame import FrameView, is_within, region_around
from pipeline.tracks.identity import Person, Sighting, is_alone, shared
from pipeline.tracks.look import Looks, Refusals, confirm, is_taken
from pipeline.tracks.scene import CUT, DOUBTFUL, SceneChanges
from pipeline.tracks.track import Track

WINDOW: Final = 15
"""So many frames are held back. A tracker that begins in the middle of a video should begin as many early."""

_SAME_FACE: Final = 0.5
"""Share of the boxes' union from which on two faces are one."""
_CONTINUED: Final = 0.3
"""Share of the boxes' union of one face in two frames in succession."""

FrameT = TypeVar("FrameT", bound=FrameView)


@dataclass(frozen=True, kw_only=True, eq=False)
class TrackedFrame(Generic[FrameT]):
    """A frame and who is in it.

    Attributes:
        number: its place among the frames that were fed, from 0.
        frame: the frame as it was fed.
        faces: by the number of who it is; those who were known beforehand are numbered as they were given,
            all others are higher.
    """

    number: int
    frame: FrameT
    faces: dict[int, Face]


class Tracker(Generic[FrameT]):
    """Tells of each frame of a video who is where; for the device's thread.

    A face is found where it was, by `Engine.refine`. Others are looked for in a part of each frame; a new one
    is traced back through the frames that are held. Where two meet, or one looks like another person,
    identity decides. Whoever is lost is kept in mind, and known again.
    """

    def __init__(self, engine: AnyEngine, *, known: Sequence[Person] = (), window: int = WINDOW) -> None:
        """Begin, with those who are `known`; they are kept in mind as if lost before the first frame."""
        self._engine = engine
        self._tracks = {number: Track(number, person) for number, person in enumerate(known)}
        self._window = window
        self._held: deque[TrackedFrame[FrameT]] = deque()
        self._next_track = len(known)
        self._next_frame = 0
        self._cut = 0
        self._scenes = SceneChanges()
        self._refusals = Refusals()
        self._looks: Looks | None = None

    def feed(self, frame: FrameT) -> Steps[list[TrackedFrame[FrameT]]]:
        """Take the next frame; gives back those about which nothing more will be learned, at most one."""
        held = TrackedFrame(number=self._next_frame, frame=frame, faces={})
        self._next_frame += 1
        self._held.append(held)
        yield from self._look(held)
        return [self._held.popleft()] if len(self._held) > self._window else []

    def finish(self) -> Iterator[TrackedFrame[FrameT]]:
        """Give back the frames that are left, after the last one."""
        while self._held:
            yield self._held.popleft()

    def _look(self, held: TrackedFrame[FrameT]) -> Steps[None]:
        looks = self._looks = self._looks or Looks(self._engine, held.frame.size)
        change = self._scenes.change(held.frame)
        if change >= CUT:
            self._cut = held.number
            self._refusals.clear()
        followed = yield from self._followed(held)
        fresh = yield from self._fresh(held, followed.values(), looks)
        doubtful = yield from self._doubtful(held.number, followed, every=change >= DOUBTFUL)
        questioned = self._contested(followed, fresh) | doubtful
        seen = {track: sighting for track, sighting in followed.items() if track not in questioned}
        seen |= yield from self._settled(held.number, followed, questioned, fresh)
        yield from self._take(held, seen)
        yield from self._learn(held, seen)

    def _followed(self, held: TrackedFrame[FrameT]) -> Steps[dict[Track, Sighting]]:
        """Those who were in the frame before, where they are now."""
        followed: dict[Track, Sighting] = {}
        for track in self._tracks.values():
            foreseen = track.foreseen(held.number)
            if foreseen is not None and track.seen == held.number - 1 and track.seen >= self._cut:
                yield
                sighting = self._sighting(held.frame, foreseen)
                if sighting is not None:
                    followed[track] = sighting
        return followed

    def _sighting(self, frame: FrameT, foreseen: Face) -> Sighting | None:
        """A face that was elsewhere before, where it is in a frame; None if it is not there."""
        region = region_around(frame, foreseen.bbox)
        found = None if region is None else self._engine.refine(region.picture, region.inside(foreseen))
        if region is None or found is None:
            return None
        face = region.outside(found)
        return Sighting(self._engine, face, frame) if is_within(frame, face.bbox) else None

    def _fresh(
        self, held: TrackedFrame[FrameT], followed: Iterable[Sighting], looks: Looks
    ) -> Steps[list[Sighting]]:
        """The faces that nobody who is followed has, as far as they count."""
        taken = [sighting.face.bbox for sighting in followed]
        awaited = sum(it.expected(held.number, cut=self._cut) is not None for it in self._tracks.values())
        fresh: list[Sighting] = []
        for row in looks.at(held.frame, eager=held.number == self._cut or len(taken) < awaited):
            if is_taken(row[:4], taken) or self._refusals.holds(row[:4], held.number):
                continue
            if len(taken) >= MOST_FACES:
                break
            yield
            face = yield from confirm(self._engine, held.frame, row[:4])
            # Once more, as it will be shown to the model in the frames that follow.
            sighting = None if face is None else self._sighting(held.frame, face)
            if sighting is None or is_taken(sighting.face.bbox, taken):
                self._refusals.add(row[:4], held.number)
                continue
            taken.append(sighting.face.bbox)
            fresh.append(sighting)
        return fresh

    @staticmethod
    def _contested(followed: dict[Track, Sighting], fresh: Sequence[Sighting]) -> set[Track]:
        """Those whose faces overlap with another one."""
        sightings = [*followed.values(), *fresh]
        return {track for track, sighting in followed.items() if not is_alone(sighting, sightings)}

    def _doubtful(self, number: int, followed: dict[Track, Sighting], *, every: bool) -> Steps[set[Track]]:
        """Those whose face looks like another person; looked at from time to time, or where asked to."""
        scale = self._engine.identity_scale
        doubtful: set[Track] = set()
        for track, sighting in followed.items():
            identity = track.identity
            if (every or track.is_due(number)) and identity.is_sharp(sighting.sharpness):
                yield
                is_other = identity.nearest(self._engine, sighting.embedding) > scale.accept
                if is_other and min(identity.side_px, sighting.side_px) >= scale.blind_px:
                    doubtful.add(track)
        return doubtful

    def _settled(
        self,
        number: int,
        followed: dict[Track, Sighting],
        questioned: set[Track],
        fresh: Sequence[Sighting],
    ) -> Steps[dict[Track, Sighting]]:
        """Decide whose the faces are that may be of several people, and those that are new.

        What was only followed and is nobody's is dropped: if it is a face, it will be seen as a new one.
        """
        if not questioned and not fresh:
            return {}
        tracks = [track for track in self._tracks.values() if track in questioned or track not in followed]
        sightings = [*fresh, *_unlike([followed[track] for track in followed if track in questioned])]
        people = [(track.identity, track.expected(number, cut=self._cut)) for track in tracks]
        places = yield from associate(self._engine, people, sightings)
        settled = {
            track: sightings[place] for track, place in zip(tracks, places, strict=True) if place is not None
        }
        for place, sighting in enumerate(fresh):
            if place not in places:
                settled[self._new_track()] = sighting
        return settled

    def _new_track(self) -> Track:
        track = Track(self._next_track)
        self._next_track += 1
        self._tracks[track.number] = track
        return track

    def _take(self, held: TrackedFrame[FrameT], seen: dict[Track, Sighting]) -> Steps[None]:
        """Go on with those who are in the frame, and find those who are new or back in frames before."""
        back = [track for track in seen if track.seen < held.number - 1 or track.seen < self._cut]
        for track, sighting in seen.items():
            track.see(sighting.face, held.number, cut=self._cut)
            held.faces[track.number] = sighting.face
        for track in back:
            yield
            self._trace_back(track, seen[track].face)

    def _trace_back(self, track: Track, face: Face) -> None:
        """Find a face of the last frame in those that are held, back to where it comes from."""
        velocity = 0.0, 0.0
        for held in list(self._held)[-2::-1]:
            if held.number < self._cut or track.number in held.faces:
                return
            foreseen = face.moved(-velocity[0], -velocity[1])
            sighting = self._sighting(held.frame, foreseen)
            if sighting is None or shared(sighting.face, foreseen) < _CONTINUED:
                return
            for number, other in list(held.faces.items()):
                if shared(sighting.face, other) > _SAME_FACE:
                    if not self._is_rather(track, self._tracks[number], sighting):
                        return
                    del held.faces[number]
            held.faces[track.number] = sighting.face
            (x, y), (before_x, before_y) = face.center, sighting.face.center
            velocity, face = (x - before_x, y - before_y), sighting.face

    def _is_rather(self, one: Track, other: Track, sighting: Sighting) -> bool:
        """Whether a face is clearly that of one and not of another."""
        distance, others = (
            track.identity.distance(self._engine, sighting.embedding) for track in (one, other)
        )
        return distance + self._engine.identity_scale.margin <= others

    def _learn(self, held: TrackedFrame[FrameT], seen: dict[Track, Sighting]) -> Steps[None]:
        """Look from time to time how those look who are alone and sharp, and who they may be."""
        sightings = list(seen.values())
        for track, sighting in seen.items():
            if not (track.is_due(held.number) and is_alone(sighting, sightings)):
                continue
            yield
            if track.identity.is_sharp(sighting.sharpness):
                track.checked = held.number
                track.identity.learn(self._engine, sighting)
                if not track.is_known:
                    yield from self._recognise(track, sighting, held)

    def _recognise(self, track: Track, sighting: Sighting, held: TrackedFrame[FrameT]) -> Steps[None]:
        """See whether somebody of whom it was not known is one of those who were lost."""
        older = [other for other in self._tracks.values() if other.number < track.number]
        lost = [other for other in older if other.seen < held.number]
        places = yield from associate(self._engine, [(other.identity, None) for other in lost], [sighting])
        person = next((other for other, place in zip(lost, places, strict=True) if place is not None), None)
        if person is None or any({person.number, track.number} <= frame.faces.keys() for frame in self._held):
            return
        for frame in self._held:
            if track.number in frame.faces:
                frame.faces[person.number] = frame.faces.pop(track.number)
        person.take_over(track)
        person.identity.learn(self._engine, sighting)
        del self._tracks[track.number]


def _unlike(sightings: Iterable[Sighting]) -> list[Sighting]:
    """The sightings, of those that are of one face only the one of which the model was surest."""
    kept: list[Sighting] = []
    for sighting in sorted(sightings, key=lambda seen: -seen.face.presence):
        if all(shared(sighting.face, other.face) <= _SAME_FACE for other in kept):
            kept.append(sighting)
    return kept

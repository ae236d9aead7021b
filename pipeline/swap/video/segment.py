"""The swap of one segment of a video, frame by frame: follow everybody, paint those who were chosen."""

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from pipeline.blend.hands import HandKeeper
from pipeline.engines.base import AnyEngine, BlendOptions
from pipeline.face import Array, Face, Source
from pipeline.faces.covered import is_covered
from pipeline.media.video.frame import FrameEditor, YuvFrame
from pipeline.steps import Steps, Stepwise
from pipeline.swap.choose import ChosenFaces, counting
from pipeline.swap.hands import HAND_REACH, HandWatch
from pipeline.swap.paint import Painter
from pipeline.swap.request import FaceFilter
from pipeline.swap.timing import Timings
from pipeline.swap.video.facts import PersonFacts, SegmentFacts
from pipeline.swap.video.view import YuvView
from pipeline.tracks.cast import CastMember
from pipeline.tracks.frame import Region, box_around
from pipeline.tracks.tracker import WINDOW, TrackedFrame, Tracker

WARM_UP: Final = WINDOW
"""How many frames before a segment it is begun with: whoever is in its first frame is followed by then.

As many are looked at behind it: who is noticed late was in its last ones, too.
"""

_REACH: Final = 0.45
"""What is changed around a face, in times its longer side to each side: 1.9 faces, as engines paste them."""
_ENHANCED_REACH: Final = 0.8
"""... and as enhancers do, which look at the whole head."""


@dataclass(frozen=True, kw_only=True, eq=False)
class VideoSwap:
    """What is done to every segment of a video: data, which can be sent to another process."""

    #: Everybody in the video, and the source by the place of whom it goes onto.
    people: Sequence[CastMember]
    chosen: ChosenFaces
    #: What goes onto faces that are nobody's of these; None where those are left alone.
    everybody: str | None
    sources: Mapping[str, Source]
    blend: BlendOptions
    face_filter: FaceFilter


@dataclass(frozen=True, kw_only=True, eq=False)
class SwapTools:
    """What it is done with, on the device's thread."""

    engine: AnyEngine
    painter: Painter
    #: What keeps hands before faces; None where nothing does.
    hands: HandKeeper | None
    timings: Timings


class SegmentSwap:
    """Takes the frames of one segment in order, and some before it and behind it that stay out of it.

    `begin` and then `step` until it says that there is none left, on the device's thread. Frames come out
    some later than they were put in: `done` holds those that are to be encoded.
    """

    def __init__(self, swap: VideoSwap, tools: SwapTools, start: int, end: int | None) -> None:
        """Begin a segment whose frames show from `start` on and before `end`, in ticks; None is open."""
        #: Frames that are done, whether they were changed or not, to be taken out from the left.
        self.done: deque[YuvFrame] = deque()
        self.facts = SegmentFacts()
        self._swap, self._tools = swap, tools
        self._start, self._end_at = start, end
        self._editor = FrameEditor()
        self._tracker: Tracker[YuvView] = Tracker(tools.engine, known=[each.person for each in swap.people])
        self._watches: dict[int, HandWatch] = {}  # by track
        self._steps: deque[Callable[[], None]] = deque()

    def begin(self, frame: YuvFrame | None) -> None:
        """Put in the next frame; None after the last one. Steps of one that came before go first."""
        self._steps.append(partial(self._follow, Stepwise(self._ready(frame))))

    def step(self) -> bool:
        """Take the next step; returns whether it was the last for now.

        Raises:
            OutputInvalid: the engine gave no picture.
        """
        self._steps.popleft()()
        return not self._steps

    def _ready(self, frame: YuvFrame | None) -> Steps[list[TrackedFrame[YuvView]]]:
        """Put in the next frame; the frames about which nothing more will be learned."""
        if frame is None:
            return list(self._tracker.finish())
        return (yield from self._tracker.feed(YuvView(frame, self._editor)))

    def _follow(self, following: Stepwise[list[TrackedFrame[YuvView]]]) -> None:
        with self._tools.timings.measure("detect"):
            is_done = following.step()
        if not is_done:
            self._steps.appendleft(partial(self._follow, following))
            return
        held = (tracked for tracked in following.result if self._holds(tracked.frame.frame.time))
        steps = [step for tracked in held for step in self._plan(tracked)]
        self._steps.extendleft(reversed(steps))

    def _holds(self, time: int) -> bool:
        return time >= self._start and (self._end_at is None or time < self._end_at)

    def _plan(self, tracked: TrackedFrame[YuvView]) -> Iterator[Callable[[], None]]:
        """The steps of a frame: its faces one by one, the smaller ones first, which larger ones may cover."""
        faces = sorted(self._chosen(tracked), key=lambda each: (tracked.faces[each[0]].area, each[0]))
        painted: list[int] = []
        for track, name in faces:
            yield partial(self._paint, tracked, track, name, painted)
        yield partial(self._end, tracked.frame.frame, painted)

    def _chosen(self, tracked: TrackedFrame[YuvView]) -> Iterator[tuple[int, str]]:
        swap = self._swap
        for track, face in tracked.faces.items():
            name = swap.chosen.get(track)
            stranger = track >= len(swap.people)
            if stranger and counting([face], swap.face_filter):
                name = swap.everybody
            if name is not None:
                yield track, name

    def _paint(self, tracked: TrackedFrame[YuvView], track: int, name: str, painted: list[int]) -> None:
        swap, frame, face = self._swap, tracked.frame, tracked.faces[track]
        painter = self._tools.painter
        with self._tools.timings.measure("swap"):
            watch = self._watch(track)
            box = box_around(frame, face.bbox, reach=self._reach(watch))
            if box is None:
                return
            region = Region(picture=self._editor.read(frame.frame, box), offset=box[:2])
            before = region.picture
            after = Region(picture=before.copy(), offset=region.offset)
            inside = after.inside(face)
            measures = track < len(swap.people) and track not in self.facts.people
            seen = painter.embed(before, inside) if measures else None
            # Itself among them, as it is: a copy would count as a neighbour.
            others = [
                inside if number == track else after.inside(other) for number, other in tracked.faces.items()
            ]
            if watch is not None:
                watch.follow(before, region.offset)
                watch.look(before, inside, region.offset)
                watch.take(before, region.offset)
            [changed] = painter.paint(after.picture, [(inside, swap.sources[name])], others)
            if not changed:
                return
            if watch is not None:
                watch.put_back(after.picture)
            self._editor.write(frame.frame, box, before, after.picture)
            painted.append(track)
            if track < len(swap.people):
                person = self.facts.people.setdefault(track, PersonFacts())
                person.frames += 1
                if measures:
                    self._measure(person, region, after, inside, name, seen)

    def _watch(self, track: int) -> HandWatch | None:
        if self._tools.hands is None:
            return None
        return self._watches.setdefault(track, HandWatch(self._tools.hands))

    def _reach(self, watch: HandWatch | None) -> float:
        """How much around a face is cut out of the frame."""
        if watch is not None and watch.looks_around:
            return HAND_REACH
        return _ENHANCED_REACH if self._swap.blend.enhance else _REACH

    def _measure(
        self, person: PersonFacts, before: Region, after: Region, face: Face, name: str, seen: Array | None
    ) -> None:
        """Tell how alike somebody became, where they are changed for the first time in the segment."""
        person.side_px = min(face.size)
        person.covered = is_covered(before.picture, face)
        source = self._swap.sources[name]
        person.likeness = self._tools.painter.likeness(after.picture, face, source, seen)

    def _end(self, frame: YuvFrame, painted: Sequence[int]) -> None:
        self.facts.frames += 1
        if painted:
            self.facts.changed += 1
            if self.facts.first_changed is None:
                self.facts.first_changed = frame.time
        self.done.append(frame)

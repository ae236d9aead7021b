"""The swap of one frame: find its faces, choose among them, paint."""

import itertools
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from pipeline.blend.enhance import Enhancer
from pipeline.engines.base import AnyEngine, BlendOptions
from pipeline.face import Array, Bgr, Face, FoundFaces, Source
from pipeline.faces.covered import is_covered
from pipeline.steps import Steps, Stepwise, each_within
from pipeline.swap.choose import ChosenFaces, find_faces
from pipeline.swap.hands import HandWatch
from pipeline.swap.minors import TargetMinors
from pipeline.swap.paint import Painter
from pipeline.swap.request import FaceFilter
from pipeline.swap.result import FaceResult, Likeness, Likenesses, face_result
from pipeline.swap.timing import Timings

Choose = Callable[[Bgr, Sequence[Face]], Steps[ChosenFaces]]


@dataclass(frozen=True, kw_only=True, eq=False)
class SwappedFrame:
    """What was done to a frame, or so far."""

    #: Its faces that count, in reading order.
    faces: Sequence[Face] = ()
    #: Which source was meant for which of them.
    chosen: ChosenFaces
    #: Those that changed.
    likenesses: Likenesses
    #: The places of those that something seemed to cover before they were changed, where that was looked at.
    covered: frozenset[int] = frozenset()

    @property
    def changed(self) -> bool:
        """Whether anything was changed."""
        return bool(self.likenesses)

    @property
    def swapped(self) -> list[str]:
        """The names of the sources that were put in."""
        return [self.chosen[place] for place in self.likenesses]

    def results(self) -> tuple[FaceResult, ...]:
        """Tell of each face."""
        return tuple(
            face_result(number, face, source=self.chosen.get(number), likenesses=self.likenesses)
            for number, face in enumerate(self.faces)
        )


class FrameSwapper:
    """Swaps faces in frames, one after the other, with one engine."""

    def __init__(
        self,
        engine: AnyEngine,
        enhancer: Enhancer | None,
        blend: BlendOptions,
        face_filter: FaceFilter,
        *,
        sources: Mapping[str, Source],
        choose: Choose,
        minors: TargetMinors | None,
        hands: HandWatch | None,
        timings: Timings,
    ) -> None:
        """Put in `sources`, by name, where `choose` says, once `minors` has looked at the faces there.

        What `hands` sees before them stays. `timings` gains the stages detect and swap.
        """
        self.engine = engine
        self.painter = Painter(engine, enhancer, blend)
        self.face_filter = face_filter
        self.sources = sources
        self.choose = choose
        self.minors = minors
        self.hands = hands
        self.timings = timings

    def begin(self, frame: Bgr, *, measured: bool, on_done: Callable[[SwappedFrame], None]) -> "FrameSwap":
        """Begin a BGR uint8 (h, w, 3) frame, which its steps change in place.

        With `measured` each chosen face is looked at before and after; `on_done` is called by the last step.
        """
        return FrameSwap(self, frame, measured=measured, on_done=on_done)


class FrameSwap:
    """The swap of one frame in steps, so that between two of them the device may work on other jobs.

    The first steps find and choose faces, each other one takes as many of those as the engine's batch has.
    Smaller faces come first: a larger one is nearer to the camera, and covers them where they overlap.
    """

    def __init__(
        self,
        swapper: FrameSwapper,
        frame: Bgr,
        *,
        measured: bool,
        on_done: Callable[[SwappedFrame], None],
    ) -> None:
        #: How many faces of the chosen ones were painted.
        self.done = 0
        self._swapper = swapper
        self._frame = frame
        self._measured = measured
        self._on_done = on_done
        self._found = FoundFaces(faces=[])
        self._chosen: ChosenFaces = {}
        self._before: dict[int, Array | None] = {}
        self._covered: set[int] = set()
        self._likenesses: dict[int, Likeness | None] = {}
        measured_each = partial(swapper.timings.measure, "detect")
        self._finding = Stepwise(each_within(measured_each, self._find()))
        self._steps: deque[Callable[[], None]] = deque([self._go_on_finding])

    @property
    def total(self) -> int:
        """How many faces were chosen; 0 before they were found."""
        return len(self._chosen)

    @property
    def left_out(self) -> int:
        """How many more faces there may be that are not looked at; 0 before they were found."""
        return self._found.left_out

    @property
    def changed(self) -> bool:
        """Whether anything was changed; to be asked once the frame is done."""
        return bool(self._likenesses)

    @property
    def outcome(self) -> SwappedFrame:
        """What was done so far."""
        likenesses = dict(sorted(self._likenesses.items()))
        covered = frozenset(self._covered & likenesses.keys())
        return SwappedFrame(faces=self._faces, chosen=self._chosen, likenesses=likenesses, covered=covered)

    def step(self) -> bool:
        """Take the next step, on the device's thread; returns whether it was the last.

        Raises:
            NoFaceInTarget: a picture shows no face.
            FaceNotFound: a face that was asked for is not there.
            MinorRefused: a chosen face may be a minor's, and that is not wanted; nothing was changed.
            OutputInvalid: the engine gave no picture.
        """
        self._steps.popleft()()
        if self._steps:
            return False
        self._on_done(self.outcome)
        return True

    @property
    def _faces(self) -> Sequence[Face]:
        return self._found.faces

    def _go_on_finding(self) -> None:
        if self._finding.step():
            self._plan()
        else:
            self._steps.append(self._go_on_finding)

    def _find(self) -> Steps[None]:
        swapper = self._swapper
        self._found = yield from find_faces(swapper.engine, self._frame, swapper.face_filter)
        self._chosen = yield from swapper.choose(self._frame, self._faces)

    def _plan(self) -> None:
        swapper = self._swapper
        batches = self._batches()
        minors, hands = swapper.minors, swapper.hands if batches else None
        if minors is not None:
            self._steps.extend(partial(self._judge, minors, batch) for batch in batches)
            self._steps.append(minors.end_frame)
        if self._measured:
            self._steps.extend(partial(self._look, batch) for batch in batches)
        if hands is not None:
            self._steps.append(partial(hands.follow, self._frame))
            self._steps.extend(partial(self._look_for_hands, hands, batch) for batch in batches)
            self._steps.append(partial(hands.take, self._frame))
        self._steps.extend(partial(self._paint, batch) for batch in batches)
        if hands is not None:
            self._steps.append(partial(hands.put_back, self._frame))
        if self._measured:
            self._steps.extend(partial(self._compare, batch) for batch in batches)

    def _batches(self) -> list[list[int]]:
        """The places of the chosen faces in the order in which they are painted."""
        order = sorted(self._chosen, key=lambda place: (self._faces[place].area, place))
        size = self._swapper.engine.batch_size
        return [order[start : start + size] for start in range(0, len(order), size)]

    def _judge(self, minors: TargetMinors, batch: Sequence[int]) -> None:
        with self._swapper.timings.measure("detect"):
            minors.look(self._frame, {place: self._faces[place] for place in batch})

    def _look(self, batch: Sequence[int]) -> None:
        with self._swapper.timings.measure("swap"):
            for place in batch:
                self._before[place] = self._swapper.painter.embed(self._frame, self._faces[place])
                if is_covered(self._frame, self._faces[place]):
                    self._covered.add(place)

    def _look_for_hands(self, hands: HandWatch, batch: Sequence[int]) -> None:
        with self._swapper.timings.measure("detect"):
            for place in batch:
                hands.look(self._frame, self._faces[place])

    def _paint(self, batch: Sequence[int]) -> None:
        pairs = [(self._faces[place], self._source(place)) for place in batch]
        with self._swapper.timings.measure("swap"):
            changed = self._swapper.painter.paint(self._frame, pairs, self._faces)
        self._likenesses.update(dict.fromkeys(itertools.compress(batch, changed)))
        self.done += len(batch)

    def _compare(self, batch: Sequence[int]) -> None:
        with self._swapper.timings.measure("swap"):
            for place in batch:
                if place in self._likenesses:
                    self._likenesses[place] = self._swapper.painter.likeness(
                        self._frame, self._faces[place], self._source(place), self._before[place]
                    )

    def _source(self, place: int) -> Source:
        return self._swapper.sources[self._chosen[place]]

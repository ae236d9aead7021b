"""One swap from its opened files to its result, as single calls, each for the thread it belongs to."""

from pipeline.blend.enhance import Enhancer
from pipeline.blend.hands import HandKeeper
from pipeline.content import ContentCheck
from pipeline.engines.base import AnyEngine, EngineInfo
from pipeline.errors import NoFaceInTarget
from pipeline.face import Notice
from pipeline.media.pictures.decode import Picture
from pipeline.media.pictures.encode import OutputFormat
from pipeline.media.target import Target
from pipeline.steps import Steps
from pipeline.swap.choose import FaceChooser, left_out_notices
from pipeline.swap.doubts import doubts
from pipeline.swap.frame import FrameSwap, FrameSwapper, SwappedFrame
from pipeline.swap.hands import HandWatch
from pipeline.swap.inputs import TargetFrames
from pipeline.swap.minors import MinorCheck, TargetMinors
from pipeline.swap.request import SwapRequest
from pipeline.swap.result import FaceResult, SwapResult
from pipeline.swap.rules import RULES
from pipeline.swap.sources import SourceSet
from pipeline.swap.timing import Timings


class SwapRun:
    """A swap that was opened by `pipeline.swap.swapper.Swapper.open`.

    First each of `unprepared` is loaded and prepared; then each frame of the target is read, swapped and
    handed to the target's writer; then there is a result. Reading and writing belong on CPU threads,
    preparing and swapping on the device's thread. One frame is swapped at a time and in order, while others
    may be read or written.
    """

    def __init__(
        self,
        request: SwapRequest,
        target: Target,
        *,
        sources: SourceSet,
        chooser: FaceChooser,
        engine: AnyEngine,
        enhancer: Enhancer | None,
        minors: MinorCheck | None,
        hands: HandKeeper | None,
        content: ContentCheck | None,
        timings: Timings,
    ) -> None:
        """Begin with an opened `target`."""
        self.target = target
        #: What is to be loaded and prepared before the first frame, by name.
        self.unprepared = sources.unprepared
        self._sources = sources
        self._engine = engine
        self._chooser = chooser
        self._rules = RULES[target.unit](engine, chooser, target)
        self._minors = None if minors is None else TargetMinors(minors, moves=target.unit == "frames")
        self._swapper = FrameSwapper(
            engine,
            enhancer,
            request.blend,
            request.face_filter,
            sources=sources.ready,
            choose=self._rules.choose,
            minors=self._minors,
            hands=None if hands is None else HandWatch(hands),
            timings=timings,
        )
        self._frames = TargetFrames(target, timings, content)
        self._current: FrameSwap | None = None
        self._shown: SwappedFrame | None = None  # the first frame that was changed
        self._left_out = 0  # of any frame before the current one, the most
        self._target_notices: tuple[Notice, ...] = ()

    @property
    def engine(self) -> EngineInfo:
        """What swaps."""
        return self._engine.info

    @property
    def progress(self) -> tuple[int, int]:
        """How many are done, and of how many, in `target.unit`; 0 of 0 before the faces were found."""
        return self._rules.progress(self._current)

    @property
    def notices(self) -> tuple[Notice, ...]:
        """What the sender should know so far, also where the swap fails."""
        return (
            *self._sources.notices,
            *self._target_notices,
            *self._frames.notices,
            *left_out_notices(max(self._left_out, self._current.left_out if self._current else 0)),
            *(self._minors.notices if self._minors else ()),
            *self._chooser.notices(),
            *self._engine.notices,
        )

    @property
    def faces(self) -> tuple[FaceResult, ...]:
        """The faces of the first frame that was changed, else of the last one that was looked at."""
        if self._shown is not None:
            return self._shown.results()
        return self._current.outcome.results() if self._current else ()

    def memory_bytes(self, to: OutputFormat | None = None) -> int:
        """Memory from the first picture to the last frame written, `to` being the format asked for.

        However many frames there are, and many sources: one is let go of before the next is loaded.
        """
        return self._sources.memory_bytes + self.target.memory_bytes(to)

    def load(self, name: str) -> Picture:
        """Decode one of `unprepared`; on a CPU thread. See `SourceSet.load`."""
        return self._sources.load(name)

    def prepare(self, name: str, picture: Picture) -> Steps[None]:
        """Make one of `unprepared` ready, in steps for the device's thread. See `SourceSet.prepare`."""
        return self._sources.prepare(name, picture)

    def read_frame(self) -> Picture:
        """Decode the target's next frame; on a CPU thread. Raises MediaCorrupt, ContentRejected."""
        return self._frames.read()

    def begin(self, frame: Picture) -> FrameSwap:
        """Begin a frame, the one before being done; it is changed in place by the steps."""
        self._target_notices = self._target_notices or frame.notices
        self._left_out = max(self._left_out, self._current.left_out if self._current else 0)
        self._current = self._swapper.begin(frame.bgr, measured=self._shown is None, on_done=self._count)
        return self._current

    def swap(self, frame: Picture) -> bool:
        """Take all steps of a frame at once, on the device's thread; returns whether it was changed."""
        work = self.begin(frame)
        while not work.step():
            pass
        return work.changed

    def result(self) -> SwapResult:
        """Tell what all frames came to, after the last one.

        Raises:
            NoFaceInTarget: no face was changed in any of them.
        """
        if self._shown is None:
            raise NoFaceInTarget(self._rules.nothing_swapped)
        return SwapResult(
            faces=self._shown.results(),
            notices=(
                *self.notices,
                *self._rules.notices(),
                *doubts(self._shown, self._engine.identity_scale),
            ),
            engine=self._engine.info,
        )

    def _count(self, frame: SwappedFrame) -> None:
        self._rules.count(frame)
        if self._shown is None and frame.changed:
            self._shown = frame

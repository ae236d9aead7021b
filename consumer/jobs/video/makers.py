"""Who makes a segment: the device's thread of this process, or processes beside it."""

import pickle
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path
from typing import Protocol

import structlog

from consumer.devices.cores import usable_cores
from consumer.devices.processes import ProcessDied
from consumer.engines.pool import LoadedEngine
from consumer.jobs.context import JobContext
from consumer.jobs.video.frames import frame_bytes
from consumer.jobs.video.means import FrameCount
from consumer.jobs.video.render import VideoWork, render
from consumer.jobs.video.worker import SegmentOrder
from pipeline.errors import PipelineError
from pipeline.media.video.encode import EncodedSegment
from pipeline.media.video.segments import Segment
from pipeline.swap.video.facts import SegmentFacts
from pipeline.swap.video.segment import SwapTools

_log = structlog.get_logger()


class SegmentTimedOut(PipelineError):
    """A part of the video took longer than this service allows."""

    code = "timeout"


class SegmentProcessDied(PipelineError):
    """A process that made a part of the video has ended; `exit_code` is minus the signal that ended it."""

    def __init__(self, exit_code: int) -> None:
        super().__init__(
            f"A process that made a part of the video ended with {exit_code}. Where that is -9 and memory is "
            "short, set SWAPDROP_VIDEO_PROCESSES lower."
        )

    @property
    def for_sender(self) -> str:
        """Without what only whoever runs this machine can mend."""
        return "A part of the video could not be made."


class SegmentNotHere(PipelineError):
    """A part of the video was made on another machine, and is not where this one looks for it."""

    def __init__(self) -> None:
        super().__init__(
            "A part of the video was made on another machine, and is not here. All machines must see the "
            "same files: the bucket, or for local files the folder of SWAPDROP_WORK_DIR."
        )

    @property
    def for_sender(self) -> str:
        """Without what only whoever runs this machine can mend."""
        return "A part of the video could not be made."


class SegmentMaker(Protocol):
    """Makes segments, as many at once as `at_once` says; `keeps` tells whether it keeps them itself."""

    at_once: int
    keeps: bool

    def memory(self) -> AbstractAsyncContextManager[None]:
        """Hold the memory on this machine that making one takes; what is waited for is not timed."""
        ...

    async def make(
        self, segment: Segment, path: Path, count: FrameCount
    ) -> tuple[EncodedSegment, SegmentFacts] | None:
        """Make one at `path`; where they are kept elsewhere return None. Raises as `render`."""
        ...


class OwnThreads:
    """Makes them on the threads of this process, whose device is shared with other jobs."""

    at_once = 1
    keeps = False

    def __init__(self, context: JobContext, loaded: LoadedEngine, work: VideoWork) -> None:
        self._context, self._work = context, work
        self._tools = SwapTools(
            engine=loaded.engine,
            painter=loaded.swapper.painter(work.swap.blend),
            hands=loaded.swapper.hands,
            timings=context.timings,
        )

    def memory(self) -> AbstractAsyncContextManager[None]:
        """That of its frames."""
        return self._context.memory(frame_bytes(self._work.video))

    async def make(
        self, segment: Segment, path: Path, count: FrameCount
    ) -> tuple[EncodedSegment, SegmentFacts]:
        """Make one; see `render`."""
        return await render(self._context, self._tools, self._work, segment, path, count)


class OtherProcesses:
    """Makes them in processes that have engines of their own; other jobs may have some of these."""

    keeps = False

    def __init__(self, context: JobContext, loaded: LoadedEngine, work: VideoWork, at_once: int) -> None:
        self.at_once = at_once
        self._context = context
        self._frame_bytes = frame_bytes(work.video)
        # All that there may be, of all jobs, are to have as many threads together as there are cores.
        self._order = partial(
            SegmentOrder,
            opening=pickle.dumps(loaded.opening),
            threads=max(1, usable_cores() // context.services.processes.most),
            work=work,
        )

    def memory(self) -> AbstractAsyncContextManager[None]:
        """That of its frames."""
        return self._context.memory(self._frame_bytes)

    async def make(
        self, segment: Segment, path: Path, count: FrameCount
    ) -> tuple[EncodedSegment, SegmentFacts]:
        """Make one; see `render`. Raises SegmentProcessDied, too."""
        told = 0

        def tell(frames: int) -> None:
            nonlocal told
            count.add(frames - told)
            told = frames

        async with self._context.process() as process:
            try:
                made = await process.do(self._order(segment=segment, path=path), tell)
            except ProcessDied as error:
                _log.warning("segment_process_died", segment=segment.number, exit_code=error.exit_code)
                raise SegmentProcessDied(error.exit_code) from error
        self._context.timings.add(made.timings_ms)
        return made.written, made.facts

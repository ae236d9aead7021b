"""Who makes a segment: the device's thread of this process, or processes beside it."""

import pickle
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
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
from models.devices import ORT_NAMES
from pipeline.errors import PipelineError
from pipeline.media.video.encode import EncodedSegment
from pipeline.media.video.probe import VideoFile
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


class SegmentMaker(Protocol):
    """Makes segments, as many at once as `at_once` says."""

    at_once: int

    async def make(
        self, segment: Segment, path: Path, count: FrameCount
    ) -> tuple[EncodedSegment, SegmentFacts]:
        """Make one; raises as `render`."""
        ...


class OwnThreads:
    """Makes them on the threads of this process, whose device is shared with other jobs."""

    at_once = 1

    def __init__(self, context: JobContext, loaded: LoadedEngine, work: VideoWork) -> None:
        self._context, self._work = context, work
        self._tools = SwapTools(
            engine=loaded.engine,
            painter=loaded.swapper.painter(work.swap.blend),
            hands=loaded.swapper.hands,
            timings=context.timings,
        )

    async def make(
        self, segment: Segment, path: Path, count: FrameCount
    ) -> tuple[EncodedSegment, SegmentFacts]:
        """Make one; see `render`."""
        return await render(self._context, self._tools, self._work, segment, path, count)


class OtherProcesses:
    """Makes them in processes that have engines of their own; other jobs may have some of these."""

    def __init__(self, context: JobContext, loaded: LoadedEngine, work: VideoWork, at_once: int) -> None:
        self.at_once = at_once
        self._context = context
        # All that there may be, of all jobs, are to have as many threads together as there are cores.
        self._order = partial(
            SegmentOrder,
            opening=pickle.dumps(loaded.opening),
            threads=max(1, usable_cores() // context.processes.most),
            work=work,
        )

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


def segment_maker(
    context: JobContext, loaded: LoadedEngine, work: VideoWork, *, segments: int
) -> SegmentMaker:
    """Choose who makes so many segments."""
    at_once = _processes(context, loaded, work.video, segments)
    return OtherProcesses(context, loaded, work, at_once) if at_once else OwnThreads(context, loaded, work)


@asynccontextmanager
async def processes_ahead(
    context: JobContext, loaded: LoadedEngine, video: VideoFile, *, segments: int
) -> AsyncIterator[None]:
    """Have the processes start that will make so many segments, and keep them within the block.

    A process takes a second until it can work: it may as well do that while people are looked for.
    """
    async with context.processes.kept():
        await context.processes.prepare(_processes(context, loaded, video, segments))
        yield


def _processes(context: JobContext, loaded: LoadedEngine, video: VideoFile, segments: int) -> int:
    """How many processes make so many segments; 0 where this one does.

    They are for engines on the CPU, which one interpreter does not keep busy; a GPU is used by one. There
    are no more of them than their frames have memory for.
    """
    at_once = min(segments, context.processes.most, context.memory_places(frame_bytes(video)))
    is_gain = at_once > 1 and loaded.engine.info.provider == ORT_NAMES["cpu"]
    return at_once if is_gain else 0

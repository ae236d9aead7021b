"""One segment of a video from its first frame to its file: decoded, changed and encoded at once."""

import asyncio
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

import numpy as np

from consumer.jobs.pixels import Finish, Finisher
from consumer.jobs.together import together
from consumer.jobs.video.frames import FrameSource
from consumer.jobs.video.means import FrameCount, Means
from pipeline.media.target import FRAMES_IN_FLIGHT
from pipeline.media.video.encode import EncodedSegment, SegmentWriter
from pipeline.media.video.frame import YuvFrame
from pipeline.media.video.probe import VideoFile
from pipeline.media.video.segments import Segment, SegmentPlan
from pipeline.swap.video.facts import SegmentFacts
from pipeline.swap.video.segment import WARM_UP, SegmentSwap, SwapTools, VideoSwap

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, eq=False)
class VideoWork:
    """What is done to a video, and how it is cut: data, which can be sent to another process."""

    video: VideoFile
    plan: SegmentPlan
    #: Names all that the frames of the result depend on.
    plan_id: str
    swap: VideoSwap
    #: What is done to the frames of a segment in the end.
    finish: Finish


async def render(
    means: Means, tools: SwapTools, work: VideoWork, segment: Segment, path: Path, count: FrameCount
) -> tuple[EncodedSegment, SegmentFacts]:
    """Make a segment; its frames are counted as they are done.

    Raises:
        MediaCorrupt: the file cannot be read any more.
        OutputInvalid: the engine or the encoder failed.
    """
    first, end = around(work.plan, segment)
    swap = SegmentSwap(work.swap, tools, segment.start, segment.end)
    async with (
        FrameSource(means, work.video, first, end) as frames,
        _Encoder(means, partial(SegmentWriter, work.plan, segment, path), work.finish) as encoder,
        together() as group,
    ):
        changed: asyncio.Queue[YuvFrame | None] = asyncio.Queue(FRAMES_IN_FLIGHT)
        encoding = group.create_task(_encode(encoder, changed, count))
        async for ready in frames:
            await _change(means, swap, ready, changed, count)
            ready.clear()  # the source is to hold none of them while the next ones are made
        await _change(means, swap, [None], changed, count)
        await changed.put(None)
        written = await encoding
    swap.facts.read(frames.stats)
    return written, swap.facts


def around(plan: SegmentPlan, segment: Segment) -> tuple[int, int | None]:
    """What is read for a segment: some frames before it and behind it, too, for those who follow faces."""
    end = segment.end
    if end is not None:
        times = plan.clock.times
        place = int(np.searchsorted(times, end)) + WARM_UP
        end = int(times[place]) if place < len(times) else plan.segments[-1].end
    return plan.warm_start(segment, WARM_UP), end


async def _change(
    means: Means,
    swap: SegmentSwap,
    frames: Sequence[YuvFrame | None],
    changed: asyncio.Queue[YuvFrame | None],
    count: FrameCount,
) -> None:
    """Take frames to the device, in steps between which others have their turn; None after the last one."""
    for frame in frames:
        swap.begin(frame)
    await means.on_device_until_done(swap.step, count.tell)
    while swap.done:
        await changed.put(swap.done.popleft())


async def _encode(
    encoder: "_Encoder", changed: asyncio.Queue[YuvFrame | None], count: FrameCount
) -> EncodedSegment:
    while (frame := await changed.get()) is not None:
        await encoder.add(frame)
        count.add()
        del frame
    return await encoder.finish()


class _Encoder:
    """A writer on CPU threads, one call after the other; used as a context. It finishes the frames, too."""

    def __init__(self, means: Means, begin: "partial[SegmentWriter]", finish: Finish) -> None:
        self._means = means
        self._begin = begin
        self._finisher = Finisher(finish)
        self._lock = threading.Lock()
        self._writer: SegmentWriter | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._means.on_cpu_at_last(self._close)

    async def add(self, frame: YuvFrame) -> None:
        """Encode a frame; see `SegmentWriter.add`."""

        def write(writer: SegmentWriter) -> None:
            self._finisher.on_frame(frame)
            writer.add(frame)

        await self._means.on_cpu(partial(self._locked, write), stage="encode")

    async def finish(self) -> EncodedSegment:
        """Write the end; see `SegmentWriter.finish`."""
        return await self._means.on_cpu(partial(self._locked, SegmentWriter.finish), stage="encode")

    def _locked(self, call: Callable[[SegmentWriter], T]) -> T:
        """Call the writer; a call that goes on when its job has ended is waited for by `_close`."""
        with self._lock:
            if self._writer is None:
                self._writer = self._begin()
            return call(self._writer)

    def _close(self) -> None:
        with self._lock:
            if self._writer is not None:
                self._writer.__exit__(None, None, None)

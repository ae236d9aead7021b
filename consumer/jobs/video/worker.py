"""Segments made in a process of its own, which has its own engine and threads."""

import asyncio
import pickle
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

import cv2

from consumer.devices.cpu_threads import CpuThreads
from consumer.devices.processes import Child, Processes
from consumer.devices.worker import WorkerThread
from consumer.jobs.video.render import VideoWork, render
from pipeline.engines.base import AnyEngine
from pipeline.media.video.colour import ToneMapper
from pipeline.media.video.encode import EncodedSegment
from pipeline.media.video.segments import Segment
from pipeline.swap.swapper import Swapper
from pipeline.swap.timing import Timings
from pipeline.swap.video.facts import SegmentFacts
from pipeline.swap.video.segment import SwapTools
from storage.records.status import Stage

if TYPE_CHECKING:
    from consumer.engines.opening import SwapperOpening

T = TypeVar("T")

_CPU_THREADS: Final = 3  # one decodes, one encodes, and one clears up
_TELL_EVERY_S: Final = 0.5


@dataclass(frozen=True, kw_only=True, eq=False)
class SegmentOrder:
    """A segment to be made; `opening` is a pickled `SwapperOpening`, for so many threads a network."""

    opening: bytes
    threads: int
    work: VideoWork
    segment: Segment
    path: Path


@dataclass(frozen=True, kw_only=True, eq=False)
class SegmentMade:
    """A segment that lies at its path, and the milliseconds that its stages took."""

    written: EncodedSegment
    facts: SegmentFacts
    timings_ms: dict[str, float]


SegmentProcess = Child[SegmentOrder, SegmentMade, int]
SegmentProcesses = Processes[SegmentOrder, SegmentMade, int]
"""Processes that make segments, and tell how many frames they have done of the one under way."""


class SegmentWorker:
    """Makes one segment after the other; the engine stays open for as long as they are made with the same."""

    def __init__(self) -> None:
        self._device = WorkerThread(name="device-0")
        self._cpu = CpuThreads(_CPU_THREADS)
        self._mapper = ToneMapper()
        self._opened: tuple[bytes, AnyEngine, Swapper] | None = None

    async def do(self, order: SegmentOrder, tell: Callable[[int], None]) -> SegmentMade:
        """Make a segment; raises as `render`, and as engines do when they are opened."""
        means = _ProcessMeans(self._device, self._cpu, self._mapper)
        signs = asyncio.create_task(means.show_life(tell))
        try:
            with means.unmeasured():
                engine, swapper = await self._device.run(partial(self._open, order), long=True)
            painter = swapper.painter(order.work.swap.blend)
            tools = SwapTools(engine=engine, painter=painter, hands=swapper.hands, timings=means.timings)
            written, facts = await render(means, tools, order.work, order.segment, order.path, means)
        finally:
            signs.cancel()
        tell(means.frames)
        return SegmentMade(written=written, facts=facts, timings_ms=means.timings.ms)

    def _open(self, order: SegmentOrder) -> tuple[AnyEngine, Swapper]:
        if self._opened is None or self._opened[0] != order.opening:
            self._opened = None  # two would take twice the memory
            opening: SwapperOpening = pickle.loads(order.opening)  # noqa: S301 -- from the consumer itself
            self._opened = order.opening, *opening.open(threads=order.threads)
            cv2.setNumThreads(order.threads)  # of this process; more would only wait for one another
        return self._opened[1:]


class _ProcessMeans:
    """Threads of a process that makes one segment; satisfies `Means` and `FrameCount`."""

    def __init__(self, device: WorkerThread, cpu: CpuThreads, mapper: ToneMapper) -> None:
        self.timings = Timings()
        self.tone_mapper = mapper
        #: How many frames are done.
        self.frames = 0
        self._device, self._cpu = device, cpu
        self._moved = False
        self._unmeasured = 0

    def add(self, frames: int = 1) -> None:
        self.frames += frames
        self._moved = True

    def tell(self) -> None:
        self._moved = True

    async def show_life(self, tell: Callable[[int], None]) -> None:
        """Tell of frames again and again, as long as the work is alive: one that hangs must be silent."""
        while True:
            await asyncio.sleep(_TELL_EVERY_S)
            if self._moved or (self._unmeasured and not self._device.silent_s):
                self._moved = False
                tell(self.frames)

    async def on_cpu(self, function: Callable[[], T], *, stage: Stage | None = None) -> T:
        def measured() -> T:
            with self.timings.measure(stage) if stage else nullcontext():
                return function()

        return await asyncio.get_running_loop().run_in_executor(self._cpu, measured)

    def on_cpu_at_last(self, function: Callable[[], object]) -> None:
        self._cpu.submit(function)

    async def on_device_until_done(self, step: Callable[[], bool], told: Callable[[], None]) -> None:
        def steps() -> None:
            while not step():
                told()

        await self._device.run(steps)  # nobody else waits for a turn

    @contextmanager
    def unmeasured(self) -> Iterator[None]:
        self._unmeasured += 1
        try:
            yield
        finally:
            self._unmeasured -= 1

"""Where a job is: on the device, where it takes its turns, waiting for what other jobs have, or elsewhere."""

import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    AsyncExitStack,
    asynccontextmanager,
    contextmanager,
)
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import TypeVar

from consumer.devices.worker import LONGEST_S, TURN_S, Share
from consumer.jobs.progress import JobProgress
from consumer.jobs.services import JobServices

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Milestones:
    """Who is told how far a job has come, on the event loop; the scheduler claims by it."""

    #: The job is in line for the device for the first time.
    arrived: Callable[[], None] = lambda: None
    #: The job needs the device no more.
    swapped: Callable[["Whereabouts"], None] = lambda _whereabouts: None


class JobPlace(Enum):
    """Where a job is, as far as the device is concerned."""

    ELSEWHERE = "elsewhere"
    WAITING = "waiting"  # for memory or for its turn, both of which depend on the device
    ON_DEVICE = "on_device"


class Whereabouts:
    """Takes one attempt at a job to the device and back, and knows where it is; belongs to one event loop.

    `began` is the monotonic time at which the job's ticket was opened.
    """

    def __init__(
        self, services: JobServices, progress: JobProgress, milestones: Milestones, *, began: float
    ) -> None:
        #: Seconds until the device could have begun, waits for memory not counted.
        self.ready_s = 0.0
        #: Seconds that the device worked on this job.
        self.device_s = 0.0
        self._services = services
        self._progress = progress
        self._milestones = milestones
        self._began = began
        self._share: Share | None = None
        self._on_device = False
        self._unmeasured: list[float] = []  # when it began what it does and cannot tell how far
        self._waits = 0  # things that it waits for and that depend on other jobs
        self._waited_s = 0.0  # for memory

    @property
    def place(self) -> JobPlace:
        """Where the job is now."""
        if self._on_device:
            return JobPlace.ON_DEVICE
        return JobPlace.WAITING if self._waits else JobPlace.ELSEWHERE

    def is_alive(self) -> bool:
        """Whether it goes on unseen: waits for a device that is alive, or does what it cannot measure."""
        if self.place is JobPlace.WAITING:
            return self._services.device.silent_s < self._services.stall_timeout_s
        now = time.monotonic()
        return self.place is JobPlace.ELSEWHERE and any(now - began < LONGEST_S for began in self._unmeasured)

    async def on_device(self, function: Callable[[], T]) -> T:
        """Take a step on the device's thread; see `JobContext.on_device`."""
        if self._share is None:
            self._share = self._services.device.share()
            self.ready_s = time.monotonic() - self._began - self._waited_s
            self._milestones.arrived()
            self._progress.line_up()
        with self.waiting():
            return await self._services.device.run(partial(self._step, function), share=self._share)

    async def on_device_until_done(self, step: Callable[[], bool], told: Callable[[], None]) -> None:
        """Take steps there until one returns true; see `JobContext.on_device_until_done`."""
        while not await self.on_device(partial(_take_a_turn, step, told)):
            pass

    def leave_device(self) -> None:
        """Say that the job needs the device no more."""
        self._milestones.swapped(self)

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Wait within the block for what depends on other jobs."""
        self._waits += 1
        try:
            yield
        finally:
            self._waits -= 1

    @contextmanager
    def unmeasured(self) -> Iterator[None]:
        """Do within the block what nobody can tell how far it is, and for an hour at most.

        See `JobContext.unmeasured`.
        """
        began = time.monotonic()
        self._unmeasured.append(began)
        try:
            yield
        finally:
            self._unmeasured.remove(began)

    def having(self, share: AbstractAsyncContextManager[T]) -> AbstractAsyncContextManager[T]:
        """Have one's share of what is there for all jobs; to get it is to wait for others."""
        return entering(share, self.waiting())

    @asynccontextmanager
    async def having_memory(self, size_bytes: int) -> AsyncIterator[None]:
        """... of memory; how long that takes says nothing of how long a job needs to be ready."""
        began = time.monotonic()
        async with self.having(self._services.memory.hold(size_bytes)):
            self._waited_s += time.monotonic() - began
            yield

    def _step(self, function: Callable[[], T]) -> T:
        self._on_device = True
        self._progress.leave_line()
        began = time.monotonic()
        try:
            return function()
        finally:
            self.device_s += time.monotonic() - began
            self._on_device = False


@asynccontextmanager
async def entering(
    share: AbstractAsyncContextManager[T], meanwhile: AbstractContextManager[None]
) -> AsyncIterator[T]:
    """Have `share` within the block, and `meanwhile` only until one has it."""
    async with AsyncExitStack() as held:
        with meanwhile:
            got = await held.enter_async_context(share)
        yield got


def _take_a_turn(step: Callable[[], bool], told: Callable[[], None]) -> bool:
    """Take steps until they are done, which is returned, or a turn is over."""
    began = time.monotonic()
    while not (done := step()) and time.monotonic() - began < TURN_S:
        told()
    return done

"""One attempt at a job: the work, with the lease kept beside it, and the word to the store of its end."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import replace
from enum import Enum
from typing import Any

import structlog

from consumer.faults import Fault, judge, retry_delay_s
from consumer.jobs.context import JobContext
from consumer.jobs.parts import PartMade, SharedOut
from consumer.jobs.whereabouts import JobPlace
from storage.errors import LeaseLost
from storage.lease.leases import Lease, Stop
from storage.lease.outcome import Findings, Output
from storage.records.status import Status

_STANDS_STILL = "The work on the job stood still."
_SHARED_AGAIN_S = 2.0
_WIND_DOWN_S = 1.0  # for work that was told to stop; what still goes on then has no say in how the job ends

_log = structlog.get_logger()


class Ending(Enum):
    """How a job left this consumer; whether it has ended for good, only its status says."""

    REFUSED = "refused"  # it was not ours to take
    FINISHED = "finished"  # its status is terminal
    RETRIED = "retried"  # given back after a passing fault
    RELEASED = "released"  # given back uncounted
    ABANDONED = "abandoned"  # the lease is lost or left to lapse
    SICK = "sick"  # given back because this machine cannot go on


class Attempt:
    """One attempt at a job under its lease.

    It has no time limit of its own, which long work could not keep: an attempt goes on as long as its work
    moves, and ends when that has stood still for the lease's `stall_timeout_s`.
    """

    def __init__(
        self,
        *,
        lease: Lease,
        context: JobContext,
        rng: random.Random,
        on_beat: Callable[[], Awaitable[None]],
    ) -> None:
        self.lease = lease
        self.context = context
        #: What went wrong, if anything did.
        self.fault: Fault | None = None
        #: Why the lease ended it, if it did.
        self.stop: Stop | None = None
        #: Seconds that the job rests before it is worth another look.
        self.delay_s = 0.0
        self._rng = rng
        self._on_beat = on_beat

    async def run(self, release: asyncio.Event) -> Ending:
        """Work until there is a result or a reason to stop, then settle with the store."""
        async with self.context:
            keeper = asyncio.create_task(self.lease.keep(self._on_beat))
            working = asyncio.create_task(self.context.run())
            try:
                return await self._run(keeper, working, release)
            finally:  # a segment that is being stored may go on for minutes, and its file is the context's
                await asyncio.gather(keeper, working, return_exceptions=True)

    async def _run(
        self, keeper: asyncio.Task[Stop], working: asyncio.Task[Output], release: asyncio.Event
    ) -> Ending:
        released = asyncio.create_task(release.wait())
        tasks: set[asyncio.Task[Any]] = {keeper, working, released}
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            place = self.context.place
            for task in tasks:
                task.cancel()
        # Nobody keeps the lease any more, so that its end must not wait for work that winds down.
        await asyncio.wait(tasks, timeout=_WIND_DOWN_S)
        if working.done() and not working.cancelled():
            error = working.exception()
            return await (self._settle(error) if error else self._complete(working.result()))
        if keeper.done() and not keeper.cancelled():
            return await self._stopped(keeper.result(), place)
        return await self._end(self.lease.release, Ending.RELEASED)

    @property
    def _findings(self) -> Findings:
        return replace(self.context.known, timings_ms=dict(self.context.timings.ms))

    async def _complete(self, output: Output) -> Ending:
        return await self._end(
            lambda: self.lease.complete(output, self._findings, on_beat=self._on_beat), Ending.FINISHED
        )

    async def _stopped(self, stop: Stop, place: JobPlace) -> Ending:
        self.stop = stop
        if stop is Stop.CANCELLED:
            return await self._end(self.lease.cancelled, Ending.FINISHED)
        if stop is not Stop.STALLED:
            return Ending.ABANDONED
        if place is JobPlace.ON_DEVICE:
            # It may be this job that makes devices hang: its lease lapses and the attempt counts.
            return Ending.SICK
        if place is JobPlace.WAITING:
            return await self._end(self.lease.release, Ending.SICK)
        self.fault = Fault(
            kind="transient", code="timeout", message=_STANDS_STILL, stage=self.context.progress.stage
        )
        return await self._retry(self.fault)

    async def _settle(self, error: BaseException) -> Ending:
        """End, give back or repeat the job, by whose fault `error` is."""
        if not isinstance(error, Exception):
            raise error
        if isinstance(error, SharedOut):
            self.delay_s = _SHARED_AGAIN_S
            return await self._end(self.lease.share, Ending.RELEASED)
        if isinstance(error, PartMade):
            return await self._end(lambda: self.lease.complete_part(self._findings), Ending.FINISHED)
        self.fault = judge(error, stage=self.context.progress.stage)
        if self.fault.kind == "input":
            return await self._fail()
        if self.fault.kind == "machine":
            return await self._end(self.lease.release, Ending.SICK)
        return await self._retry(self.fault)

    async def _fail(self) -> Ending:
        fault = self.fault
        if fault is None:
            raise RuntimeError("only a fault fails a job")
        return await self._end(lambda: self.lease.fail(fault, self._findings), Ending.FINISHED)

    async def _retry(self, fault: Fault) -> Ending:
        self.delay_s = retry_delay_s(self.lease.attempt, self._rng)
        return await self._end(
            lambda: self.lease.retry(fault, self._findings, delay_s=self.delay_s), Ending.RETRIED
        )

    async def _end(self, write: Callable[[], Awaitable[Status]], ending: Ending) -> Ending:
        """Write the record that ends the lease; when even that fails the lease is left to lapse."""
        try:
            status = await write()
        except LeaseLost:
            self.stop = Stop.LOST
            return Ending.SICK if ending is Ending.SICK else Ending.ABANDONED
        except Exception as error:  # noqa: BLE001 -- judged: nothing a job does may end the consumer
            fault = judge(error, stage="finish")
            if ending is Ending.FINISHED and self.fault is None and self.lease.trusted:
                self.fault = fault
                return await self._retry(fault)
            _log.warning("lease_left_to_lapse", job_id=self.lease.job_id, reason=str(error))
            self.fault = self.fault or fault
            return Ending.SICK if ending is Ending.SICK else Ending.ABANDONED
        return Ending.FINISHED if status.terminal and ending is not Ending.SICK else ending

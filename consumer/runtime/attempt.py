"""One attempt at a job: the work, with the lease kept beside it, and the word to the store of its end."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from enum import Enum
from typing import Any

import structlog

from consumer.faults import Fault, judge, retry_delay_s
from consumer.jobs.kind import Finished
from consumer.runtime.context import Place, Work
from storage.errors import LeaseLost
from storage.lease.leases import Findings, Lease, Stop
from storage.records.status import Status

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

    Afterwards `fault` says what went wrong, `stop` why the lease ended it, and `delay_s` how long the job
    rests before it is worth another look.
    """

    def __init__(
        self,
        *,
        lease: Lease,
        work: Work,
        timeout_s: float,
        rng: random.Random,
        on_beat: Callable[[], Awaitable[None]],
    ) -> None:
        self.lease = lease
        self.work = work
        self.fault: Fault | None = None
        self.stop: Stop | None = None
        self.delay_s = 0.0
        self._timeout_s = timeout_s
        self._rng = rng
        self._on_beat = on_beat

    async def run(self, release: asyncio.Event, on_swapped: Callable[[Work], None]) -> Ending:
        """Work until there is a result or a reason to stop, then settle with the store."""
        keeper = asyncio.create_task(self.lease.keep(self._on_beat))
        working = asyncio.create_task(self.work.run(on_swapped))
        released = asyncio.create_task(release.wait())
        tasks: set[asyncio.Task[Any]] = {keeper, working, released}
        try:
            await asyncio.wait(tasks, timeout=self._timeout_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await _cancel(tasks)
        if not working.cancelled():
            error = working.exception()
            return await (self._settle(error) if error else self._complete(working.result()))
        if not keeper.cancelled():
            return await self._stopped(keeper.result())
        if released.done() and not released.cancelled():
            return await self._end(self.lease.release, Ending.RELEASED)
        self.fault = Fault(kind="input", code="timeout", message=self._too_long(), stage=self.work.stage)
        return await self._fail()

    def _too_long(self) -> str:
        return (
            f"The job was not done within {self._timeout_s:g} s, the longest this service works on "
            "one; send a smaller picture."
        )

    async def _complete(self, finished: Finished) -> Ending:
        findings = Findings(
            warnings=finished.warnings,
            faces=finished.faces,
            engine=finished.engine,
            timings_ms=self.work.timings_ms,
        )

        async def complete() -> Status:
            return await self.lease.complete(finished.output, findings, on_beat=self._on_beat)

        return await self._end(complete, Ending.FINISHED)

    async def _stopped(self, stop: Stop) -> Ending:
        self.stop = stop
        if stop is Stop.CANCELLED:
            return await self._end(self.lease.cancelled, Ending.FINISHED)
        if stop is Stop.STALLED and self.work.place is Place.ON_DEVICE:
            # It may be this job that makes devices hang: its lease lapses and the attempt counts.
            return Ending.SICK
        if stop is Stop.STALLED and self.work.place is Place.WAITING:
            return await self._end(self.lease.release, Ending.SICK)
        return Ending.ABANDONED

    async def _settle(self, error: BaseException) -> Ending:
        """End, give back or repeat the job, by whose fault `error` is."""
        if not isinstance(error, Exception):
            raise error
        self.fault = judge(error, stage=self.work.stage)
        if self.fault.kind == "input":
            return await self._fail()
        if self.fault.kind == "machine":
            return await self._end(self.lease.release, Ending.SICK)
        return await self._retry(self.fault)

    async def _fail(self) -> Ending:
        fault = self.fault
        if fault is None:
            raise RuntimeError("only a fault fails a job")
        return await self._end(
            lambda: self.lease.fail(fault, Findings(timings_ms=self.work.timings_ms)), Ending.FINISHED
        )

    async def _retry(self, fault: Fault) -> Ending:
        self.delay_s = retry_delay_s(self.lease.attempt, self._rng)
        findings = Findings(timings_ms=self.work.timings_ms)
        return await self._end(
            lambda: self.lease.retry(fault, findings, delay_s=self.delay_s), Ending.RETRIED
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


async def _cancel(tasks: set[asyncio.Task[Any]]) -> None:
    """Cancel what still runs and wait for it; results and errors stay in the tasks."""
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)

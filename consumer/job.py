"""One job from its ticket to its end: claim, work with the lease kept beside it, finish, clean up."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

import structlog

from consumer.faults import Fault, judge, retry_delay_s
from consumer.metrics import Metrics
from consumer.triggers.inbox import InboxTicket
from consumer.work import Finished, Place, Work, Workshop
from storage.errors import LeaseLost, ObjectNotFound, StorageError
from storage.lease import Lease, Leases, Refusal, Stop, Verdict
from storage.status import Status

_CLEAN_UP_AGAIN_S = 20.0

_log = structlog.get_logger()


class Ending(Enum):
    """How a job left this consumer; whether it has ended for good, only its status says."""

    REFUSED = "refused"  # it was not ours to take
    FINISHED = "finished"  # its status is terminal
    RETRIED = "retried"  # given back after a passing fault
    RELEASED = "released"  # given back uncounted
    ABANDONED = "abandoned"  # the lease is lost or left to lapse
    SICK = "sick"  # given back because this machine cannot go on


@dataclass(frozen=True, kw_only=True)
class JobPolicy:
    """`timeout_s` bounds one attempt, from its claim to its encoded result."""

    timeout_s: float


class JobRunner:
    """Takes tickets to their end, any number at once; lives through whatever a job does."""

    def __init__(
        self,
        *,
        leases: Leases,
        workshop: Workshop,
        metrics: Metrics,
        policy: JobPolicy,
        owner: str,
        rng: random.Random | None = None,
    ) -> None:
        self._leases = leases
        self._workshop = workshop
        self._metrics = metrics
        self._policy = policy
        self._owner = owner
        self._rng = rng or random.Random()  # noqa: S311 -- spreads retries, guards nothing

    async def run(
        self, ticket: InboxTicket, *, release: asyncio.Event, on_swapped: Callable[[Work], None]
    ) -> Ending:
        """Do the job behind `ticket`, if it is ours to do.

        `release` set, the job is given back as soon as may be; `on_swapped` is told when its work has left
        the device.
        """
        began = time.monotonic()
        try:
            announced = await ticket.open()
            claimed = await self._leases.claim(
                announced.job_id, announced.document, created_at=ticket.entry.announced_at
            )
        except StorageError as error:
            gone = isinstance(error, ObjectNotFound)  # another consumer has retired it
            _log.log(10 if gone else 30, "ticket_failed", reason=str(error))
            ticket.defer(_CLEAN_UP_AGAIN_S)
            return Ending.REFUSED
        if isinstance(claimed, Refusal):
            await _refused(ticket, announced.job_id, claimed)
            return Ending.REFUSED
        attempt = _Attempt(
            lease=claimed,
            work=Work(self._workshop, claimed, announced, job_folder=ticket.entry.folder, began=began),
            policy=self._policy,
            rng=self._rng,
        )
        ending = await attempt.run(release, on_swapped)
        await self._left(ticket, attempt, ending)
        return ending

    async def _left(self, ticket: InboxTicket, attempt: "_Attempt", ending: Ending) -> None:
        """Clean up after a job that has ended, and write its one canonical line."""
        status = attempt.lease.status
        fault = attempt.fault if status.status != "completed" else None
        shown = "abandoned" if status.status == "processing" else status.status
        code = fault.code if fault else None
        timings = attempt.work.timings_ms
        self._metrics.job_ended(status=shown, code=code, timings_ms=timings)
        if attempt.stop is Stop.LOST:
            self._metrics.lease_lost()
        if ending is Ending.FINISHED:
            await _clean_up(ticket, status)
        else:
            ticket.defer(attempt.delay_s)
        _log.info(
            "job",
            job_id=status.job_id,
            attempt=status.attempt,
            status=shown,
            ending=ending.value,
            code=code,
            reason=fault.message if fault else (attempt.stop.value if attempt.stop else None),
            stage=fault.stage if fault else attempt.work.stage,
            timings_ms=timings,
            total_ms=round((time.monotonic() - attempt.work.began) * 1000, 1),
            engine=status.engine.name if status.engine else None,
            input_bytes=attempt.work.input_bytes,
            result_bytes=status.result.size if status.result else None,
            owner=self._owner,
        )


async def _refused(ticket: InboxTicket, job_id: str, refusal: Refusal) -> None:
    _log.debug("not_claimed", job_id=job_id, verdict=refusal.verdict.value)
    if refusal.verdict is Verdict.ENDED and refusal.status is not None:
        await _clean_up(ticket, refusal.status)
    else:
        ticket.defer(refusal.retry_after_s)


async def _clean_up(ticket: InboxTicket, status: Status) -> None:
    try:
        await ticket.retire(status)
    except StorageError as error:
        # The status is terminal, so whoever sees the entry next may remove it.
        _log.warning("inbox_entry_left", job_id=status.job_id, reason=str(error))
        ticket.defer(_CLEAN_UP_AGAIN_S)


class _Attempt:
    """One attempt at a job under its lease."""

    def __init__(self, *, lease: Lease, work: Work, policy: JobPolicy, rng: random.Random) -> None:
        self.lease = lease
        self.work = work
        self.fault: Fault | None = None
        self.stop: Stop | None = None
        self.delay_s = 0.0
        self._policy = policy
        self._rng = rng

    async def run(self, release: asyncio.Event, on_swapped: Callable[[Work], None]) -> Ending:
        """Work until there is a result or a reason to stop, then settle with the store."""
        keeper = asyncio.create_task(self.lease.keep())
        working = asyncio.create_task(self.work.run(on_swapped))
        released = asyncio.create_task(release.wait())
        tasks: set[asyncio.Task[Any]] = {keeper, working, released}
        try:
            await asyncio.wait(tasks, timeout=self._policy.timeout_s, return_when=asyncio.FIRST_COMPLETED)
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
            f"The job was not done within {self._policy.timeout_s:g} s, the longest this service works on "
            "one; send a smaller picture."
        )

    async def _complete(self, finished: Finished) -> Ending:
        self.lease.report("upload")

        async def complete() -> Status:
            return await self.lease.complete(
                finished.output,
                faces=finished.faces,
                warnings=finished.warnings,
                timings_ms=self.work.timings_ms,
                engine=finished.engine,
            )

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
            lambda: self.lease.fail(fault, timings_ms=self.work.timings_ms), Ending.FINISHED
        )

    async def _retry(self, fault: Fault) -> Ending:
        self.delay_s = retry_delay_s(self.lease.attempt, self._rng)
        return await self._end(lambda: self.lease.retry(fault, delay_s=self.delay_s), Ending.RETRIED)

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

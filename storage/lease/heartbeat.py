"""The heartbeat of a held lease: extends it, shows how far the work is, and finds out why it must stop.

Three paces, all by the monotonic clock:
- the lease's own: it is extended `beat_every_s` after the last confirmed write, whatever happens;
- the reader's: what has moved is written `min_write_gap_s` after the last write, which extends it, too;
- the sender's: the cancel mark is looked for with each write, and `cancel_look_s` after the last look.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime
from enum import Enum
from typing import Any, TypeVar

from storage.errors import LeaseLost, StatusUnreadable, StoreUnavailable
from storage.lease import transitions
from storage.lease.held_record import HeldRecord, LeaseContext
from storage.lease.marks import is_cancel_requested
from storage.lease.work_report import WorkReport
from storage.records.status import Status

T = TypeVar("T")
OnBeat = Callable[[], Awaitable[None]]

_NOTICE_S = 1.0  # between two looks, in memory, at what was reported: readers see it within 3 s
_LEAVE_UPLOADS_ALONE_S = 1.0  # most end sooner, and are to cost no other call; `cancel_look_s` allows for it
_SHORTEST_SLEEP_S = 0.001  # a timer may fire a rounding error early: never spin

_log = logging.getLogger(__name__)


class Stop(Enum):
    """Why an owner must stop before the work is done."""

    LOST = "lost"  # the lease is no longer ours, or cannot be known to be
    CANCELLED = "cancelled"  # the sender asked for it
    STALLED = "stalled"  # the work has not moved: the lease is left to lapse


class Heartbeat:
    """Keeps one lease alive for as long as the work on its job shows signs of life."""

    def __init__(self, context: LeaseContext, record: HeldRecord, report: WorkReport) -> None:
        now = context.monotonic()
        self._context = context
        self._policy = context.policy
        self._record = record
        self._report = report
        self._tried_at = now  # when the last write was over, whatever became of it
        self._looked_at = record.confirmed_at  # the claim looked for the cancel mark just before
        self._told_at = now
        self._uploading = False

    async def keep(self, on_beat: OnBeat | None = None) -> Stop:
        """Beat until the job must stop; never raises for a fault of the store.

        `on_beat` is awaited every `beat_every_s` while the lease is ours, however often the record is
        written: what others hold for the job, such as a queue's message, lasts as long as the lease. It
        must neither raise nor take long.
        """
        while True:
            await self._context.sleep(self._due_in_s())
            if (stop := await self._do_what_is_due()) is not None:
                return stop
            if self._context.monotonic() - self._told_at >= self._policy.beat_every_s:
                self._told_at = self._context.monotonic()
                if on_beat is not None:
                    await on_beat()

    async def keep_during(self, upload: Awaitable[T], on_beat: OnBeat | None = None) -> T | Stop:
        """Wait for an upload with the lease kept beside it; it is abandoned where the job must stop.

        Raises what the upload raises. It counts as work that moves: the store itself gives up a transfer
        that does not, and nobody else can tell.
        """
        self._uploading = True
        uploading, keeping = asyncio.ensure_future(upload), asyncio.create_task(self._keep_upload(on_beat))
        tasks: set[asyncio.Future[Any]] = {uploading, keeping}
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            self._uploading = False
        has_failed = uploading.cancelled() or uploading.exception() is not None
        if has_failed and not keeping.cancelled():  # whatever an upload raises when it is abandoned
            return keeping.result()
        return uploading.result()

    async def beat(self) -> Stop | None:
        """Extend the lease once (one HEAD, one PUT), or say why the job must stop."""
        try:
            return await self._call(write=True)
        finally:
            self._tried_at = self._context.monotonic()

    async def _keep_upload(self, on_beat: OnBeat | None) -> Stop:
        await self._context.sleep(min(_LEAVE_UPLOADS_ALONE_S, self._policy.beat_every_s))
        return await self.keep(on_beat)

    async def _do_what_is_due(self) -> Stop | None:
        now = self._context.monotonic()
        if self._write_due_at() <= now:
            return await self.beat()
        if self._looked_at + self._policy.cancel_look_s <= now:
            return await self._call(write=False)
        return self._reason_to_stop()

    def _due_in_s(self) -> float:
        now = self._context.monotonic()
        due_at = min(
            self._write_due_at(),
            self._looked_at + self._policy.cancel_look_s,
            max(self._may_write_at(), now + _NOTICE_S),
            now + self._record.trusted_left_s,
        )
        return max(due_at - now, _SHORTEST_SLEEP_S)

    def _write_due_at(self) -> float:
        if self._has_moved():
            return self._may_write_at()
        return max(self._record.confirmed_at + self._policy.beat_every_s, self._may_write_at())

    def _may_write_at(self) -> float:
        """When the next write may begin; one that failed is followed by the next after this gap, too.

        The writes that end a lease do not wait for it: that would slow every short job, and a store that
        finds them too close says so and is asked again.
        """
        return self._tried_at + self._policy.min_write_gap_s

    def _has_moved(self) -> bool:
        status = self._record.status
        return self._report.latest != (status.stage, status.progress)

    def _reason_to_stop(self) -> Stop | None:
        if not self._uploading and self._report.silent_s >= self._policy.stall_timeout_s:
            return Stop.STALLED
        return None if self._record.trusted else Stop.LOST

    def _beaten(self, status: Status, now: datetime) -> Status:
        stage, progress = self._report.latest
        return transitions.beaten(status, now=now, stage=stage, progress=progress)

    async def _call(self, *, write: bool) -> Stop | None:
        """Look for the cancel mark, then extend the lease if told to; say why the job must stop."""
        if (stop := self._reason_to_stop()) is not None:
            return stop
        asked_at = self._context.monotonic()
        # A store that hangs must outlast neither our trust nor, when only looked at, the next heartbeat.
        limit_s = self._record.trusted_left_s
        try:
            async with asyncio.timeout(limit_s if write else min(limit_s, self._policy.cancel_look_s)):
                if await is_cancel_requested(self._context.store, self._record.status.job_id):
                    return Stop.CANCELLED
                if write:
                    await self._record.write(self._beaten)
        except (LeaseLost, StatusUnreadable):
            return Stop.LOST
        except (StoreUnavailable, TimeoutError) as error:
            said, what = str(error) or type(error).__name__, "heartbeat" if write else "look for a cancel"
            _log.warning("%s of job %s failed: %s", what, self._record.status.job_id, said)
        self._looked_at = asked_at  # unless cut off: then it was not answered, and counts for nothing
        return None if self._record.trusted_left_s > 0 else Stop.LOST

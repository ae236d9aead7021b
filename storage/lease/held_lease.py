"""A lease that is held: keep it alive, end it; protocol sections 1, 4, 5 and 9.

Decisions use the store's clock and our monotonic clock only. The wall clock fills the timestamps that
people read (`started_at` and so on) and decides nothing.
"""

import asyncio
import hashlib
import json
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from storage import keys
from storage.errors import LeaseLost, ObjectNotFound, StatusUnreadable, StoreUnavailable
from storage.lease import transitions
from storage.lease.cas import Overtaken, StatusStore
from storage.lease.claim import LeasePolicy
from storage.lease.transitions import Failure
from storage.records.status import (
    EngineRecord,
    FaceOutcome,
    JobWarning,
    Progress,
    Result,
    Stage,
    Status,
)
from storage.stores.port import ObjectStore

_MAX_STAGES = 100  # kept; a job that goes to and fro must not fill the memory

_log = logging.getLogger(__name__)


class Stop(Enum):
    """Why an owner must stop before the work is done."""

    LOST = "lost"  # the lease is no longer ours, or cannot be known to be
    CANCELLED = "cancelled"  # the sender asked for it
    STALLED = "stalled"  # the work has not moved: the lease is left to lapse


@dataclass(frozen=True, kw_only=True)
class Output:
    """The bytes of a result and what they show; width and height in pixels."""

    body: bytes
    extension: str
    content_type: str
    width: int | None = None
    height: int | None = None
    faces_swapped: int | None = None
    frames: int | None = None
    duration_s: float | None = None


@dataclass(frozen=True, kw_only=True)
class LeaseContext:
    """What every lease of one consumer shares."""

    store: ObjectStore
    register: StatusStore
    policy: LeasePolicy
    monotonic: Callable[[], float]
    sleep: Callable[[float], Awaitable[object]]
    wall: Callable[[], datetime]


class Lease:
    """The right to work on one job, as long as it is `trusted`.

    `status` is the last record known to have been written; `stages` says when each stage began, by the wall
    clock, for people. Every method that ends the lease returns the
    record that stands then; once the lease has ended, it returns that record again and changes nothing.
    They raise LeaseLost when the job is, or may be, another's by now, and StoreUnavailable when the store
    does not say whether a write took place. `keep` may run beside them.
    """

    def __init__(self, context: LeaseContext, status: Status, *, etag: str, confirmed_at: float) -> None:
        self._context = context
        self.status = status
        self.stages: list[tuple[Stage, datetime]] = [(status.stage, context.wall())]
        self._etag = etag
        self._confirmed_at = confirmed_at
        self._lost = False
        self._unsure: set[str] = set()
        self._lock = asyncio.Lock()
        self._reported: tuple[Stage, Progress, float] = (status.stage, status.progress, context.monotonic())

    @property
    def job_id(self) -> str:
        """The job this lease is for."""
        return self.status.job_id

    @property
    def attempt(self) -> int:
        """The fencing token: which attempt of the job this is."""
        return self.status.attempt

    @property
    def trusted(self) -> bool:
        """Whether the owner may still believe that nobody else works on the job."""
        return not self._lost and self._is_running and self._trusted_left_s > 0

    @property
    def _is_running(self) -> bool:
        return self.status.status == "processing"

    @property
    def _trusted_left_s(self) -> float:
        return self._confirmed_at + self._context.policy.trusted_for_s - self._context.monotonic()

    def report(self, stage: Stage, progress: Progress | None = None) -> None:
        """Say that the work has moved; cheap, from any thread; the next heartbeat carries it."""
        if stage != self.stages[-1][0] and len(self.stages) < _MAX_STAGES:
            self.stages.append((stage, self._context.wall()))
        self._reported = (stage, progress or self._reported[1], self._context.monotonic())

    async def keep(self, on_beat: Callable[[], Awaitable[None]] | None = None) -> Stop:
        """Send heartbeats until the job must stop; never raises for a fault of the store.

        `on_beat` is awaited after each that leaves the lease ours, and must neither raise nor take long.
        A write that failed is followed by the next after `min_write_gap_s`, which also keeps writes to the
        record apart. The writes that end a lease do not wait for that gap: it would slow every short job,
        and a store that finds them too close says so and is asked again.
        """
        while True:
            policy = self._context.policy
            due_in_s = self._confirmed_at + policy.beat_every_s - self._context.monotonic()
            await self._context.sleep(max(due_in_s, policy.min_write_gap_s))
            stop = await self.beat()
            if stop is not None:
                return stop
            if on_beat is not None:
                await on_beat()

    async def beat(self) -> Stop | None:
        """Extend the lease once (one HEAD, one PUT), or say why the job must stop."""
        stage, progress, moved_at = self._reported
        if self._context.monotonic() - moved_at >= self._context.policy.stall_timeout_s:
            return Stop.STALLED
        if not self.trusted:
            return Stop.LOST
        try:
            async with asyncio.timeout(self._trusted_left_s):  # a hung store must not outlast our trust
                if await is_cancel_requested(self._context.store, self.job_id):
                    return Stop.CANCELLED
                await self._write(
                    lambda status, now: transitions.beaten(status, now=now, stage=stage, progress=progress)
                )
        except (LeaseLost, StatusUnreadable):
            return Stop.LOST
        except (StoreUnavailable, TimeoutError) as error:
            _log.warning("heartbeat of job %s failed: %s", self.job_id, str(error) or type(error).__name__)
        return None if self._trusted_left_s > 0 else Stop.LOST

    async def complete(
        self,
        output: Output,
        *,
        faces: Sequence[FaceOutcome] | None = None,
        warnings: Sequence[JobWarning] = (),
        timings_ms: Mapping[str, float],
        engine: EngineRecord | None,
    ) -> Status:
        """Store the result and end the job `completed`, or `cancelled` if that was asked for meanwhile.

        Costs two PUTs and one HEAD. The store checks the result's MD5 as it takes it; its size and sha256
        go into the record, and how long it took as `upload` into its times.
        """
        if not self._is_running:
            return self.status
        self._refuse_if_untrusted()
        key = keys.result(self.job_id, self.attempt, output.extension)
        began = self._context.monotonic()
        await self._context.store.put(key, output.body, content_type=output.content_type)
        upload_ms = round((self._context.monotonic() - began) * 1000, 1)
        if await is_cancel_requested(self._context.store, self.job_id):
            return await self.cancelled()
        progress = self._reported[1]
        result = Result(
            key=key,
            sha256=hashlib.sha256(output.body).hexdigest(),
            size=len(output.body),
            content_type=output.content_type,
            width=output.width,
            height=output.height,
            frames=output.frames,
            duration_s=output.duration_s,
            faces_swapped=output.faces_swapped,
        )
        return await self._write(
            lambda status, now: transitions.completed(
                status,
                now=now,
                progress=progress,
                result=result,
                faces=faces,
                warnings=warnings,
                timings_ms={**timings_ms, "upload": upload_ms},
                engine=engine,
            )
        )

    async def fail(
        self,
        failure: Failure,
        *,
        faces: Sequence[FaceOutcome] | None = None,
        warnings: Sequence[JobWarning] = (),
        timings_ms: Mapping[str, float] | None = None,
        engine: EngineRecord | None = None,
    ) -> Status:
        """End the job `failed`: it cannot be done as it was sent."""
        stage, progress, _ = self._reported
        return await self._write(
            lambda status, now: transitions.failed(
                status,
                now=now,
                failure=failure,
                stage=stage,
                progress=progress,
                faces=None if faces is None else tuple(faces),
                warnings=tuple(warnings),
                timings_ms=dict(timings_ms or {}),
                engine=engine,
            )
        )

    async def retry(self, failure: Failure, *, delay_s: float) -> Status:
        """Give the job back after a passing fault; it may be claimed again in `delay_s` seconds.

        When no attempt is left the job ends `failed` with `attempts_exhausted`.
        """
        if transitions.is_exhausted(self.status):
            ended = await self._write(
                lambda status, now: transitions.exhausted(status, now=now, failure=failure)
            )
            await write_dead_letter(self._context.store, ended)
            return ended
        not_before = await self._store_now() + timedelta(seconds=delay_s)
        return await self._write(
            lambda status, now: transitions.retried(status, now=now, failure=failure, not_before=not_before)
        )

    async def release(self) -> Status:
        """Give the job back at once; this attempt does not count."""
        return await self._write(lambda status, now: transitions.released(status, now=now))

    async def cancelled(self) -> Status:
        """End the job `cancelled`."""
        return await self._write(lambda status, now: transitions.cancelled(status, now=now))

    async def _write(self, step: Callable[[Status, datetime], Status]) -> Status:
        """Take one step from the record as we know it; one at a time.

        A write whose answer never came may still have taken place. Finding it in our way is no loss: we
        go on from it.
        """
        async with self._lock:
            while self._is_running:
                self._refuse_if_untrusted()
                new = step(self.status, self._context.wall())
                sent_at = self._context.monotonic()
                self._unsure.add(new.write_id)
                try:
                    etag = await self._context.register.swap(
                        new, over=self._etag, trusted=lambda: self.trusted
                    )
                except Overtaken as overtaken:
                    stands = overtaken.stands
                    if stands is None or stands.status.write_id not in self._unsure:
                        self._lost = True
                        raise LeaseLost from overtaken
                    self.status, self._etag = stands.status, stands.info.etag
                else:
                    self.status, self._etag, self._confirmed_at = new, etag, sent_at
                    self._unsure.clear()
                    return new
            return self.status

    async def _store_now(self) -> datetime:
        try:
            return (await self._context.store.head(keys.status(self.job_id))).store_now
        except ObjectNotFound as error:
            self._lost = True
            raise LeaseLost from error

    def _refuse_if_untrusted(self) -> None:
        if not self.trusted:
            raise LeaseLost


async def is_cancel_requested(store: ObjectStore, job_id: str) -> bool:
    """Look for a job's cancel marker: one HEAD."""
    try:
        await store.head(keys.cancel(job_id))
    except ObjectNotFound:
        return False
    return True


async def write_dead_letter(store: ObjectStore, status: Status) -> None:
    """Write the pointer to a job that used up its attempts; does nothing for any other."""
    if status.error is None or status.error.code != "attempts_exhausted":
        return
    last = status.error.attempts[-1] if status.error.attempts else None
    pointer = {
        "job_id": status.job_id,
        "status": keys.status(status.job_id),
        "last_stage": last.stage if last else status.stage,
        "code": last.code if last else status.error.code,
        "at": status.model_dump(mode="json")["finished_at"],
    }
    await store.put(
        keys.dead_letter(status.job_id), json.dumps(pointer).encode(), content_type="application/json"
    )

"""Leases on jobs: the door to claiming one; protocol sections 2 and 3."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from storage.lease import transitions
from storage.lease.cas import Overtaken, StatusStore
from storage.lease.claim import LeaseObservations, LeasePolicy, Refusal, Verdict, refusal
from storage.lease.heartbeat import OnBeat, Stop
from storage.lease.held_lease import Lease
from storage.lease.held_record import LeaseContext
from storage.lease.marks import is_cancel_requested, write_dead_letter
from storage.lease.outcome import Extra, Failure, Findings, Output
from storage.records.kept import kept
from storage.records.status import Status
from storage.stores.port import ObjectStore

__all__ = [
    "Extra",
    "Failure",
    "Findings",
    "Lease",
    "LeasePolicy",
    "Leases",
    "OnBeat",
    "Output",
    "Refusal",
    "Stop",
    "Verdict",
]


class Leases:
    """Claims jobs for one consumer, named `owner`."""

    def __init__(
        self,
        store: ObjectStore,
        *,
        owner: str,
        policy: LeasePolicy,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        wall: Callable[[], datetime] = lambda: datetime.now(UTC),
        rng: random.Random | None = None,
    ) -> None:
        jitter = rng or random.Random()  # noqa: S311 -- spreads retries, guards nothing
        self._context = LeaseContext(
            store=store,
            register=StatusStore(store, sleep=sleep, rng=jitter),
            policy=policy,
            monotonic=monotonic,
            sleep=sleep,
            wall=wall,
        )
        self._owner = owner
        self._observations = LeaseObservations(monotonic)

    async def read(self, job_id: str) -> Status | None:
        """Read a job's record, None where there is none; raises StatusUnreadable, StoreUnavailable."""
        stored = await self._context.register.read(job_id)
        return stored.status if stored else None

    async def claim(
        self,
        job_id: str,
        manifest: Mapping[str, Any] | None,
        *,
        created_at: datetime | None = None,
        is_same: Callable[[Status], bool] = lambda _: True,
    ) -> "Lease | Refusal":
        """Try to become the owner of a job.

        A fresh job costs one HEAD (of its cancel marker) and one PUT; for a job seen before, its record is
        read first. A job whose attempts are used up is ended `failed`, one with a cancel marker
        `cancelled`; both come back as a refusal. So does a job whose id is in use: one under whose id there
        is a record that is not `is_same`. Raises StatusUnreadable, StoreUnavailable.
        """
        cancel_requested = await is_cancel_requested(self._context.store, job_id)
        stored = await self._context.register.read(job_id) if job_id in self._observations else None
        try:
            if stored is None:
                now = self._context.wall()
                fresh = transitions.new_record(
                    job_id,
                    now=now,
                    created_at=created_at or now,
                    max_attempts=self._context.policy.max_attempts,
                    manifest=None if manifest is None else kept(manifest),
                )
                return await self._take(fresh, over=None, cancel_requested=cancel_requested)
        except Overtaken as overtaken:
            stored = overtaken.stands
        if stored is None:
            return self._contended(None)
        if not is_same(stored.status):
            return Refusal(verdict=Verdict.TAKEN, retry_after_s=0, status=stored.status)
        refused = refusal(
            stored,
            self._context.policy,
            unchanged_for_s=self._observations.unchanged_for_s(job_id, stored.info.etag),
            cancel_requested=cancel_requested,
        )
        if refused is not None:
            return await self._refused(refused, stored.status)
        try:
            return await self._take(stored.status, over=stored.info.etag, cancel_requested=cancel_requested)
        except Overtaken as overtaken:
            return self._contended(overtaken.stands.status if overtaken.stands else None)

    async def _take(self, status: Status, *, over: str | None, cancel_requested: bool) -> "Lease | Refusal":
        """Write the step that this claim leads to: cancelled, exhausted or claimed; raises Overtaken."""
        context, now = self._context, self._context.wall()
        counted = transitions.lapsed(status)
        if cancel_requested:
            new = transitions.cancelled(status, now=now)
        elif transitions.is_exhausted(counted):
            new = transitions.exhausted(counted, now=now)
        else:
            new = transitions.claimed(counted, now=now, owner=self._owner, ttl_s=context.policy.ttl_s)
        sent_at = context.monotonic()
        trusted_until = sent_at + context.policy.trusted_for_s
        etag = await context.register.swap(
            new, over=over, trusted=lambda: context.monotonic() < trusted_until
        )
        if new.terminal:
            ended = Refusal(verdict=Verdict.ENDED, retry_after_s=0, status=new, ended_here=True)
            return await self._refused(ended, new)
        self._observations.forget(new.job_id)
        before = status.lease.owner if status.lease else None
        return Lease(context, new, etag=etag, confirmed_at=sent_at, taken_over_from=before)

    async def _refused(self, refused: Refusal, status: Status) -> Refusal:
        """Hand out a refusal; an ended job is forgotten, its dead-letter pointer written if it needs one."""
        if status.terminal:
            self._observations.forget(status.job_id)
            # Also for a job found ended: its owner may have died between the two writes.
            await write_dead_letter(self._context.store, status)
        return refused

    def _contended(self, status: Status | None) -> Refusal:
        wait_s = self._context.policy.ttl_s + self._context.policy.grace_s
        return Refusal(verdict=Verdict.CONTENDED, retry_after_s=wait_s, status=status)

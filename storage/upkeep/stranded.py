"""Jobs that have begun and that nothing leads to any more.

The entry of such a job was replaced or removed while it was worked on, and then its owner died: no sweep of
the inbox finds it. Its record is all there is. What it asked for stands in there, so that it can be
announced again under its own id; a job whose record does not hold all of that is ended.
"""

import json
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from storage import keys
from storage.errors import InvalidManifest, PreconditionFailed
from storage.inbox.inbox import Announcements, Inbox
from storage.inbox.puzzles import is_puzzle
from storage.lease.cas import Stored, read_record
from storage.lease.leases import LeasePolicy, Leases, Refusal
from storage.records.kept import not_kept
from storage.records.manifest import read_manifest
from storage.records.status import ErrorCode, Status
from storage.scratch import clear_scratch
from storage.stores.port import ObjectStore

_GRACE_S = 5.0


@dataclass(frozen=True, kw_only=True)
class _Withdrawn:
    """Why a job that cannot be announced again has failed."""

    code: ErrorCode = "input_not_found"
    message: str = (
        "The job was taken out of the inbox before it was done, and nobody works on it any more; "
        "send it again."
    )
    stage: str = "queued"


def is_idle(stored: Stored, *, for_s: float = _GRACE_S) -> bool:
    """Whether a job has begun and not ended, and nobody has worked on it for so long by the store's clock."""
    status, info = stored.status, stored.info
    if status.terminal or (status.not_before is not None and status.not_before > info.store_now):
        return False
    lease_s = status.lease.ttl_s if status.lease is not None else 0.0
    return (info.store_now - info.last_modified).total_seconds() > lease_s + for_s


def is_announced(job_id: str, announcements: Announcements) -> bool:
    """Whether an entry of the inbox leads to a job, or may do so, for all that is known."""
    return job_id in announcements.ids or not announcements.whole


async def announce_again(store: ObjectStore, status: Status) -> bool:
    """Put what a record keeps of its job into the inbox; False where that is not all of it.

    Does no harm where another entry leads to the job after all: both are cleared when it has ended.
    """
    if status.manifest is None or not _is_whole(status.manifest):
        return False
    try:
        manifest = read_manifest({**status.manifest, "job_id": status.job_id})
    except InvalidManifest:  # of another version of this service
        return False
    body = manifest.model_dump_json(exclude_none=True).encode()
    try:
        await store.put(
            keys.manifest(status.job_id), body, content_type="application/json", if_none_match=True
        )
    except PreconditionFailed:  # that may be another job's, which comes first
        return True
    return True


Told = Callable[[Status], Awaitable[object]]
"""Hears of a job that was ended while nobody worked on it; may raise StoreUnavailable."""


async def told_nobody(_: Status) -> None:
    """Where nobody wants to hear of it."""


@dataclass(frozen=True, kw_only=True)
class Ended:
    """A job that has ended, and whether it did so just now."""

    status: Status
    here: bool


async def end(leases: Leases, job_id: str) -> Ended | None:
    """End a job that nobody works on, `cancelled` if that was asked for.

    None where somebody does work on it. Raises StatusUnreadable, StoreUnavailable, LeaseLost.
    """
    claimed = await leases.claim(job_id, None)
    if not isinstance(claimed, Refusal):
        return Ended(status=await claimed.fail(_Withdrawn()), here=True)
    if claimed.status is None or not claimed.status.terminal:
        return None
    return Ended(status=claimed.status, here=claimed.ended_here)


async def end_if_stranded(
    store: ObjectStore, job_id: str, *, by: str, told: Told = told_nobody
) -> Status | None:
    """A job's record, ended where nobody works on it and nothing leads to it; for people who ask.

    Two GETs for a job that has ended or is worked on; else the inbox is read. `told` hears of it if it ended
    here. Raises as `end`.
    """
    if await is_stranded(store, job_id) and (ended := await end(leases_of(store, by), job_id)) is not None:
        await clear_scratch(store, job_id)
        if ended.here:
            await told(ended.status)
    stored = await read_record(store, job_id)
    return stored.status if stored else None


async def is_stranded(store: ObjectStore, job_id: str) -> bool:
    """Whether a job has begun, nobody works on it and nothing in the inbox leads to it."""
    stored = await read_record(store, job_id)
    if stored is None or not is_idle(stored):
        return False
    if is_puzzle(stored.status):
        return False
    inbox = Inbox(store)
    announcements = await inbox.announced()
    return not (is_announced(job_id, announcements) or await inbox.may_name(announcements, job_id))


def leases_of(store: ObjectStore, owner: str) -> Leases:
    """Leases for a command that ends jobs and works on none."""
    rng = random.Random()  # noqa: S311 -- spreads retries, guards nothing
    return Leases(store, owner=owner, policy=LeasePolicy(), rng=rng)


def _is_whole(manifest: Mapping[str, object]) -> bool:
    """Whether nothing was left out, and nothing lies in a folder that may be gone or another's by now."""
    return not not_kept(manifest) and keys.INBOX not in json.dumps(manifest)

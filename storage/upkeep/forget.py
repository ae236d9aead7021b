"""Forgetting a job, or a file and all jobs that used it: what goes is looked up first, and then removed.

What stays is a tombstone: `forgotten/<id>.json` tells that and when something was removed, and the record of
a job tells its sender, and keeps the job from being done again. Neither holds anything of what it was.
"""

import json
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from storage import keys
from storage.errors import InvalidManifest, ObjectNotFound, StorageError
from storage.inputs.references import BucketKey, ParsedReference, UploadId, parse_reference
from storage.lease.cas import StatusStore, Stored, read_record
from storage.records.kept import not_kept
from storage.records.manifest import read_manifest, references
from storage.records.status import JobError, Status
from storage.scratch import part_prefixes
from storage.stores.port import MAX_KEYS, ObjectStore
from storage.upkeep.queries import is_of, listed, newest_first

_MESSAGE: Final = "This job was forgotten: its files and its result were removed, as somebody asked for."
_MAX_MANIFEST_BYTES: Final = 4 * 2**20


@dataclass(frozen=True, kw_only=True)
class Forgetting:
    """What is to be removed for one id."""

    #: A job's, or a file's as it stands below uploads/.
    id: str
    #: The jobs, whose records become tombstones.
    jobs: tuple[str, ...]
    #: The keys that go.
    gone: tuple[str, ...]
    #: Other jobs whose results these were made of, which stay.
    made_of: tuple[str, ...] = ()
    #: Fields of which their records do not hold what was sent, so that uploads named there are not found.
    unknown: tuple[str, ...] = ()


async def look_up_job(store: ObjectStore, job_id: str) -> Forgetting:
    """What there is of a job: its files, results and scratch; some LISTs and a GET.

    Raises:
        ObjectNotFound: there is no such job.
        InvalidManifest: it has not ended.
        StatusUnreadable, StoreUnavailable: see `read_record`.
    """
    stored = await read_record(store, job_id) if keys.is_job_id(job_id) else None
    if stored is None:
        manifest = await _announced(store, job_id)
    else:
        _must_have_ended(stored.status)
        manifest = dict(stored.status.manifest or {})
    named = [*_named(manifest)]
    gone = {keys.manifest(job_id), *await _own(store, job_id)}
    for reference in named:
        gone.update(await _uploads(store, reference))
        gone.update(await _own_folder(store, job_id, reference))
    made_of = {name.split("/")[1] for name in named if name.startswith(keys.RESULTS)} - {job_id}
    return Forgetting(
        id=job_id,
        jobs=(job_id,),
        gone=tuple(sorted(gone)),
        made_of=tuple(sorted(made_of)),
        unknown=not_kept(manifest),
    )


async def look_up_file(store: ObjectStore, file_id: str) -> Forgetting:
    """What there is of an upload: itself, and the results and scratch of all jobs that used it.

    Other files of these jobs stay. Reads every record: a LIST for a thousand, and a GET for each.

    Raises:
        ObjectNotFound: there is no such file, and no job that used it.
        InvalidManifest: a job that uses it has not ended.
        StoreUnavailable: the store does not answer.
    """
    meant = _parsed(file_id)
    if not isinstance(meant, BucketKey) or not meant.key.startswith(keys.UPLOADS):
        raise ObjectNotFound(f"{file_id} is no file below {keys.UPLOADS}.")
    there = [entry.key for entry in await listed(store, meant.key) if entry.key == meant.key]
    jobs = []
    async for status in newest_first(store):
        named = map(_parsed, _named(status.manifest or {}))
        if any(_may_mean(reference, meant.key) for reference in named):
            _must_have_ended(status)
            jobs.append(status.job_id)
    if not there and not jobs:
        raise ObjectNotFound(f"There is no file {file_id} in this bucket, and no job used it.")
    gone = {*there, *[key for job_id in jobs for key in await _own(store, job_id)]}
    name = meant.key.removeprefix(keys.UPLOADS)
    return Forgetting(id=name, jobs=tuple(jobs), gone=tuple(sorted(gone)))


async def forget(store: ObjectStore, what: Forgetting) -> None:
    """Remove what was looked up, and leave tombstones, those last: done again it goes on where it stopped.

    Raises StoreUnavailable, and Overtaken where a job has been taken up meanwhile.
    """
    for start in range(0, len(what.gone), MAX_KEYS):
        await store.delete(what.gone[start : start + MAX_KEYS])
    now = datetime.now(UTC)
    records = StatusStore(store, rng=random.Random())  # noqa: S311 -- spreads retries, guards nothing
    for job_id in what.jobs:
        stored = await read_record(store, job_id)
        tombstone = _tombstone(job_id, stored, now)
        etag = None if stored is None else stored.info.etag
        await records.swap(tombstone, over=etag, trusted=lambda: True)
    body = {"version": 1, "id": what.id, "at": now.isoformat(timespec="seconds"), "jobs": what.jobs}
    key = f"{keys.FORGOTTEN}{what.id}.json"
    await store.put(key, json.dumps(body).encode(), content_type="application/json")


def _tombstone(job_id: str, stored: Stored | None, now: datetime) -> Status:
    """A record of nothing but that there was a job; the one record that replaces one that has ended."""
    error = JobError(code="forgotten", message=_MESSAGE, retryable=False)
    bare = Status(job_id=job_id, status="failed", stage="finish", created_at=now, updated_at=now, error=error)
    if stored is None:
        return bare.evolve(now=now, finished_at=now)
    before = stored.status
    kept = {
        name: getattr(before, name) for name in ("rev", "attempt", "created_at", "updated_at", "started_at")
    }
    return bare.model_copy(update=kept).evolve(now=now, finished_at=before.finished_at)


def _must_have_ended(status: Status) -> None:
    if not status.terminal:
        raise InvalidManifest(
            f"The job {status.job_id} has not ended; `swapdrop cancel {status.job_id}`, then forget it."
        )


async def _announced(store: ObjectStore, job_id: str) -> Mapping[str, Any]:
    """The manifest of a job that nobody has claimed yet; of one that cannot be understood an empty one."""
    missing = ObjectNotFound(f"There is no job {job_id} in this bucket.")
    if not keys.is_job_id(job_id):
        raise missing
    try:
        found = await store.get(keys.manifest(job_id), max_bytes=_MAX_MANIFEST_BYTES)
        return read_manifest(found.body).model_dump(mode="json", exclude_none=True)
    except ObjectNotFound:
        raise missing from None
    except InvalidManifest:
        return {}


def _named(manifest: Mapping[str, Any]) -> Iterator[str]:
    """The files that a manifest, or what a record keeps of one, refers to."""
    try:
        yield from references(read_manifest(manifest)).values()
    except InvalidManifest:  # of another version of this service, or never understood
        return


async def _own(store: ObjectStore, job_id: str) -> list[str]:
    """What lies below keys that are a job's alone, but for its record."""
    folders = (keys.result_folder(job_id), keys.archive(job_id, ""), keys.scratch_folder(job_id))
    prefixes = (*folders, *part_prefixes(job_id))
    found = [entry.key for prefix in prefixes for entry in await listed(store, prefix)]
    return [*found, keys.dead_letter(job_id), keys.cancel(job_id)]


def _parsed(reference: str) -> ParsedReference | None:
    """What a reference is; None for one of another kind than those that are read now."""
    try:
        return parse_reference(reference, allowed_prefixes=(keys.UPLOADS, keys.RESULTS))
    except StorageError:
        return None


def _may_mean(reference: ParsedReference | None, key: str) -> bool:
    if isinstance(reference, UploadId):
        return key.partition(".")[0] == keys.UPLOADS + reference.file_id
    return isinstance(reference, BucketKey) and reference.key == key


async def _uploads(store: ObjectStore, reference: str) -> list[str]:
    """The keys below uploads/ that a reference means."""
    meant = _parsed(reference)
    if isinstance(meant, BucketKey):
        return [meant.key] if meant.key.startswith(keys.UPLOADS) else []
    if not isinstance(meant, UploadId):
        return []
    found = await listed(store, keys.UPLOADS + meant.file_id)
    return [entry.key for entry in found if _may_mean(meant, entry.key)]


async def _own_folder(store: ObjectStore, job_id: str, reference: str) -> list[str]:
    """The files of a dropped folder that is this very job and that was not cleared away yet."""
    if not reference.startswith(keys.INBOX) or not await is_of(store, job_id, reference):
        return []
    return [entry.key for entry in await listed(store, reference.rpartition("/")[0] + "/")]

"""Jobs of a bucket as people ask for them: following, listing, running again, purging.

Consumers never list jobs: what they do costs the same however many there are. These calls cost one LIST
for a thousand jobs, and a GET for each that is looked at.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from typing import Any

from storage import keys
from storage.errors import InvalidManifest, ObjectNotFound, StatusUnreadable
from storage.inbox.inbox import Inbox
from storage.lease.cas import read_record
from storage.records.kept import not_kept
from storage.records.manifest import read_manifest
from storage.records.status import Status
from storage.scratch import part_prefixes
from storage.stores.port import MAX_KEYS, ListedObject, ObjectStore

_AT_ONCE = 16
_POLL_S = 0.5
_READS_PER_S = 50
CALLBACK = "callback_url"
_REFERENCES = ("source", "target", "detection")


async def read_status(store: ObjectStore, job_id: str) -> Status | None:
    """The job's status record; None while no consumer has claimed it."""
    stored = await read_record(store, job_id)
    return stored.status if stored else None


async def follow(store: ObjectStore, *job_ids: str, poll_s: float = _POLL_S) -> AsyncGenerator[Status, None]:
    """Yield each new revision of the jobs' records until all have ended.

    Many jobs are looked at less often, so that whoever waits for a thousand costs the store no more reads.
    """
    seen = dict.fromkeys(job_ids, 0)
    while True:
        waiting = tuple(seen)
        for start in range(0, len(waiting), _AT_ONCE):
            some = waiting[start : start + _AT_ONCE]
            for status in await asyncio.gather(*(read_status(store, job_id) for job_id in some)):
                if status is None or status.rev == seen[status.job_id]:
                    continue
                seen[status.job_id] = status.rev
                if status.terminal:
                    del seen[status.job_id]
                yield status
        if not seen:
            return
        await asyncio.sleep(max(poll_s, len(seen) / _READS_PER_S))


async def listed(store: ObjectStore, prefix: str) -> list[ListedObject]:
    """Every object below `prefix`, in key order; raises StoreUnavailable."""
    found: list[ListedObject] = []
    while True:
        page = await store.list(prefix, start_after=found[-1].key if found else "")
        found += page.objects
        if not page.truncated:
            return found


async def newest_first(store: ObjectStore) -> AsyncIterator[Status]:
    """Read the record of every job, the one written last first.

    Unreadable ones are left out, and those of jobs that are parts of others.
    Stop iterating and no more are read. Raises StoreUnavailable.
    """
    found = [entry for entry in await listed(store, keys.STATUS) if _is_whole(keys.job_of_status(entry.key))]
    found.sort(key=lambda entry: entry.last_modified, reverse=True)
    for start in range(0, len(found), _AT_ONCE):
        batch = (_read(store, keys.job_of_status(entry.key)) for entry in found[start : start + _AT_ONCE])
        for status in await asyncio.gather(*batch):
            if status is not None:
                yield status


async def run_again(store: ObjectStore, status: Status) -> str:
    """Announce what a job that has ended asked for as a new job, and return its id.

    The new id begins with the old one. Files that were dropped as a folder are copied out of the archive. A
    `callback_url` is not kept: nobody is called for the new job, which is for whoever repeats it to say.
    Raises InvalidManifest, with nothing announced, where the job cannot be repeated; StoreUnavailable.
    """
    if not status.terminal:
        raise InvalidManifest(f"The job {status.job_id} has not ended; it is {status.status}.")
    if status.manifest is None:
        raise InvalidManifest(f"What the job {status.job_id} asked for was never understood; send it anew.")
    if status.manifest.get("part") is not None:
        raise InvalidManifest(f"{status.job_id} is a part of another job and cannot be done again by itself.")
    gone = not_kept(status.manifest)
    if set(gone) - {CALLBACK}:
        fields = ", ".join(f"`{name}`" for name in gone)
        raise InvalidManifest(
            f"The job {status.job_id} had signed links or pictures within its manifest ({fields}), which "
            "were not kept; send it anew."
        )
    job_id = keys.retried_job_id(status.job_id)
    asked = {name: value for name, value in status.manifest.items() if name not in gone}
    document = await _with_files(store, status.job_id, {**asked, "job_id": job_id})
    body = read_manifest(document).model_dump_json(exclude_none=True).encode()
    await store.put(keys.manifest(job_id), body, content_type="application/json", if_none_match=True)
    return job_id


async def purge(store: ObjectStore, job_id: str) -> int:
    """Remove all that is kept of a job that has ended, its record last; returns how many objects.

    Files below uploads/ stay: others may use them. Raises StoreUnavailable; done again, it goes on.
    """
    folders = (keys.result_folder(job_id), keys.archive(job_id, ""), keys.scratch_folder(job_id))
    gone = [
        entry.key for prefix in (*folders, *part_prefixes(job_id)) for entry in await listed(store, prefix)
    ]
    gone += [keys.dead_letter(job_id), keys.cancel(job_id), keys.status(job_id)]
    for start in range(0, len(gone), MAX_KEYS):
        await store.delete(gone[start : start + MAX_KEYS])
    return len(gone) - 2  # a dead letter and a cancel marker are seldom there


def _is_whole(job_id: str) -> bool:
    return bool(job_id) and not keys.is_part(job_id)


async def _read(store: ObjectStore, job_id: str) -> Status | None:
    try:
        stored = await read_record(store, job_id)
    except StatusUnreadable:
        return None
    return stored.status if stored else None


async def _with_files(store: ObjectStore, job_id: str, manifest: Mapping[str, Any]) -> dict[str, Any]:
    """The manifest with references into the old job's folder led to copies of the files."""
    document = dict(manifest)
    for name in _REFERENCES:
        given = document.get(name)
        if isinstance(given, list):
            document[name] = [await _kept(store, job_id, reference) for reference in given]
        elif given is not None:
            document[name] = await _kept(store, job_id, given)
    if document.get("face_mappings"):
        document["face_mappings"] = {
            face: await _kept(store, job_id, reference)
            for face, reference in document["face_mappings"].items()
        }
    return document


async def _kept(store: ObjectStore, job_id: str, reference: str) -> str:
    if not reference.startswith(keys.INBOX):
        return reference
    file = reference.rpartition("/")[2]
    copy = keys.new_upload(file.rpartition(".")[2].lower())
    # A folder may still lie in the inbox. The job's sender may also have named one that is somebody else's.
    own = [reference] if await is_of(store, job_id, reference) else []
    for origin in (keys.archive(job_id, file), *own):
        try:
            await store.copy(origin, copy, size=(await store.head(origin)).size)
        except ObjectNotFound:
            continue
        return copy
    raise InvalidManifest(f"`{file}` of the job {job_id} is no longer in the archive; send it anew.")


async def is_of(store: ObjectStore, job_id: str, inbox_key: str) -> bool:
    """Whether an inbox key is of the folder that is this job."""
    inbox = Inbox(store)
    entry = await inbox.find(inbox_key)
    return entry is not None and entry.form == "folder" and (await inbox.open(entry)).job_id == job_id

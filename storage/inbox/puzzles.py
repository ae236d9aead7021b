"""Records of what lies in the inbox and is no job: its sender looks into `status/`, as for any job.

Such a record is `pending`, has no manifest and one warning `not_understood`. No job has its id, so nothing is
ever claimed or failed by it. Files that make a job at last are one as if they had just come.
"""

from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime

from storage import keys
from storage.errors import PreconditionFailed
from storage.inbox.folders import explain
from storage.inbox.inbox import Puzzle
from storage.lease.cas import read_record
from storage.records.status import JobWarning, Status, new_write_id
from storage.stores.port import ObjectStore

NOT_UNDERSTOOD = "not_understood"
_LOOSE = "inbox"  # stands for the name of the folder where there is none


def puzzle_id(place: str) -> str:
    """The id under which a record tells of what lies in a folder of the inbox, or in the inbox itself."""
    return keys.dropped_job_id(place or _LOOSE, [NOT_UNDERSTOOD, place])


def is_puzzle(status: Status) -> bool:
    """Whether a record tells of files that are no job."""
    return status.manifest is None and any(warning.code == NOT_UNDERSTOOD for warning in status.warnings)


async def tell_of(store: ObjectStore, puzzle: Puzzle, *, now: datetime) -> None:
    """Write or renew the record of files that are no job: a PUT, a GET before it where there is one already.

    `now` is for people. Raises StoreUnavailable, StatusUnreadable.
    """
    warning = JobWarning(code=NOT_UNDERSTOOD, message=explain(puzzle.place, puzzle.files))
    fresh = Status(
        job_id=puzzle_id(puzzle.place),
        write_id=new_write_id(),
        created_at=puzzle.newest,
        updated_at=now,
        warnings=(warning,),
    )
    key = keys.status(fresh.job_id)
    try:
        await store.put(key, fresh.to_bytes(), content_type="application/json", if_none_match=True)
    except PreconditionFailed:
        await _renew(store, fresh)


async def _renew(store: ObjectStore, fresh: Status) -> None:
    stored = await read_record(store, fresh.job_id)
    if stored is None or not is_puzzle(stored.status) or stored.status.warnings == fresh.warnings:
        return
    renewed = stored.status.evolve(now=fresh.updated_at, warnings=fresh.warnings)
    with suppress(PreconditionFailed):  # else another consumer has told it
        await store.put(
            keys.status(fresh.job_id),
            renewed.to_bytes(),
            content_type="application/json",
            if_match=stored.info.etag,
        )


async def take_back(store: ObjectStore, places: Iterable[str]) -> None:
    """Remove the records of places with nothing more to tell: one DELETE; raises StoreUnavailable."""
    gone = [keys.status(puzzle_id(place)) for place in places]
    if gone:
        await store.delete(gone)

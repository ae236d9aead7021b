"""The small objects beside a job's record: the mark that asks for its end, the pointer to one that failed."""

import json

from storage import keys
from storage.errors import ObjectNotFound
from storage.records.status import Status
from storage.stores.port import ObjectStore


async def is_cancel_requested(store: ObjectStore, job_id: str) -> bool:
    """Look for a job's cancel mark: one HEAD."""
    try:
        await store.head(keys.cancel(job_id))
    except ObjectNotFound:
        return False
    return True


async def write_dead_letter(store: ObjectStore, status: Status) -> None:
    """Write the pointer to a job that used up its attempts; does nothing for any other, and for parts of one.

    What a part did not make is made by its job, which tells of it where that fails.
    """
    exhausted = status.error is not None and status.error.code == "attempts_exhausted"
    if status.error is None or not exhausted or keys.is_part(status.job_id):
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

"""What looking for jobs costs in a bucket that holds very many finished ones."""

import asyncio
from collections import Counter

import pytest

from storage import keys
from storage.inbox.inbox import Inbox
from storage.stores.memory_store import MemoryStore
from storage.stores.port import ObjectStore
from storage.stores.s3_settings import S3Settings
from storage.stores.s3_store import open_s3_store
from tests.faults.simulation.loop import at_once
from tests.support.buckets import fresh_bucket
from tests.support.engines import FlatEngine
from tests.support.jobs import drop_job, ended, inbox_empty, running
from tests.support.stores import CountingStore

_FINISHED = 100_000
_FINISHED_ON_A_SERVER = 200


def finished(number: int) -> list[str]:
    """The keys that a finished job leaves behind."""
    job_id = f"{number:032x}"
    return [keys.status(job_id), keys.new_result(job_id, 1, "png"), keys.new_upload("png")]


async def calls_of_one_job(store: ObjectStore) -> Counter[tuple[str, str]]:
    """Every call that a consumer makes for a job, by kind and folder, and one look at the empty inbox."""
    counting = CountingStore(store)
    async with running(counting, FlatEngine()):
        job = await drop_job(store)
        await ended(store, job)
        await inbox_empty(store)
    listed = {key for op, key in counting.calls if op == "list"}
    assert listed == {keys.INBOX}
    await Inbox(scan := CountingStore(store)).scan()
    calls = [call for call in counting.calls if call[0] != "list"] + scan.calls
    return Counter((op, key.partition("/")[0]) for op, key in calls)


async def test_100_000_finished_jobs_make_no_call_more() -> None:
    empty, full = MemoryStore(), MemoryStore()
    for number in range(_FINISHED):
        for key in finished(number):
            at_once(full.put(key, b"{}", content_type="application/json"))
    without = await calls_of_one_job(empty)
    assert without["list", "inbox"] == 1
    assert await calls_of_one_job(full) == without


@pytest.mark.seaweedfs
async def test_a_look_at_the_inbox_is_one_request_whatever_else_the_bucket_holds(
    seaweedfs_s3: S3Settings,
) -> None:
    requests = Counter[str]()
    async with fresh_bucket(seaweedfs_s3) as (store, settings):
        some_at_once = asyncio.Semaphore(16)

        async def put(key: str) -> None:
            async with some_at_once:
                await store.put(key, b"{}", content_type="application/json")

        async with asyncio.TaskGroup() as group:
            for number in range(_FINISHED_ON_A_SERVER):
                for key in finished(number):
                    group.create_task(put(key))
        async with open_s3_store(settings, lambda op, _outcome, _seconds: requests.update([op])) as observed:
            assert not (await Inbox(observed).scan()).entries
    assert requests == {"list": 1}

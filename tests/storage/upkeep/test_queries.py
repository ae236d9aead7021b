"""Listing, repeating and purging jobs: the right ones, whole, and nothing of anybody else's."""

import json
import re
from datetime import UTC, datetime

import pytest

from storage import keys
from storage.errors import InvalidManifest
from storage.records.kept import kept
from storage.records.status import State, Status
from storage.stores.memory_store import MemoryStore
from storage.upkeep.queries import newest_first, purge, run_again
from tests.support.engines import FlatEngine, picture, png
from tests.support.jobs import announce, ended, inbox_empty, running, upload_pair
from tests.support.stores import CountingStore

NOW = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
JSON = "application/json"
SIGNED = "https://files.example/a.png?signature=0123"


async def record(store: MemoryStore, job_id: str, state: State = "completed", **fields: object) -> Status:
    """Lay a record into the bucket as a consumer would have left it."""
    status = Status(job_id=job_id, status=state, created_at=NOW, updated_at=NOW, finished_at=NOW).model_copy(
        update=fields
    )
    await store.put(keys.status(job_id), status.to_bytes(), content_type=JSON)
    return status


async def everything(store: MemoryStore) -> set[str]:
    return {listed.key for listed in (await store.list("")).objects}


async def test_the_job_written_last_comes_first_and_only_what_is_asked_for_is_read() -> None:
    now = [NOW]
    memory = MemoryStore(lambda: now[0])
    for number in range(40):
        now[0] = NOW.replace(hour=23 - number // 2, minute=30 - number % 2)
        await record(memory, f"job-{number:02}")
    await memory.put("status/not a job.json", b"{}", content_type=JSON)
    await memory.put("status/broken.json", b"what?", content_type=JSON)
    store = CountingStore(memory)
    found = [status.job_id async for status in newest_first(store)]
    assert found == [f"job-{number:02}" for number in range(40)]
    store.calls.clear()
    async for status in newest_first(store):
        assert status.job_id == "job-00"
        break
    assert [call for call, _ in store.calls].count("get") == 16


async def test_a_repeated_job_asks_for_the_same_under_a_new_id() -> None:
    store = MemoryStore()
    async with running(store, FlatEngine()):
        manifest = {**await upload_pair(store), "options": {"many_faces": True}}
        first = await ended(store, await announce(store, manifest))
        again = await ended(store, await run_again(store, first))
        await inbox_empty(store)
    assert again.job_id != first.job_id
    assert again.status == first.status == "completed"
    assert again.manifest is not None
    assert first.manifest is not None
    assert {**again.manifest, "job_id": first.job_id} == first.manifest
    assert again.result is not None
    assert first.result is not None
    assert again.result.key != first.result.key


async def test_a_repeated_job_calls_nobody_and_keeps_its_plain_links() -> None:
    store = MemoryStore()
    plain = {"process_type": "detect-faces", "target": "https://files.example/a.png"}
    asked = {**plain, "callback_url": "https://me.example/hook/0123"}
    status = await record(store, "first", manifest=kept(asked))
    body = (await store.get(keys.manifest(await run_again(store, status)), max_bytes=1 << 20)).body
    again = json.loads(body)
    assert (again["target"], again.get("callback_url")) == (plain["target"], None)


async def test_a_repeated_folder_gets_its_files_out_of_the_archive() -> None:
    store = MemoryStore()
    for name in ("source.png", "target.png"):
        await store.put(f"{keys.INBOX}us/{name}", png(picture()), content_type="image/png")
    async with running(store, FlatEngine()):
        await inbox_empty(store)
        [first] = [status async for status in newest_first(store)]
        again = await ended(store, await run_again(store, first))
        await inbox_empty(store)
    assert (first.status, again.status) == ("completed", "completed")
    await purge(store, first.job_id)
    third = await run_again(store, again)  # its files are its own
    assert third != again.job_id


async def test_what_cannot_be_repeated_is_said_and_nothing_is_announced() -> None:
    store = MemoryStore()
    inline = {"process_type": "detect-faces", "target": "(inline, 99999 characters)"}
    lost = {"process_type": "detect-faces", "target": "inbox/us/target.png"}
    cases = {
        "has not ended": await record(store, "live", "processing", manifest=inline),
        "never understood": await record(store, "odd", "failed"),
        "pictures within its manifest": await record(store, "inline", manifest=inline),
        r"signed links .* \(`source`\), which were not kept": await record(
            store,
            "signed",
            manifest=kept({"process_type": "single-image", "source": SIGNED, "target": "uploads/a"}),
        ),
        "no longer in the archive": await record(store, "lost", manifest=lost),
    }
    for reason, status in cases.items():
        with pytest.raises(InvalidManifest, match=reason):
            await run_again(store, status)
    assert not (await store.list(keys.INBOX)).objects


async def test_a_purge_takes_all_of_one_job_and_nothing_of_its_neighbours() -> None:
    store = MemoryStore()
    for job_id in ("a", "a1", "a-b"):
        await record(store, job_id)
        for key in (
            f"results/{job_id}/1.png",  # as earlier versions named them
            keys.new_result(job_id, 2, "png"),
            keys.archive(job_id, "source.png"),
            keys.dead_letter(job_id),
            keys.cancel(job_id),
            keys.manifest(job_id),
        ):
            await store.put(key, json.dumps({}).encode(), content_type=JSON)
    before = await everything(store)
    await purge(store, "a")
    gone = {re.sub("-[a-z2-7]{24}", "-secret", key) for key in before - await everything(store)}
    assert gone == {
        "status/a.json",
        "results/a/1.png",
        "results/a/2-secret.png",
        "archive/a/source.png",
        "dead-letter/a.json",
        "cancel/a",
    }
    await purge(store, "a")  # a second time does no harm

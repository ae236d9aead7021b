"""Several senders on one bucket: what one of them can have of another's by knowing names."""

import base64
import json

import pytest

from storage import keys
from storage.errors import InvalidManifest
from storage.records.status import Status
from storage.stores.memory_store import MemoryStore
from storage.upkeep.queries import run_again
from tests.support.engines import FlatEngine, picture, png
from tests.support.jobs import announce, ended, inbox_empty, running, upload_pair


async def code_of(store: MemoryStore, job_id: str) -> str:
    status = await ended(store, job_id)
    assert (status.status, status.result) == ("failed", None)
    assert status.error is not None
    return status.error.code


async def test_whoever_knows_a_jobs_id_does_not_get_at_its_result() -> None:
    store = MemoryStore()
    async with running(store, FlatEngine()):
        mine = await ended(store, await announce(store, {**await upload_pair(store), "job_id": "order-1042"}))
        assert mine.result is not None
        guesses = ["results/order-1042/1.png", f"results/order-1042/1-{'a' * 24}.png", "results/order-1042/"]
        jobs = [await announce(store, {"process_type": "detect-faces", "target": key}) for key in guesses]
        assert [await code_of(store, job) for job in jobs] == [
            "input_forbidden",
            "input_not_found",
            "input_forbidden",
        ]
        told = {"process_type": "detect-faces", "target": mine.result.key}
        assert (await ended(store, await announce(store, told))).status == "completed"


async def test_a_result_of_an_earlier_version_can_be_fetched_and_not_be_referred_to() -> None:
    store = MemoryStore()
    await store.put("results/order-1042/1.png", png(picture()), content_type="image/png")
    job = await announce(store, {"process_type": "detect-faces", "target": "results/order-1042/1.png"})
    async with running(store, FlatEngine()):
        assert await code_of(store, job) == "input_forbidden"
    status = await ended(store, job)
    assert status.error is not None
    assert "copy the file below uploads/" in status.error.message


async def test_a_manifest_named_as_a_folder_is_not_handed_the_folders_files() -> None:
    store = MemoryStore()
    await store.put("inbox/holiday/target.png", png(picture()), content_type="image/png")  # goes on
    stolen = {"process_type": "detect-faces", "target": "inbox/holiday/target.png"}
    await store.put("inbox/holiday.json", json.dumps({**stolen, "job_id": "x"}).encode(), content_type="")
    async with running(store, FlatEngine()):
        assert await code_of(store, "x") == "input_forbidden"


async def test_a_job_done_again_is_handed_nobody_elses_folder() -> None:
    store = MemoryStore()
    for name in ("source.png", "target.png"):
        await store.put(f"inbox/holiday/{name}", png(picture()), content_type="image/png")
    stolen = {"process_type": "detect-faces", "target": "inbox/holiday/target.png"}
    async with running(store, FlatEngine(), settle_s=60):  # the folder waits
        job = await ended(store, await announce(store, stolen))
    assert job.error is not None
    assert job.error.code == "input_forbidden"
    with pytest.raises(InvalidManifest, match="no longer in the archive"):
        await run_again(store, job)
    assert not (await store.list(keys.UPLOADS)).objects


@pytest.mark.parametrize("folder", ["50%25 off", "a%2Fb", "back\\slash", "..\\..", "Fête 你好 🙂", "tab%09"])
async def test_a_folder_is_done_whatever_its_name_looks_like(folder: str) -> None:
    store = MemoryStore()
    for name in ("source.png", "target.png"):
        await store.put(f"inbox/{folder}/{name}", png(picture()), content_type="image/png")
    async with running(store, FlatEngine()):
        await inbox_empty(store)
    [listed] = (await store.list(keys.STATUS)).objects
    status = Status.from_bytes((await store.get(listed.key, max_bytes=1 << 20)).body)
    assert status.status == "completed", status.error
    assert len((await store.list(keys.ARCHIVE)).objects) == 2
    again = await run_again(store, status)
    async with running(store, FlatEngine()):
        assert (await ended(store, again)).status == "completed"


async def test_no_secret_of_a_manifest_is_left_in_the_bucket() -> None:
    store, secret = MemoryStore(), "hunter2SECRET"
    files = await upload_pair(store)
    inline = base64.b64encode(png(picture()) + secret.encode() * 100).decode()
    jobs = [
        {**files, "callback_url": f"https://me.example/{secret}?key={secret}"},
        {**files, "source": f"https://127.0.0.1/a.png?signature={secret}"},
        {**files, "source": f"https://user:{secret}@127.0.0.1/a.png"},
        {**files, "source": f"ftp://user:{secret}@127.0.0.1/a.png"},
        {**files, "target": inline},
        {**files, "target": f"data:image/png,{secret}"},
        {**files, "callback_url": f"http://user:{secret}@me.example/"},
    ]
    async with running(store, FlatEngine()):
        for manifest in jobs:
            await ended(store, await announce(store, manifest))
        await inbox_empty(store)
    for listed in (await store.list("")).objects:
        body = (await store.get(listed.key, max_bytes=1 << 20)).body
        assert secret.encode() not in body, (listed.key, body)
        assert base64.b64encode(secret.encode() * 3)[4:-4] not in body

"""What a RunPod request leads to in the bucket, whatever becomes of request, worker and store."""

import asyncio
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from consumer.runpod.handler import RunpodHandler
from consumer.runpod.progress import ProgressSender
from consumer.triggers.local_queue import LocalQueue
from storage import keys
from storage.errors import StoreUnavailable
from storage.records.manifest import read_manifest
from storage.records.status import Status
from storage.stores.memory_store import MemoryStore
from storage.stores.port import ObjectStore
from tests.support.engines import FlatEngine
from tests.support.jobs import announce, ended, start, until, upload_pair
from tests.support.stores import Op, WrappedStore

REQUEST = {"type": "single-image", "source": "uploads/a.png", "target": "uploads/b.png"}


def handler(
    store: ObjectStore, queue: LocalQueue | None = None, *, patience_s: float = 30, poll_s: float = 0.01
) -> RunpodHandler:
    async def link(key: str) -> str:
        return f"https://files.test/{key}"

    return RunpodHandler(
        store, queue or LocalQueue(4), link=link, health=dict, patience_s=patience_s, poll_s=poll_s
    )


def asked(answering: RunpodHandler, given: object, request_id: str = "r-1") -> asyncio.Task[dict[str, Any]]:
    return asyncio.create_task(answering.answer({"id": request_id, "input": given}, nothing))


async def nothing(_: Mapping[str, Any]) -> None:
    """Take no note of progress."""


async def in_the_inbox(store: MemoryStore) -> list[str]:
    async with asyncio.timeout(30):
        while not (found := (await store.list(keys.INBOX)).objects):  # noqa: ASYNC110 -- a bucket has no event
            await asyncio.sleep(0.005)
    return [listed.key for listed in found]


async def markers(store: MemoryStore) -> list[str]:
    return [listed.key for listed in (await store.list(keys.CANCEL)).objects]


async def test_a_request_lies_in_the_inbox_although_this_worker_takes_nothing_more() -> None:
    store, full = MemoryStore(), LocalQueue(1)
    full.announce("inbox/another.json")
    request = asked(handler(store, full), REQUEST)
    [key] = await in_the_inbox(store)
    assert json.loads((await store.get(key, max_bytes=1 << 20)).body)["source"] == "uploads/a.png"
    assert not request.done()
    request.cancel()
    await asyncio.wait([request])


async def test_a_worker_that_ends_answers_and_calls_no_job_off() -> None:
    store = MemoryStore()
    answering = handler(store)
    request = asked(answering, REQUEST)
    await in_the_inbox(store)
    await answering.close()
    told = await request
    assert (told["refresh_worker"], "the job goes on" in told["error"]) == (True, True)
    assert await markers(store) == []
    late = await asked(answering, {**REQUEST, "job_id": "late"})
    assert "send the request again" in late["error"]
    assert len(await in_the_inbox(store)) == 1


async def test_a_job_that_ends_with_its_worker_is_answered_with_what_came_of_it() -> None:
    store = MemoryStore()
    answering = handler(store, poll_s=30)  # no look falls between the job's end and the worker's
    given = {**REQUEST, **await upload_pair(store), "job_id": "mine"}
    request = asked(answering, given)
    await in_the_inbox(store)
    consumer, working = start(store, FlatEngine())
    assert (await ended(store, "mine")).status == "completed"
    consumer.stop()
    await working
    await answering.close()
    told = await request
    assert (told["status"], "error" in told) == ("completed", False), told
    assert told["result"]["url"].startswith("https://files.test/results/mine/1-")


async def test_a_request_that_is_called_off_calls_its_job_off() -> None:
    store = MemoryStore()
    request = asked(handler(store), {**REQUEST, "job_id": "mine"})
    await in_the_inbox(store)
    request.cancel()
    with pytest.raises(asyncio.CancelledError):
        await request
    assert await markers(store) == [keys.cancel("mine")]


async def test_a_request_that_is_not_done_in_time_is_told_so_and_its_job_goes_on() -> None:
    store = MemoryStore()
    told = await asked(handler(store, patience_s=0.05), {**REQUEST, "job_id": "mine"})
    assert (told["code"], told["job_id"]) == ("timeout", "mine")
    assert await in_the_inbox(store) == [keys.manifest("mine")]
    assert await markers(store) == []


class Blinking(WrappedStore):
    """Fails every other read of a record."""

    reads = 0

    async def around(self, op: Op, key: str, call: Callable[[], Any]) -> Any:  # noqa: ANN401 -- as its base
        if op == "get" and key.startswith(keys.STATUS):
            self.reads += 1
            if self.reads % 2 == 0:
                raise StoreUnavailable
        return await call()


async def test_a_store_that_fails_for_a_moment_does_not_fail_the_request() -> None:
    store = MemoryStore()
    blinking = Blinking(store)
    request = asked(handler(blinking), {**REQUEST, **await upload_pair(store), "job_id": "mine"})
    await in_the_inbox(store)
    await until(lambda: blinking.reads > 4)
    consumer, working = start(store, FlatEngine())
    told = await asyncio.wait_for(request, 30)
    consumer.stop()
    await working
    assert told["status"] == "completed", told
    assert told["result"]["url"].startswith("https://files.test/results/mine/1-")


async def test_a_request_handed_out_again_is_the_same_job() -> None:
    store = MemoryStore()
    pair = {"type": "single-image", **await upload_pair(store)}
    queue = LocalQueue(4)
    answering = handler(store, queue)
    requests = [asked(answering, pair), asked(answering, pair)]
    consumer, working = start(store, FlatEngine(), own_queue=queue)
    first, second = [await asyncio.wait_for(request, 30) for request in requests]
    again = await asyncio.wait_for(asked(answering, pair), 30)
    another = await asyncio.wait_for(asked(answering, pair, "r-2"), 30)
    consumer.stop()
    await working
    assert first["job_id"] == second["job_id"] == again["job_id"] != another["job_id"]
    assert first["attempt"] == again["attempt"] == 1
    assert len((await store.list(keys.RESULTS)).objects) == 2


async def test_a_request_under_another_jobs_id_is_refused_and_not_answered_with_its_result() -> None:
    store = MemoryStore()
    now = datetime.now(UTC)
    kept = {name: value for name, value in REQUEST.items() if name != "return_base64"}
    status = Status(job_id="mine", status="cancelled", created_at=now, updated_at=now, manifest=kept)
    await store.put(keys.status("mine"), status.to_bytes(), content_type="application/json")
    again = await asked(handler(store), {**REQUEST, "job_id": "mine"})
    assert again["code"] == "cancelled"
    other = await asked(handler(store), {**REQUEST, "job_id": "mine", "target": "uploads/other.png"})
    assert (other["code"], "is taken by another job" in other["error"]) == ("invalid_manifest", True)
    assert (await store.list(keys.INBOX)).objects == []


async def test_a_job_given_back_by_another_worker_is_taken_at_once() -> None:
    store, queue = MemoryStore(), LocalQueue(4)
    given = {"type": "single-image", **await upload_pair(store), "job_id": "mine"}
    consumer, working = start(store, FlatEngine(), own_queue=queue, sweep_s=3600)
    await until(lambda: consumer.health().ready)
    now = datetime.now(UTC)
    manifest = read_manifest(given).model_dump(mode="json")
    released = Status(job_id="mine", created_at=now, updated_at=now, max_attempts=3, manifest=manifest)
    await store.put(keys.status("mine"), released.to_bytes(), content_type="application/json")
    await announce(store, given)
    told = await asyncio.wait_for(asked(handler(store, queue), given), 30)
    assert told["status"] == "completed", told
    consumer.stop()
    await working


async def test_whoever_names_the_id_of_anothers_job_gets_neither_its_result_nor_its_end() -> None:
    store, queue = MemoryStore(), LocalQueue(4)
    mine = {"type": "single-image", **await upload_pair(store), "job_id": "order-1042"}
    theirs = {**mine, "target": "uploads/theirs.png"}
    answering = handler(store, queue)
    request = asked(answering, mine)
    await in_the_inbox(store)
    waiting = await asyncio.wait_for(asked(answering, theirs), 30)  # while mine lies in the inbox
    consumer, working = start(store, FlatEngine(), own_queue=queue)
    assert (await asyncio.wait_for(request, 30))["status"] == "completed"
    done = await asyncio.wait_for(asked(answering, theirs), 30)
    assert (await asyncio.wait_for(asked(answering, mine), 30))["status"] == "completed"
    consumer.stop()
    await working
    for told in (waiting, done):
        assert (told["code"], "taken by another job" in told["error"]) == ("invalid_manifest", True)
        assert "result" not in told
    assert await markers(store) == []


async def test_a_request_called_off_calls_nobody_elses_job_off() -> None:
    class Slow(WrappedStore):
        async def around(self, op: Op, key: str, call: Callable[[], Any]) -> Any:  # noqa: ANN401 -- as its base
            answer = await call()
            if op == "put" and key.startswith(keys.INBOX):
                await asyncio.sleep(3600)
            return answer

    store = MemoryStore()
    await announce(store, {**REQUEST, "target": "uploads/mine.png", "job_id": "order-1042"})
    request = asked(handler(Slow(store)), {**REQUEST, "job_id": "order-1042"})
    await asyncio.sleep(0.05)
    request.cancel()
    await asyncio.wait([request])
    assert await markers(store) == []


@pytest.mark.parametrize("worker_ends", [False, True])
async def test_no_progress_is_on_its_way_when_a_request_is_answered(*, worker_ends: bool) -> None:
    """However slow it is, and with no more than one at a time: those that wait give way to the newest."""
    store, queue = MemoryStore(), LocalQueue(4)
    begun: list[Mapping[str, Any]] = []
    arrived: list[Mapping[str, Any]] = []
    may_arrive = asyncio.Event()

    async def slowly(record: Mapping[str, Any]) -> None:
        begun.append(record)
        await may_arrive.wait()
        arrived.append(record)

    given = {"type": "single-image", **await upload_pair(store), "job_id": "mine"}
    handling = handler(store, queue)
    answering = asyncio.create_task(handling.answer({"id": "r", "input": given}, slowly))
    await in_the_inbox(store)
    now = datetime.now(UTC)
    status = Status(job_id="mine", created_at=now, updated_at=now, manifest=read_manifest(given).model_dump())
    for rev in range(1, 5):
        moved = status.model_copy(update={"rev": rev, "status": "processing"})
        await store.put(keys.status("mine"), moved.to_bytes(), content_type="application/json")
        await asyncio.sleep(0.05)
    ended = status.model_copy(update={"rev": 9, "status": "cancelled"})
    await store.put(keys.status("mine"), ended.to_bytes(), content_type="application/json")
    await asyncio.sleep(0.1)
    assert (len(begun), arrived, answering.done()) == (1, [], False)
    closing = asyncio.create_task(handling.close() if worker_ends else asyncio.sleep(0))
    await asyncio.sleep(0.05)
    may_arrive.set()
    told = await asyncio.wait_for(answering, 30)
    assert told["code"] == "cancelled"
    assert len(arrived) == len(begun) == 1
    await closing


async def test_progress_that_fails_or_never_arrives_costs_a_request_nothing() -> None:
    sent: list[int] = []

    async def send(record: Mapping[str, Any]) -> None:
        sent.append(record["n"])
        if record["n"] == 1:
            raise OSError
        await asyncio.sleep(3600)

    async with asyncio.timeout(30), ProgressSender(send, give_up_s=0.05) as progress:
        progress.tell({"n": 1})
        await asyncio.sleep(0.01)
        progress.tell({"n": 2})
        await asyncio.sleep(0.01)
        progress.tell({"n": 3})
        progress.tell({"n": 4})
        await asyncio.sleep(0.1)
    assert sent == [1, 2, 4]


@pytest.mark.parametrize(
    ("given", "code"),
    [
        (None, "invalid_manifest"),
        ("a text", "invalid_manifest"),
        ([REQUEST], "invalid_manifest"),
        ({}, "invalid_manifest"),
        ({**REQUEST, "source": "x" * 5_000_000}, "invalid_manifest"),
        ({**REQUEST, "source": "é" * 3_000_000}, "invalid_manifest"),  # fewer characters than bytes
        ({**REQUEST, "source": "\ud800"}, "invalid_manifest"),
        ({**REQUEST, "return_base64": "yes"}, "invalid_manifest"),
        ({**REQUEST, "job_id": "../x"}, "invalid_manifest"),
    ],
    ids=range(9),
)
async def test_a_request_that_cannot_be_a_job_is_told_why_at_once(given: object, code: str) -> None:
    store = MemoryStore()
    told = await asyncio.wait_for(asked(handler(store, patience_s=1), given), 30)
    assert (told["code"], told["error"].endswith(".")) == (code, True)
    assert (await store.list("")).objects == []

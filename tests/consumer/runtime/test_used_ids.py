"""Jobs that come in the way of others, or of their own consumer: each ends, and none in silence."""

import asyncio
import json
from datetime import timedelta
from pathlib import Path

import pytest
import structlog

from storage import keys
from storage.inbox.inbox import Inbox
from storage.lease.leases import Lease, LeasePolicy, Leases
from storage.records.status import Status
from storage.stores.memory_store import MemoryStore
from storage.upkeep.queries import newest_first
from storage.upkeep.rounds import Rounds
from tests.support.engines import FlatEngine
from tests.support.jobs import announce, drop_job, ended, inbox_empty, running, start, upload_pair

POISON = {"version": 1, "process_type": "single-image", "source": "uploads/a.png", "target": "uploads/b.png"}


async def others(store: MemoryStore, job_id: str) -> list[Status]:
    return [status async for status in newest_first(store) if status.job_id != job_id]


async def test_another_manifest_under_a_used_id_is_done_as_a_job_of_its_own() -> None:
    store = MemoryStore()
    async with running(store, FlatEngine()):
        first = await ended(store, await announce(store, {**await upload_pair(store), "job_id": "order"}))
        await inbox_empty(store)
        other = {**await upload_pair(store), "job_id": "order", "options": {"output_format": "webp"}}
        for _ in range(2):  # the second is the same job again
            await announce(store, other)
            await inbox_empty(store)
        assert await ended(store, "order") == first
        [status] = await others(store, "order")
    assert status.status == "completed"
    assert status.job_id.startswith("order-")
    assert status.result is not None
    assert status.result.key.endswith(".webp")
    assert "`order` is the id of another job" in str(status.warnings)


async def test_a_corrected_manifest_is_done_although_its_id_has_failed() -> None:
    store = MemoryStore()
    async with running(store, FlatEngine()):
        pair = await upload_pair(store)
        await announce(store, {**pair, "job_id": "order", "options": {"many_facez": True}})
        assert (await ended(store, "order")).status == "failed"
        await inbox_empty(store)
        await announce(store, {**pair, "job_id": "order", "options": {"many_faces": True}})
        await inbox_empty(store)
        [status] = await others(store, "order")
    assert status.status == "completed"


async def test_a_manifest_with_half_a_character_fails_at_once_and_keeps_its_id() -> None:
    store = MemoryStore()
    poison = json.dumps({**POISON, "job_id": "poison", "options": {"execution_provider": "\ud800"}})
    await store.put(keys.manifest("poison"), poison.encode(), content_type="application/json")
    async with running(store, FlatEngine()):
        status = await ended(store, "poison")
        await inbox_empty(store)
    assert status.error is not None
    assert (status.error.code, status.attempt) == ("invalid_manifest", 1)
    assert "half a character" in status.error.message


@pytest.mark.parametrize("where", ["the record", "the work"])
async def test_a_job_that_breaks_its_consumer_ends_by_attempts_like_any_other(
    where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates not allowed")

    monkeypatch.setattr("consumer.runtime.runner.retry_delay_s", lambda *_: 0.01)
    place = "storage.lease.leases.kept" if where == "the record" else "consumer.runtime.runner.output_id"
    store = MemoryStore()
    bad = await drop_job(store)
    with monkeypatch.context() as breaking:
        breaking.setattr(place, broken)
        async with running(store, FlatEngine(), max_attempts=2):
            if where == "the work":
                status = await ended(store, bad)
                await inbox_empty(store)
                assert status.error is not None
                assert (status.error.code, status.attempt) == ("attempts_exhausted", 2)
            else:  # it is recorded without its manifest, and done
                assert (await ended(store, bad)).status == "completed"
    async with running(store, FlatEngine()):
        assert (await ended(store, await drop_job(store))).status == "completed"


async def test_a_job_whose_entry_was_overwritten_and_whose_owner_died_is_done_after_all() -> None:
    store = MemoryStore()
    pair = await upload_pair(store)
    body = json.dumps({"process_type": "single-image", **pair}).encode()
    await store.put("inbox/order.json", body, content_type="application/json")
    [entry] = (await Inbox(store).scan()).entries
    announced = await Inbox(store).open(entry)
    dead = Leases(
        store, owner="dead", policy=LeasePolicy(ttl_s=1, grace_s=0, margin_s=0.2, min_write_gap_s=0.1)
    )
    lease = await dead.claim(announced.job_id, announced.document)
    assert isinstance(lease, Lease)
    other = body.replace(b"{", b'{"options": {"many_faces": true}, ', 1)
    await store.put("inbox/order.json", other, content_type="application/json")
    clock = store._clock
    store._clock = lambda: clock() + timedelta(hours=1)
    with structlog.testing.capture_logs() as logs:
        async with running(store, FlatEngine()) as consumer:
            await inbox_empty(store)
            rounds = Rounds(store, Inbox(store), Leases(store, owner="rounds", policy=LeasePolicy()))
            store._clock = lambda: clock() + timedelta(hours=2)
            assert (await rounds.step()).rescued == [announced.job_id]
            status = await ended(store, announced.job_id)
            await inbox_empty(store)
            taken_over = b"swapdrop_takeovers_total 1.0" in consumer.metrics.render()
    assert (status.status, status.attempt) == ("completed", 2)
    assert taken_over
    assert [line["before"] for line in logs if line["event"] == "taken_over"] == ["dead"]
    assert len(await others(store, "")) == 2


async def test_the_log_says_at_the_start_what_runs_where(tmp_path: Path) -> None:
    with structlog.testing.capture_logs() as logs:
        consumer, task = start(
            MemoryStore(),
            FlatEngine(),
            bucket="pictures",
            endpoint_url="https://store.example",
            cache_dir=tmp_path,
        )
        while not any(line["event"] == "starting" for line in logs):  # noqa: ASYNC110 -- a log has no event
            await asyncio.sleep(0.01)
        consumer.stop()
        await task
    [line] = [line for line in logs if line["event"] == "starting"]
    assert line["endpoint"] == "https://store.example"
    assert line["version"]

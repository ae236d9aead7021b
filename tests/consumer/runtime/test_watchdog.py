"""The watchdog: a consumer that is no longer fit ends in order, and is started afresh by whoever runs it."""

import asyncio
import threading

import numpy as np
import pytest

from consumer.devices.memory import own_bytes
from pipeline.face import Array
from storage import keys
from storage.stores.memory_store import MemoryStore
from tests.support.engines import FlatEngine
from tests.support.jobs import drop_job, ended, read_status, start, until

MIB = 2**20


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("consumer.runtime.watchdog._LOOK_EVERY_S", 0.05)


def near_limit() -> int:
    """A memory limit that this process has not reached yet."""
    return max(own_bytes() + 40 * MIB, 256 * MIB)


def grown_past(limit: int) -> Array:
    """Memory that takes this process over `limit`, as long as it is kept."""
    return np.ones(limit - own_bytes() + 40 * MIB, np.uint8)


async def test_past_its_memory_limit_a_consumer_finishes_its_jobs_takes_no_more_and_ends_sick() -> None:
    store, kept, go = MemoryStore(), list[Array](), threading.Event()
    limit = near_limit()

    def leak() -> None:
        if not kept:
            kept.append(grown_past(limit))
            go.wait(30)

    jobs = [await drop_job(store) for _ in range(30)]
    consumer, task = start(store, FlatEngine(on_swap=leak), memory_limit_bytes=limit, max_in_flight=2)
    await until(lambda: bool(kept) and "stopping" in consumer.health().message)
    assert not consumer.health().ready
    go.set()
    assert await asyncio.wait_for(task, 30) == 1
    taken = [status for job in jobs if (status := await read_status(store, job))]
    assert {(status.status, status.attempt) for status in taken} == {("completed", 1)}
    assert len(taken) < 30


async def test_what_does_not_fit_in_the_grace_goes_back_uncounted() -> None:
    store, begun, go = MemoryStore(), threading.Event(), threading.Event()

    def hold() -> None:
        begun.set()
        go.wait(30)

    job, limit = await drop_job(store), near_limit()
    _, task = start(store, FlatEngine(on_swap=hold), memory_limit_bytes=limit, drain_grace_s=0.1)
    await until(begun.is_set)
    kept = grown_past(limit)
    assert await asyncio.wait_for(task, 30) == 1
    status = await read_status(store, job)
    assert status is not None
    assert (status.status, status.max_attempts - status.attempt) == ("pending", 3)
    assert kept.all()
    go.set()


async def test_a_device_that_hangs_on_a_cancelled_job_ends_an_idle_consumer() -> None:
    store, begun, go = MemoryStore(), threading.Event(), threading.Event()

    def hang() -> None:
        begun.set()
        go.wait(60)

    job = await drop_job(store)
    _, task = start(store, FlatEngine(on_swap=hang), stall_timeout_s=1.5, lease_ttl_s=1)
    await until(begun.is_set)
    await store.put(keys.cancel(job), b"", content_type="text/plain")
    assert (await ended(store, job)).status == "cancelled"
    assert await asyncio.wait_for(task, 30) == 1
    go.set()

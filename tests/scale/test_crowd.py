"""What a job costs in store calls, and how long it waits, must not grow with the number of consumers."""

import asyncio

import pytest

from storage import keys
from storage.stores.memory_store import MemoryStore
from tests.scale.crowd.crowd import Plan, count
from tests.support.engines import FlatEngine
from tests.support.jobs import drop_job, ended, inbox_empty, running
from tests.support.stores import CountingStore


@pytest.mark.parametrize("load", [None, 0.8], ids=["all at once", "as they come"])
def test_forty_consumers_ask_as_much_for_a_job_as_eight(load: float | None) -> None:
    few, many = (count(Plan(consumers=consumers, jobs=12 * consumers, load=load)) for consumers in (8, 40))
    assert many.steady_calls < 1.25 * few.steady_calls
    assert many.steady_busy > 0.9 * few.steady_busy
    assert many.waited_s < few.waited_s + 2


async def test_a_job_is_counted_at_the_price_that_it_has() -> None:
    store = MemoryStore()
    counting = CountingStore(store)
    async with running(counting, FlatEngine()):
        job = await drop_job(store)
        await ended(store, job)
        await inbox_empty(store)
    # The list of protected people is read twice a minute, however many jobs there are.
    real = sum(1 for op, key in counting.calls if op != "list" and key != keys.DENYLIST)
    alone = await asyncio.to_thread(count, Plan(consumers=1, jobs=40))
    assert real <= alone.steady_calls < real + 0.5  # and the listings
    assert not alone.vain

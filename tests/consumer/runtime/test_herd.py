"""Many consumers on one inbox: how often they get in each other's way, counted."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack

import pytest

from storage import keys
from storage.errors import PreconditionFailed
from storage.stores.memory_store import MemoryStore
from storage.stores.port import ObjectStore
from tests.support.engines import FlatEngine
from tests.support.jobs import drop_job, inbox_empty, running
from tests.support.stores import Op, T, WrappedStore


class CongestedStore(WrappedStore):
    """Answers each call after a while of its own, as a store far away does, and counts it."""

    def __init__(self, inner: ObjectStore, counts: Counter[str], rng: random.Random) -> None:
        super().__init__(inner)
        self._counts = counts
        self._rng = rng

    async def around(self, op: Op, key: str, call: Callable[[], Awaitable[T]]) -> T:  # noqa: ARG002 - the same for all
        await asyncio.sleep(self._rng.uniform(0.002, 0.02))
        self._counts[op] += 1
        try:
            return await call()
        except PreconditionFailed:
            self._counts["lost"] += 1
            raise


@pytest.mark.parametrize(("consumers", "lost_per_job"), [(1, 0), (8, 2.5)])
async def test_the_claims_lost_to_others_and_the_listings_are_bounded_per_job(
    consumers: int, lost_per_job: float
) -> None:
    store, counts, jobs = MemoryStore(), Counter[str](), 200
    for _ in range(jobs):
        await drop_job(store)
    async with AsyncExitStack() as stack:
        for number in range(consumers):
            congested = CongestedStore(store, counts, random.Random(number))
            engine = FlatEngine(swap_s=0.01)
            await stack.enter_async_context(running(congested, engine, poll_min_s=0.25, poll_max_s=1))
        await inbox_empty(store)
    assert len((await store.list(keys.RESULTS)).objects) == jobs
    assert counts["lost"] <= lost_per_job * jobs
    assert counts["list"] <= 0.5 * jobs

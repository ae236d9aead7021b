"""What a consumer costs that has nothing to do, or cannot do anything: next to nothing.

A real process is measured for the processor's time; how often it asks the store is counted in virtual time.
"""

import asyncio
import json
import os
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest

from consumer.runtime.runner import JobRunner
from consumer.runtime.scheduler import Scheduler
from consumer.telemetry.metrics import Metrics
from consumer.triggers.in_flight import InFlightEntries
from consumer.triggers.inbox import InboxPolicy, InboxTrigger
from storage import keys
from storage.errors import StoreUnavailable
from storage.inbox.inbox import Inbox
from storage.lease.leases import LeasePolicy, Leases
from storage.lease.transitions import new_record
from storage.stores.memory_store import MemoryStore
from storage.stores.port import ObjectStore
from storage.stores.s3_settings import S3Settings
from tests.faults.simulation.loop import VirtualLoop, at_once
from tests.support.buckets import fresh_bucket
from tests.support.clock import EPOCH
from tests.support.consumers import ConsumerProcess, consumer_environment, run_consumer
from tests.support.jobs import until
from tests.support.ports import free_port
from tests.support.stores import CountingStore, Op, T, WrappedStore

if TYPE_CHECKING:
    from consumer.jobs.services import JobServices

_SOAK = "SOAK" in os.environ
_WATCHED_S = 30.0 if _SOAK else 6.0
_MOST_CPU = 0.01 if _SOAK else 0.05  # of one core; other tests run beside the fast one
_HOUR_S = 3600.0
_TICKS = os.sysconf("SC_CLK_TCK")


def cpu_s(pid: int) -> float:
    """Seconds of processor time that a process has had so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


async def cpu_share(consumer: ConsumerProcess) -> float:
    """What part of a core a process takes, once it has come to rest."""
    await asyncio.sleep(2)
    before = cpu_s(consumer.process.pid)
    await asyncio.sleep(_WATCHED_S)
    assert consumer.process.poll() is None, consumer.output()
    return (cpu_s(consumer.process.pid) - before) / _WATCHED_S


def quiet_environment(settings: S3Settings) -> dict[str, str]:
    """The settings that a consumer has by itself: tests look for jobs more often."""
    environment = consumer_environment(settings)
    del environment["SWAPDROP_POLL_MAX_S"]
    return environment


@pytest.mark.seaweedfs
async def test_an_empty_inbox_takes_next_to_no_processor_time(
    seaweedfs_s3: S3Settings, tmp_path: Path
) -> None:
    async with fresh_bucket(seaweedfs_s3) as (_, settings):
        with run_consumer(quiet_environment(settings), tmp_path / "log") as consumer:
            await until(lambda: bool(consumer.events("starting")))
            assert await cpu_share(consumer) <= _MOST_CPU


async def test_a_store_that_is_down_takes_next_to_no_processor_time(tmp_path: Path) -> None:
    settings = S3Settings(
        bucket="nowhere",
        endpoint_url=f"http://127.0.0.1:{free_port()}",
        access_key_id="tests",
        secret_access_key="tests-secret",  # noqa: S106 -- of a server that is not there
    )
    with run_consumer(quiet_environment(settings), tmp_path / "log") as consumer:
        await until(lambda: bool(consumer.events("store_unreachable")))
        assert await cpu_share(consumer) <= _MOST_CPU


def calls_in_an_hour(store: ObjectStore) -> Counter[Op]:
    """What a consumer asks of a store within an hour of virtual time."""
    counting, rng = CountingStore(store), random.Random(0)
    loop = VirtualLoop(rng)

    async def hour() -> None:
        in_flight = InFlightEntries(monotonic=loop.time)
        trigger = InboxTrigger(Inbox(counting), policy=InboxPolicy(), in_flight=in_flight, rng=rng)
        leases = Leases(counting, owner="idle", policy=LeasePolicy(), monotonic=loop.time, rng=rng)
        runner = JobRunner(
            leases=leases,
            services=cast("JobServices", None),  # no job is ever begun
            metrics=Metrics(),
            owner="idle",
        )
        scheduler = Scheduler(trigger.tickets, runner, max_in_flight=16, drain_grace_s=25)
        loop.call_later(_HOUR_S, scheduler.drain)
        await scheduler.run()

    try:
        loop.run(hour())
    finally:
        loop.clear_away()
    return counting.counts


def test_an_empty_inbox_is_looked_at_every_five_seconds() -> None:
    calls = calls_in_an_hour(MemoryStore())
    assert set(calls) == {"list"}
    assert calls["list"] <= 1.1 * _HOUR_S / InboxPolicy().max_s


def test_a_store_that_is_down_is_asked_every_five_seconds() -> None:
    class Down(WrappedStore):
        async def around(self, op: Op, key: str, call: Callable[[], Awaitable[T]]) -> T:  # noqa: ARG002 -- down
            raise StoreUnavailable

    calls = calls_in_an_hour(Down(MemoryStore()))
    assert set(calls) == {"list"}
    assert calls["list"] <= 1.1 * _HOUR_S / InboxPolicy().max_s


def wait_of_a_job_s(policy: InboxPolicy, rng: random.Random) -> float:
    """How long a job lies in an inbox that was idle for half a minute, in seconds of virtual time."""
    store, loop = MemoryStore(), VirtualLoop(rng)
    in_flight = InFlightEntries(monotonic=loop.time)
    trigger = InboxTrigger(Inbox(store), policy=policy, in_flight=in_flight, rng=rng)

    async def drop() -> float:
        await asyncio.sleep(30 + rng.random())
        await store.put(keys.manifest("job"), b"{}", content_type="application/json")
        return loop.time()

    async def wait() -> float:
        dropping = asyncio.create_task(drop())
        async with aclosing(trigger.tickets()) as tickets:
            await anext(tickets)
        return loop.time() - await dropping

    try:
        return loop.run(wait())
    finally:
        loop.clear_away()


def test_with_a_pause_of_half_a_second_at_most_a_job_waits_hardly_longer() -> None:
    waits = [wait_of_a_job_s(InboxPolicy(max_s=0.5), random.Random(seed)) for seed in range(20)]
    assert max(waits) <= 0.5 * 1.25  # the pause and its jitter
    assert max(waits) > InboxPolicy().min_s  # it was idle indeed


@pytest.mark.parametrize("jobs", [1, 20])
def test_jobs_that_must_wait_are_looked_at_every_twenty_seconds(jobs: int) -> None:
    store = MemoryStore(lambda: EPOCH)  # the store's clock stands still: their time never comes
    for number in range(jobs):
        waiting = new_record(
            f"job-{number}", now=EPOCH, created_at=EPOCH, max_attempts=3, manifest=None
        ).evolve(now=EPOCH, not_before=EPOCH + timedelta(days=1))
        at_once(store.put(keys.status(waiting.job_id), waiting.to_bytes(), content_type="application/json"))
        manifest = {"job_id": waiting.job_id, "process_type": "single-image", "source": "a", "target": "b"}
        body = json.dumps(manifest).encode()
        at_once(store.put(keys.manifest(waiting.job_id), body, content_type="application/json"))
    calls = calls_in_an_hour(store)
    polls = _HOUR_S / 20 + 1
    assert calls["get"] <= 2 * jobs * polls
    assert calls["head"] <= jobs * polls
    assert calls["put"] <= jobs
    assert calls["list"] <= 12 * polls  # ever slower until the next of them is due

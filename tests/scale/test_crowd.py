"""What a job costs in store calls, and how long it waits, must not grow with the number of consumers.

The crowd's model of the inbox and of a claim is held to the real ones here.
"""

import asyncio
import random
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

import pytest

from consumer.jobs.whereabouts import Milestones
from consumer.runtime.attempt import Ending
from consumer.runtime.runner import JobRunner
from consumer.telemetry.metrics import Metrics
from consumer.triggers import inbox as trigger
from consumer.triggers.in_flight import EntryTicket, InFlightEntries
from storage import keys
from storage.inbox.inbox import Inbox, InboxEntry, Scan
from storage.lease.leases import LeasePolicy, Leases
from storage.stores.memory_store import MemoryStore
from tests.scale.crowd import crowd
from tests.scale.crowd.crowd import Bucket, CountedInbox, CountedRunner, Plan, count
from tests.support.clock import EPOCH
from tests.support.engines import FlatEngine
from tests.support.jobs import announce, drop_job, ended, inbox_empty, running
from tests.support.stores import CountingStore

if TYPE_CHECKING:
    from consumer.jobs.services import JobServices


@pytest.mark.parametrize("load", [None, 0.8], ids=["all at once", "as they come"])
def test_forty_consumers_ask_as_much_for_a_job_as_eight(load: float | None) -> None:
    few, many = (count(Plan(consumers=consumers, jobs=12 * consumers, load=load)) for consumers in (8, 40))
    assert many.steady_calls < 1.25 * few.steady_calls
    assert many.steady_busy > 0.9 * few.steady_busy
    assert many.waited_s < few.waited_s + 2


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Listings of a twentieth of their size: fifty consumers are to them what a thousand are to real ones."""
    for module, name, size in (
        (crowd, "MAX_KEYS", 50),
        (trigger, "MAX_KEYS", 50),
        (trigger, "ENOUGH_READY", 10),
        (trigger, "_NARROW", 10),
        (trigger, "_WIDE", 500),
    ):
        monkeypatch.setattr(module, name, size)


@pytest.mark.usefixtures("small_pages")
def test_jobs_at_work_that_fill_the_first_pages_hide_no_others() -> None:
    at_once = count(Plan(consumers=50, jobs=1500))
    assert at_once.steady_calls < 18  # 60 where all stay on those pages
    assert at_once.steady_busy > 0.9  # ... and 0.6
    as_they_come = count(Plan(consumers=50, jobs=1500, load=0.8))
    assert as_they_come.steady_calls < 45
    assert as_they_come.waited_99_s < 6  # ... and 25


# The model


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


async def test_a_look_is_counted_as_it_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crowd, "_CALL_S", 0)
    store, bucket = MemoryStore(lambda: EPOCH), Bucket(Plan(consumers=1, jobs=3500), lambda: 0.0)
    for number in range(3500):
        await store.put(f"{keys.INBOX}{number:07d}.json", b"{}", content_type="application/json")
    counting = CountingStore(store)
    dice = random.Random(0)
    for _ in range(20):
        unseen, enough = dice.choice((0.01, 0.5, 1)), dice.choice((200, 1500, 10_000))
        fresh = {f"{number:07d}" for number in range(3500) if dice.random() < unseen}
        after = dice.choice(("", f"{dice.randrange(3500):07d}"))
        counting.calls.clear()
        bucket.calls.clear()
        is_fresh = among(fresh)
        real = await Inbox(counting).scan(
            go_on_after=after and f"{keys.INBOX}{after}.json", is_fresh=is_fresh, enough=enough
        )
        model = await CountedInbox(bucket, lambda: EPOCH).scan(
            go_on_after=after, is_fresh=is_fresh, enough=enough
        )
        assert shown(model) == shown(real)
        assert bucket.calls == counting.counts


def among(names: set[str]) -> Callable[[InboxEntry], bool]:
    return lambda entry: entry.name in names


def shown(scan: Scan) -> tuple[list[str], str, bool]:
    read_to = scan.read_to.removeprefix(keys.INBOX).removesuffix(".json")
    return [entry.name for entry in scan.entries], read_to, scan.at_end


async def test_a_job_that_another_one_has_is_counted_at_the_price_of_the_try(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = MemoryStore()
    await announce(store, {"job_id": "0000000", "source": "uploads/a.png", "target": "uploads/b.png"})
    counting = CountingStore(store)
    other = Leases(store, owner="other", policy=LeasePolicy())
    own = Leases(counting, owner="own", policy=LeasePolicy())
    announced = await Inbox(store).open(await only(Inbox(store)))
    await other.claim("0000000", announced.document, created_at=EPOCH, is_same=announced.is_of)
    runner = JobRunner(leases=own, services=cast("JobServices", None), metrics=Metrics(), owner="own")
    monkeypatch.setattr(crowd, "_CALL_S", 0)
    bucket = Bucket(Plan(consumers=2, jobs=1), lambda: 0.0)
    [entry], _ = bucket.page(-1)
    bucket.claim(0)
    model = CountedRunner(bucket, 2, random.Random(0))
    for _ in range(3):  # from the second time on it is known that there is a record
        counting.calls.clear()
        bucket.calls.clear()
        assert await tried(runner, Inbox(counting), await only(Inbox(store))) is Ending.REFUSED
        assert await tried(model, cast("Inbox", CountedInbox(bucket, lambda: EPOCH)), entry) is Ending.REFUSED
        assert bucket.calls == counting.counts


async def only(inbox: Inbox) -> InboxEntry:
    [entry] = (await inbox.scan()).entries
    return entry


async def tried(runner: JobRunner | CountedRunner, inbox: Inbox, entry: InboxEntry) -> Ending:
    async def always() -> bool:
        return True

    return await runner.run(
        EntryTicket(inbox, InFlightEntries(), entry),
        release=asyncio.Event(),
        milestones=Milestones(arrived=lambda: None, swapped=lambda _: None),
        room_for_long=always,
    )

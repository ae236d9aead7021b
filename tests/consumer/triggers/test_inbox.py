"""The inbox trigger: what is offered when, and how often the store is asked."""

import asyncio
import random
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest

from consumer.triggers.in_flight import InFlightEntries
from consumer.triggers.inbox import InboxPolicy, InboxTicket, InboxTrigger
from consumer.triggers.survey import Survey
from storage.errors import StoreUnavailable
from storage.inbox.inbox import Inbox
from storage.stores.memory_store import MemoryStore
from tests.faults.simulation.loop import VirtualLoop, at_once
from tests.support.clock import VirtualTime
from tests.support.jobs import announce, until
from tests.support.stores import CountingStore, Fault, FaultStore

QUICK = InboxPolicy(min_s=0.001, max_s=0.01)


async def drop(store: MemoryStore | CountingStore, *names: str) -> None:
    for name in names:
        await announce(store, {"job_id": name, "source": "uploads/a.png", "target": "uploads/b.png"})


def names(tickets: list[InboxTicket]) -> list[str]:
    return [ticket.entry.name for ticket in tickets]


async def take(tickets: AsyncGenerator[InboxTicket, None], count: int) -> list[InboxTicket]:
    async with asyncio.timeout(30):
        return [await anext(tickets) for _ in range(count)]


async def nothing_more(trigger: InboxTrigger, tickets: AsyncGenerator[InboxTicket, None]) -> None:
    """Let the trigger look three more times and find nothing to offer."""
    waiting = asyncio.create_task(anext(tickets))
    polls = trigger.polls
    await until(lambda: trigger.polls >= polls + 3)
    assert not waiting.done()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_an_entry_is_offered_once_while_its_ticket_is_open() -> None:
    store = MemoryStore()
    await drop(store, "one", "two")
    trigger = InboxTrigger(Inbox(store), policy=QUICK)
    tickets = trigger.tickets()
    assert sorted(names(await take(tickets, 2))) == ["one", "two"]
    await nothing_more(trigger, tickets)


async def test_a_deferred_entry_comes_back_after_its_time_and_not_before() -> None:
    time, store = VirtualTime(), MemoryStore()
    await drop(store, "one")
    trigger = InboxTrigger(Inbox(store), policy=QUICK, in_flight=InFlightEntries(time.monotonic))
    tickets = trigger.tickets()
    [ticket] = await take(tickets, 1)
    await ticket.defer(12)
    await nothing_more(trigger, tickets)
    time.advance(12)
    assert names(await take(trigger.tickets(), 1)) == ["one"]


async def test_even_a_long_lease_elsewhere_is_looked_at_again_soon() -> None:
    time, store = VirtualTime(), MemoryStore()
    await drop(store, "one")
    trigger = InboxTrigger(Inbox(store), policy=QUICK, in_flight=InFlightEntries(time.monotonic))
    [ticket] = await take(trigger.tickets(), 1)
    await ticket.defer(3600)
    time.advance(20)
    assert names(await take(trigger.tickets(), 1)) == ["one"]


async def test_other_content_under_a_deferred_name_is_offered_at_once() -> None:
    store = MemoryStore()
    await drop(store, "one")
    trigger = InboxTrigger(Inbox(store), policy=QUICK)
    tickets = trigger.tickets()
    [ticket] = await take(tickets, 1)
    await ticket.defer(3600)
    await announce(store, {"job_id": "one", "source": "uploads/a.png", "target": "uploads/other.png"})
    assert names(await take(tickets, 1)) == ["one"]


async def test_consumers_pick_among_the_first_fifty_in_different_orders() -> None:
    store = MemoryStore()
    await drop(store, *(f"job-{number:03}" for number in range(120)))
    orders = [
        names(await take(InboxTrigger(Inbox(store), policy=QUICK, rng=random.Random(seed)).tickets(), 50))
        for seed in (1, 2)
    ]
    assert orders[0] != orders[1]
    assert sorted(orders[0]) == sorted(orders[1]) == [f"job-{number:03}" for number in range(50)]


async def test_where_others_have_all_that_is_first_the_next_page_is_looked_at() -> None:
    store = MemoryStore()
    await drop(store, *(f"job-{number:04d}" for number in range(1050)))
    policy = InboxPolicy(min_s=0, max_s=0.01)  # a look for each loss
    tickets = InboxTrigger(Inbox(store), policy=policy, rng=random.Random(0)).tickets()
    tried = set[str]()
    for _ in range(60):
        [ticket] = await take(tickets, 1)
        await ticket.defer(90)
        tried.add(ticket.entry.name)
    assert max(tried) >= "job-1000"
    assert min(tried) < "job-1000"


def tries_beside_others(jobs: int) -> tuple[int, float]:
    """How many of these jobs, which others have, are tried in half a minute; how long one more lies there."""
    loop, store = VirtualLoop(random.Random(0)), MemoryStore()
    at_once(drop(store, *(f"job-{number:03d}" for number in range(jobs))))
    in_flight = InFlightEntries(loop.time)
    trigger = InboxTrigger(Inbox(store), policy=InboxPolicy(), in_flight=in_flight, rng=random.Random(0))
    tried = 0

    async def work() -> float:
        nonlocal tried
        async with aclosing(trigger.tickets()) as tickets:
            async for ticket in tickets:
                if ticket.entry.name == "late":
                    break
                tried += 1
                await asyncio.sleep(0.2)
                await ticket.defer(90)
        return loop.time()

    async def watch() -> tuple[int, float]:
        working = asyncio.create_task(work())
        await asyncio.sleep(30)
        tried_before = tried
        await drop(store, "late")
        return tried_before, await working - 30

    try:
        return loop.run(watch())
    finally:
        loop.clear_away()


def test_who_finds_that_others_have_all_tries_ever_more_seldom() -> None:
    tries, _ = tries_beside_others(200)
    assert 10 < tries < 60  # one after the other they would be 150


def test_jobs_that_were_tried_hide_no_new_one() -> None:
    _, waited_s = tries_beside_others(20)
    assert waited_s < 10


async def test_a_look_costs_one_listing_whatever_lies_deferred() -> None:
    store = CountingStore(MemoryStore())
    await drop(store, "one", "two")
    store.calls.clear()
    trigger = InboxTrigger(Inbox(store), policy=QUICK)
    tickets = trigger.tickets()
    for ticket in await take(tickets, 2):
        await ticket.defer(10)
    await nothing_more(trigger, tickets)
    assert set(store.counts) == {"list"}
    assert store.counts["list"] - trigger.polls in {0, 1}  # the last look may not have ended


async def test_an_idle_inbox_is_looked_at_ever_more_seldom_and_a_busy_one_often() -> None:
    store, pauses = MemoryStore(), list[float]()

    class Recording(InboxTrigger):
        async def _sleep(self, seconds: float) -> None:
            pauses.append(seconds)
            await asyncio.sleep(0)

    trigger = Recording(Inbox(store), policy=InboxPolicy(min_s=1, max_s=10))
    tickets = trigger.tickets()
    waiting = asyncio.create_task(anext(tickets))
    await until(lambda: len(pauses) > 8)
    assert pauses[:3] == [1, 1.6, 1.6**2]
    assert pauses[8] == 10
    await drop(store, "one")
    await waiting
    pauses.clear()
    waiting = asyncio.create_task(anext(tickets))
    await until(lambda: len(pauses) > 0)
    assert pauses[0] == 1
    waiting.cancel()


@pytest.mark.parametrize("error", [StoreUnavailable("It is away."), RuntimeError("unforeseen")])
async def test_a_look_that_fails_is_told_and_is_not_the_last(error: Exception) -> None:
    store = MemoryStore()
    await drop(store, "one")
    failing = FaultStore(store, [Fault(op="list", error=error)])
    trigger = InboxTrigger(Inbox(failing), policy=InboxPolicy(min_s=0.2, max_s=0.2))
    tickets = trigger.tickets()
    waiting = asyncio.create_task(anext(tickets))
    await until(lambda: trigger.problem is not None)
    assert trigger.polls == 0
    assert (await waiting).entry.name == "one"
    assert trigger.problem is None


class Hopeless:
    """Whoever asks for a job gets one that cannot be done, until another one comes."""

    def __init__(self, trigger: InboxTrigger) -> None:
        self.tried = 0
        self._tickets = trigger.tickets()

    async def first_other(self, prefix: str, *, most: int) -> str:
        for _ in range(most):
            ticket = await anext(self._tickets)
            if not ticket.entry.name.startswith(prefix):
                return ticket.entry.name
            self.tried += 1
            await ticket.defer(0)  # it could be tried again at once
        raise AssertionError(f"{most} hopeless entries were tried and no other")


async def test_a_thousand_hopeless_entries_hide_no_other() -> None:
    store = MemoryStore()
    await drop(store, *(f"a{number:04}" for number in range(1050)))
    await drop(store, "zzz")
    hopeless = Hopeless(InboxTrigger(Inbox(store), policy=QUICK))
    async with asyncio.timeout(30):
        assert await hopeless.first_other("a", most=4000) == "zzz"


async def test_ten_thousand_stray_files_hide_no_job() -> None:
    store = MemoryStore()
    for number in range(10_050):
        await store.put(f"inbox/{number:05}.txt", b"", content_type="text/plain")
    await drop(store, "zzz")
    seen = list[Survey]()
    trigger = InboxTrigger(Inbox(store), policy=QUICK, observe=seen.append)
    assert names(await take(trigger.tickets(), 1)) == ["zzz"]
    assert trigger.polls == 2
    assert (seen[-1].ignored, seen[-1].not_understood, seen[-1].entries) == (10_050, 1, 1)


async def test_what_an_inbox_holds_is_that_of_the_last_look_while_one_look_sees_it_all() -> None:
    store, seen = MemoryStore(), list[Survey]()
    await drop(store, "one", "two")
    await store.put("inbox/own/me.png", b"", content_type="image/png")
    trigger = InboxTrigger(Inbox(store), policy=QUICK, observe=seen.append)
    tickets = trigger.tickets()
    await take(tickets, 2)
    await store.delete(["inbox/one.json", "inbox/two.json", "inbox/own/me.png"])
    await nothing_more(trigger, tickets)
    assert [(look.entries, look.ignored, look.not_understood) for look in (seen[0], seen[-1])] == [
        (2, 1, 1),
        (0, 0, 0),
    ]

"""Several triggers as one stream: nobody is silenced, nothing is kept at the end."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from consumer.triggers.base import Ticket
from consumer.triggers.in_flight import EntryTicket, InFlightEntries
from consumer.triggers.merged import Merged
from storage.inbox.inbox import Inbox
from storage.stores.memory_store import MemoryStore
from tests.support.jobs import announce

_MANIFEST = {"source": "uploads/a.png", "target": "uploads/b.png"}


class Endless:
    """A trigger that always has another ticket, or never one."""

    def __init__(
        self, name: str, ticket: Ticket | None, *, problem: str | None = None, polls: int = 1
    ) -> None:
        self.name = name
        self.problem = problem
        self.polls = polls
        self.closed = False
        self._ticket = ticket

    async def tickets(self) -> AsyncGenerator[Ticket, None]:
        try:
            while True:
                if self._ticket is None:
                    await asyncio.Event().wait()
                else:
                    yield self._ticket
        finally:
            self.closed = True


class Deferring(EntryTicket):
    """A ticket that counts how often it was put off."""

    deferred = 0

    async def defer(self, delay_s: float) -> None:
        self.deferred += 1
        await super().defer(delay_s)


async def ticket(name: str) -> Deferring:
    store = MemoryStore()
    await announce(store, {**_MANIFEST, "job_id": name})
    inbox = Inbox(store)
    [entry] = (await inbox.scan()).entries
    return Deferring(inbox, InFlightEntries(), entry)


async def test_busy_triggers_take_turns_and_an_idle_one_holds_up_nobody() -> None:
    a, b = await ticket("a"), await ticket("b")
    triggers = [Endless("a", a), Endless("idle", None), Endless("b", b)]
    async with aclosing(Merged(triggers).tickets()) as tickets:
        names = [(await anext(tickets)).name for _ in range(20)]
        await asyncio.sleep(0.01)
    assert abs(names.count("a") - names.count("b")) <= 2
    assert all(trigger.closed for trigger in triggers)
    assert a.deferred + b.deferred >= 1


def test_every_problem_is_told_and_readiness_waits_for_all() -> None:
    triggers = [Endless("a", None, problem="A is away.", polls=3), Endless("b", None, polls=0)]
    assert Merged(triggers).problem == "A is away."
    assert Merged(triggers).polls == 0
    assert Merged([Endless("c", None)]).problem is None

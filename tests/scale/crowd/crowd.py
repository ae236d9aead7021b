"""Up to a thousand consumers on one inbox in virtual time: what they ask of the store, how long jobs wait.

What decides is the product's own: the scheduler with its pace, the inbox as a trigger with its window, what
is in flight. What is counted stands in for the rest: a listing is a slice of the jobs that are left, a claim
a look into a table, each at the price in store calls that the real ones have.
"""

import asyncio
import random
from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any, cast

from consumer.jobs.whereabouts import Milestones, Whereabouts
from consumer.runtime.attempt import Ending
from consumer.runtime.scheduler import Scheduler
from consumer.triggers.in_flight import EntryTicket, InFlightEntries
from consumer.triggers.inbox import InboxPolicy, InboxTrigger
from storage.inbox import inbox as real
from storage.inbox.inbox import Inbox, InboxEntry, Scan
from storage.stores.port import MAX_KEYS
from tests.faults.simulation.loop import VirtualLoop
from tests.support.clock import EPOCH

if TYPE_CHECKING:
    from consumer.runtime.runner import JobRunner

_CALL_S = 0.05  # a store's usual answer
_NEAR = 30_000  # of the jobs that are left, those that listings may reach
_WORK = Counter(get=2, head=1, put=2)  # inputs; the last look for the cancel mark; result and the end


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How many consumers and jobs; a job keeps its device for `device_s`.

    With a `load` jobs come at this share of what the consumers can do, else all of them lie there at first.
    """

    consumers: int
    jobs: int
    device_s: float = 2.0
    load: float | None = None
    seed: int = 0


@dataclass(frozen=True, kw_only=True)
class Counted:
    """What came of it; `waited_s` is how long jobs waited for their claim, on average.

    One in a hundred waited longer than `waited_99_s`, none longer than `waited_most_s`; no job saw more than
    `overtaken_most` claimed before it that came after it.

    `steady_calls` for each job, `steady_writes` among them (PUT and LIST, which stores charge most for), and
    `steady_busy`, the devices' share of time at work, are those of the middle half: at first all consumers
    look at once, in the end they look for what is not there.
    """

    calls: float
    vain: float
    waited_s: float
    waited_99_s: float
    waited_most_s: float
    overtaken_most: int
    took_s: float
    steady_calls: float
    steady_writes: float
    steady_busy: float


class Bucket:
    """The jobs that are left, in the order of their keys, and who works on each."""

    def __init__(
        self, plan: Plan, clock: Callable[[], float], told: Callable[[int], None] = lambda _percent: None
    ) -> None:
        self.calls = Counter[str]()
        self.vain = 0
        self.waits_s = array("d")
        self.overtaken_most = 0
        #: Time and calls so far when a quarter of the jobs were claimed, half of them, and so on.
        self.quarters: list[tuple[float, Counter[str]]] = []
        self.done = asyncio.Event()
        self._plan = plan
        self._clock = clock
        self._told = told
        self._rate = (plan.load or 0) * plan.consumers / plan.device_s
        self._near: list[InboxEntry] = []
        self._numbers: list[int] = []
        self._made = 0
        self._left = plan.jobs
        self._claimed: set[int] = set()
        self._ended: set[int] = set()

    def announced_s(self, number: int) -> float:
        """When a job was dropped."""
        return number / self._rate if self._rate else 0.0

    def page(self, after: int) -> tuple[list[InboxEntry], bool]:
        """One LIST: the next jobs, and whether there are more."""
        self.calls["list"] += 1
        self._fill()
        start = bisect_left(self._numbers, after + 1)
        entries = self._near[start : start + MAX_KEYS]
        return entries, start + MAX_KEYS < len(self._near) or self._comes_next()

    def claim(self, number: int) -> bool:
        """Take a job, if nobody has."""
        if number in self._claimed:
            return False
        self._claimed.add(number)
        self.waits_s.append(self._clock() - self.announced_s(number))
        self.overtaken_most = max(self.overtaken_most, len(self._claimed) - 1 - number)
        if len(self._claimed) * 4 >= self._plan.jobs * (len(self.quarters) + 1):
            self.quarters.append((self._clock(), self.calls.copy()))
            self._told(len(self.quarters) * 25)
        return True

    def has_ended(self, number: int) -> bool:
        """Whether a job has its result."""
        return number in self._ended

    def end(self, number: int) -> None:
        """Give a job its result."""
        self._ended.add(number)
        self._left -= 1
        if not self._left:
            self.done.set()

    def is_there(self, number: int) -> bool:
        """Whether a job's entry is still in the inbox."""
        place = bisect_left(self._numbers, number)
        return place < len(self._numbers) and self._numbers[place] == number

    def remove(self, number: int) -> None:
        """Remove a job's entry."""
        if self.is_there(number):
            place = bisect_left(self._numbers, number)
            del self._numbers[place], self._near[place]

    def _comes_next(self) -> bool:
        """Whether there is a job that has come and is not among those near."""
        return self._made < self._plan.jobs and self.announced_s(self._made) <= self._clock()

    def _fill(self) -> None:
        while len(self._near) < _NEAR and self._comes_next():
            self._near.append(_entry(self._made, EPOCH + timedelta(seconds=self.announced_s(self._made))))
            self._numbers.append(self._made)
            self._made += 1


def _entry(number: int, announced_at: datetime) -> InboxEntry:
    name = f"{number:07d}"
    return InboxEntry(
        name=name,
        form="manifest",
        keys=(name,),
        etags=(),
        roles={},
        fingerprint=name,
        ready_in_s=0.0,
        announced_at=announced_at,
    )


class CountedInbox:
    """Looks as `Inbox.scan` does, page by page under the same rule."""

    def __init__(self, bucket: Bucket, now: Callable[[], datetime]) -> None:
        self._bucket = bucket
        self._now = now

    async def scan(self, *, go_on_after: str, is_fresh: Callable[[InboxEntry], bool], enough: int) -> Scan:
        await asyncio.sleep(_CALL_S)
        entries, truncated = self._bucket.page(-1)
        fresh = _count(entries, is_fresh, enough) if truncated else 0
        if not truncated or fresh >= enough:
            return self._scan(entries, go_on_after if truncated else "", truncated=truncated)
        after = max(int(go_on_after or -1), int(entries[-1].name))
        for _ in range(real._MAX_PAGES - 1):
            await asyncio.sleep(_CALL_S)
            more, truncated = self._bucket.page(after)
            entries += more
            fresh += _count(more, is_fresh, enough)
            after = int(more[-1].name) if more else after
            if not truncated or fresh >= enough:
                break
        return self._scan(entries, f"{after:07d}" if truncated else "", truncated=truncated)

    def _scan(self, entries: list[InboxEntry], read_to: str, *, truncated: bool) -> Scan:
        return Scan(entries=entries, puzzles=[], store_now=self._now(), read_to=read_to, at_end=not truncated)

    async def retire(self, entry: InboxEntry, _job_id: str, *, cancelled: bool) -> None:  # noqa: ARG002 -- none is
        self._bucket.calls["delete"] += 1
        await asyncio.sleep(_CALL_S)
        self._bucket.remove(int(entry.name))


def _count(entries: Iterable[InboxEntry], is_fresh: Callable[[InboxEntry], bool], enough: int) -> int:
    """How many are fresh; more than are enough need not be counted."""
    return sum(1 for _ in islice(filter(is_fresh, entries), enough))


class _Ended:
    """All that a ticket asks of the record of a job that has ended."""

    job_id = ""
    status = "completed"


class CountedRunner:
    """Claims and does jobs as `JobRunner` does, at its price, one after the other on the device."""

    def __init__(self, bucket: Bucket, device_s: float, rng: random.Random) -> None:
        self.ready_s = self.device_s = 0.0
        self._bucket = bucket
        self._takes_s = device_s
        self._rng = rng
        self._device = asyncio.Lock()
        self._seen = set[int]()

    async def run(self, ticket: EntryTicket, *, milestones: Milestones, **_: object) -> Ending:
        loop, number = asyncio.get_running_loop(), int(ticket.entry.name)
        began, bucket = loop.time(), self._bucket
        bucket.calls["get"] += 1  # the manifest
        if not bucket.is_there(number):
            bucket.vain += 1
            await asyncio.sleep(_CALL_S)
            await ticket.defer(20)
            return Ending.REFUSED
        bucket.calls["head"] += 1  # the cancel mark
        await asyncio.sleep(self._rng.uniform(2, 4) * _CALL_S)
        if number not in self._seen:
            bucket.calls["put"] += 1  # the claim
        if number in self._seen or not bucket.claim(number):
            await self._refused(ticket, number)
            return Ending.REFUSED
        await ticket.claimed()
        bucket.calls += _WORK
        await asyncio.sleep(2 * _CALL_S)
        milestones.arrived()
        async with self._device:
            self.ready_s, before = loop.time() - began, loop.time()
            await asyncio.sleep(self._takes_s * self._rng.uniform(0.5, 1.5))
            self.device_s = loop.time() - before
        milestones.swapped(cast("Whereabouts", self))
        await asyncio.sleep(2 * _CALL_S)
        bucket.end(number)
        await ticket.retire(cast("Any", _Ended))
        return Ending.FINISHED

    async def _refused(self, ticket: EntryTicket, number: int) -> None:
        """Find that another consumer has a job: its record is read, and tells."""
        bucket = self._bucket
        bucket.calls["get"] += 1
        bucket.vain += 1
        self._seen.add(number)
        if bucket.has_ended(number):
            await ticket.retire(cast("Any", _Ended))
        else:
            await ticket.defer(95)


class _CrowdLoop(VirtualLoop):
    """A virtual loop of one process, which none of its callbacks need be asked for: half the time."""

    def _run_once(self) -> None:
        if not self._ready:
            self._jump()
        for _ in range(len(self._ready)):
            handle = self._ready.popleft()
            if not handle.cancelled():
                handle._run()


def count(plan: Plan, told: Callable[[int], None] = lambda _percent: None) -> Counted:
    """Let the consumers of a plan do its jobs; `told` hears of each quarter of them that was claimed."""
    rng = random.Random(plan.seed)
    loop = _CrowdLoop(rng)
    try:
        return loop.run(_work_off(plan, loop, rng, told))
    finally:
        loop.clear_away()


async def _work_off(
    plan: Plan, loop: VirtualLoop, rng: random.Random, told: Callable[[int], None]
) -> Counted:
    bucket = Bucket(plan, loop.time, told)
    runners = [
        CountedRunner(bucket, plan.device_s, random.Random(rng.random())) for _ in range(plan.consumers)
    ]
    consumers = [asyncio.create_task(_consume(runner, bucket, loop, rng)) for runner in runners]
    await bucket.done.wait()
    took_s = loop.time()
    for consumer in consumers:
        consumer.cancel()
    (began_s, before), _, (ended_s, after), _ = bucket.quarters
    waits_s = sorted(bucket.waits_s)
    half, between = plan.jobs / 2, after - before
    return Counted(
        calls=bucket.calls.total() / plan.jobs,
        vain=bucket.vain / plan.jobs,
        waited_s=sum(waits_s) / plan.jobs,
        waited_99_s=waits_s[int(0.99 * plan.jobs)],
        waited_most_s=waits_s[-1],
        overtaken_most=bucket.overtaken_most,
        took_s=took_s,
        steady_calls=between.total() / half,
        steady_writes=(between["put"] + between["list"]) / half,
        steady_busy=half * plan.device_s / (plan.consumers * (ended_s - began_s)),
    )


async def _consume(runner: CountedRunner, bucket: Bucket, loop: VirtualLoop, rng: random.Random) -> None:
    await asyncio.sleep(rng.uniform(0, 5))  # no two start at the same moment
    inbox = cast("Inbox", CountedInbox(bucket, lambda: EPOCH + timedelta(seconds=loop.time())))
    trigger = InboxTrigger(
        inbox,
        policy=InboxPolicy(),
        in_flight=InFlightEntries(monotonic=loop.time),
        rng=random.Random(rng.random()),
    )
    scheduler = Scheduler(trigger.tickets, cast("JobRunner", runner), max_in_flight=16, drain_grace_s=25)
    await scheduler.run()

"""One chaos run: a bucket, a failing proxy before it, a fleet that is struck, and jobs dropped meanwhile."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from storage import keys
from storage.records.status import Status
from storage.stores.port import ObjectStore
from storage.stores.s3_settings import S3Settings
from tests.faults.chaos.fleet import Slot
from tests.faults.chaos.jobs import Dropper
from tests.faults.chaos.verdict import Verdict, judge
from tests.support.buckets import fresh_bucket, keys_below
from tests.support.consumers import consumer_environment
from tests.support.fault_proxy import (
    BROKEN,
    CONFLICT,
    SLOW_DOWN,
    THROTTLED,
    Cut,
    Delay,
    DropReply,
    FaultProxy,
    Rule,
    Truncate,
)

LEASE_TTL_S = 3.0
_MAX_ATTEMPTS = 40  # so many that no job runs out of them: one that does is a wrong end
_PROGRESS_S = 10.0
_CLEAR_WITHIN_S = 60
_RECORDS = f"{keys.STATUS}*"
RULES = [
    Rule(do=DropReply(), op="put", key=_RECORDS, count=None, chance=0.03),
    Rule(do=CONFLICT, op="put", key=_RECORDS, count=None, chance=0.01),
    Rule(do=Delay(1.5), op="put", key=_RECORDS, count=None, chance=0.02),
    Rule(do=Truncate(), op="get", count=None, chance=0.02),
    Rule(do=DropReply(), count=None, chance=0.01),
    Rule(do=Cut(), count=None, chance=0.01),
    Rule(do=BROKEN, count=None, chance=0.01),
    Rule(do=SLOW_DOWN, count=None, chance=0.01),
    Rule(do=THROTTLED, count=None, chance=0.01),
    Rule(do=Delay(0.3), count=None, chance=0.02),
]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How much of it; everything random follows from `seed`, the order of events does not."""

    seed: int
    jobs: int = 1000
    consumers: int = 4
    jobs_per_s: float = 15.0
    give_up_s: float = 600.0


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The verdict, and how bad the weather was: `blows` to consumers, `faults` of the store, by kind."""

    verdict: Verdict
    blows: Counter[str]
    faults: Counter[str]
    calls: int
    repeats: int
    cancels: int
    unseen_results: int
    took_s: float


class Watch:
    """Follows the proxy's record: which jobs have ended."""

    def __init__(self, proxy: FaultProxy) -> None:
        self.ended: set[str] = set()
        self._proxy = proxy
        self._read = 0

    def look(self) -> None:
        """Take in what was recorded since the last look."""
        for call in self._proxy.calls[self._read :]:
            self._read += 1
            if call.body and call.committed:
                status = Status.from_bytes(call.body)
                if status.terminal:
                    self.ended.add(status.job_id)


async def unleash(plan: Plan, server: S3Settings, folder: Path, say: Callable[[str], None]) -> Outcome:
    """Do it all on a bucket of its own; `say` is told now and then how far it is."""
    began, rng = time.monotonic(), random.Random(plan.seed)
    async with fresh_bucket(server) as (store, settings):
        async with FaultProxy(settings, rng=random.Random(plan.seed)) as proxy:
            proxy.rules += RULES
            dropper = Dropper(store, random.Random(rng.random()))
            slots = [_slot(proxy, folder / str(number), rng) for number in range(plan.consumers)]
            calm, done = asyncio.Event(), asyncio.Event()
            async with asyncio.TaskGroup() as group:
                for slot in slots:
                    group.create_task(slot.run(calm, done))
                dropping = group.create_task(dropper.drop(plan.jobs, per_s=plan.jobs_per_s))
                await _wait_for_the_end(plan, proxy, dropper, dropping, say)
                dropping.cancel()
                calm.set()
                await _inbox_clear(store)
                done.set()
        written = [call.body for call in proxy.calls if call.body and call.committed]
        verdict = await judge(dropper.dropped, written, store)
        verdict.temp_left = [path for slot in slots for path in slot.temp_left]
        verdict.crashes = [crash for slot in slots for crash in slot.crashes]
        return Outcome(
            verdict=verdict,
            blows=sum((slot.blows for slot in slots), Counter[str]()),
            faults=Counter(type(call.fault).__name__ for call in proxy.calls if call.fault is not None),
            calls=len(proxy.calls),
            repeats=dropper.repeats,
            cancels=dropper.cancels,
            unseen_results=len(await keys_below(store, keys.RESULTS)) - verdict.ends["completed"],
            took_s=time.monotonic() - began,
        )


def _slot(proxy: FaultProxy, folder: Path, rng: random.Random) -> Slot:
    environment = consumer_environment(
        proxy.settings,
        lease_ttl_s=LEASE_TTL_S,
        max_attempts=_MAX_ATTEMPTS,
        settle_s=0.5,
        missing_grace_s=0,
        drain_grace_s=2,
        poll_min_s=0.2,
        max_in_flight=8,
    )
    return Slot(environment, folder, random.Random(rng.random()), lease_ttl_s=LEASE_TTL_S)


async def _wait_for_the_end(
    plan: Plan,
    proxy: FaultProxy,
    dropper: Dropper,
    dropping: asyncio.Task[None],
    say: Callable[[str], None],
) -> None:
    watch, began, told = Watch(proxy), time.monotonic(), 0.0
    while (passed := time.monotonic() - began) < plan.give_up_s:
        watch.look()
        if passed - told >= _PROGRESS_S:
            told = passed
            say(f"{passed:4.0f} s: {len(dropper.dropped)} dropped, {len(watch.ended)} ended")
        if dropping.done() and dropper.dropped.keys() <= watch.ended:
            return
        await asyncio.sleep(0.5)
    say(f"gave up after {plan.give_up_s:.0f} s")


async def _inbox_clear(store: ObjectStore) -> None:
    for _ in range(_CLEAR_WITHIN_S):
        if not (await store.list(keys.INBOX, limit=1)).objects:
            return
        await asyncio.sleep(1)

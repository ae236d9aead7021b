"""The inbox as a trigger: looks at it again and again, seldom when nothing happens."""

import asyncio
import random
import time
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass

import structlog

from consumer.faults import judge
from storage.inbox import Announced, Inbox, InboxEntry
from storage.status import Status

# Many consumers see the same inbox: picking at random among this many keeps them from colliding.
_WINDOW = 50
# How long a "not now" is believed at most. Another consumer may give a job back early (it drains, it
# fails), and a cancelled wait must not last a whole lease.
_RECHECK_S = 20.0
_REMEMBERED = 10_000
_JITTER = 0.25
_BACKOFF = 1.6

_log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True)
class InboxPolicy:
    """Pauses between two looks, in seconds: `min_s` while jobs come, up to `max_s` while none do."""

    min_s: float = 0.25
    max_s: float = 5.0


class InboxTicket:
    """A hint that a job may be waiting; the lease decides. Ends with `retire` or `defer`."""

    def __init__(self, trigger: "InboxTrigger", entry: InboxEntry) -> None:
        self.entry = entry
        self.name = entry.name
        self.folder = entry.folder
        self.announced_at = entry.announced_at
        self._trigger = trigger

    async def open(self) -> Announced:
        """Read what is announced; raises ObjectNotFound where it is gone, StoreUnavailable."""
        return await self._trigger.inbox.open(self.entry)

    async def claimed(self) -> None:
        """Nothing to do: the entry stays until the job has ended."""

    async def beat(self) -> None:
        """Nothing to do: the lease alone says that the job is alive."""

    async def retire(self, status: Status) -> None:
        """Remove the entry of a job that has ended; raises StoreUnavailable."""
        await self._trigger.inbox.retire(self.entry, status.job_id, cancelled=status.status == "cancelled")
        self._trigger.forget(self.entry)

    async def defer(self, delay_s: float) -> None:
        """Leave the entry for later, here or elsewhere: it is not offered again before `delay_s`."""
        self._trigger.defer(self.entry, delay_s)


class InboxTrigger:
    """Offers what lies ready in the inbox, each entry once until its ticket has ended.

    `problem` is why the last look failed, None when it did not and before the first; `looks` counts
    the successful ones.
    """

    def __init__(
        self,
        inbox: Inbox,
        *,
        policy: InboxPolicy,
        monotonic: Callable[[], float] = time.monotonic,
        rng: random.Random | None = None,
    ) -> None:
        self.inbox = inbox
        self.problem: str | None = None
        self.looks = 0
        self._policy = policy
        self._monotonic = monotonic
        self._rng = rng or random.Random()  # noqa: S311 -- spreads consumers, guards nothing
        self._out: set[str] = set()
        self._not_before: OrderedDict[str, float] = OrderedDict()
        self._wake = asyncio.Event()

    def wake(self) -> None:
        """Look at once: something else says that a job has come."""
        self._wake.set()

    async def tickets(self) -> AsyncGenerator[InboxTicket, None]:
        """Yield tickets for ever; an inbox that does not answer is looked at again later."""
        pause = self._policy.min_s
        while True:
            entries, soonest_s = await self._look()
            for entry in entries:
                self._out.add(entry.fingerprint)
                pause = self._policy.min_s
                yield InboxTicket(self, entry)
            if not entries:
                await self._sleep(min(pause, max(soonest_s, self._policy.min_s)))
                pause = min(pause * _BACKOFF, self._policy.max_s)

    def defer(self, entry: InboxEntry, delay_s: float) -> None:
        """Take an entry back and remember not to offer it before `delay_s`, twenty seconds at most."""
        self._out.discard(entry.fingerprint)
        self._not_before[entry.fingerprint] = self._monotonic() + min(delay_s, _RECHECK_S)
        self._not_before.move_to_end(entry.fingerprint)
        while len(self._not_before) > _REMEMBERED:
            self._not_before.popitem(last=False)

    def forget(self, entry: InboxEntry) -> None:
        """Drop what is remembered of an entry that is gone."""
        self._out.discard(entry.fingerprint)
        self._not_before.pop(entry.fingerprint, None)

    async def _look(self) -> tuple[list[InboxEntry], float]:
        """The entries to offer now, and in how many seconds the next one will be ready."""
        try:
            scan = await self.inbox.scan()
        except Exception as error:  # noqa: BLE001 -- a look that fails must not be the last
            fault = judge(error, stage="inbox")
            if self.problem is None:
                _log.warning("inbox_unreachable", reason=fault.message)
            self.problem = fault.message
            return [], self._policy.max_s
        if self.problem is not None:
            _log.info("inbox_reachable")
        self.problem, self.looks = None, self.looks + 1
        waits = {entry.fingerprint: self._wait_s(entry) for entry in scan.entries}
        ready = [entry for entry in scan.entries if waits[entry.fingerprint] <= 0][:_WINDOW]
        self._rng.shuffle(ready)
        return ready, min((wait for wait in waits.values() if wait > 0), default=self._policy.max_s)

    def _wait_s(self, entry: InboxEntry) -> float:
        if entry.fingerprint in self._out:
            return self._policy.max_s
        return max(
            entry.ready_in_s, self._not_before.get(entry.fingerprint, float("-inf")) - self._monotonic()
        )

    async def _sleep(self, seconds: float) -> None:
        """Sleep with jitter, so that consumers started together drift apart; `wake` ends it."""
        jittered = seconds * self._rng.uniform(1 - _JITTER, 1 + _JITTER)
        try:
            await asyncio.wait_for(self._wake.wait(), jittered)
        except TimeoutError:
            return
        finally:
            self._wake.clear()

"""The inbox as a trigger: looks at it again and again, seldom when nothing happens."""

import asyncio
import random
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass

import structlog

from consumer.faults import judge
from consumer.triggers.board import Board, EntryTicket
from storage.inbox import Inbox, InboxEntry, Scan
from storage.status import Status

_NARROW, _WIDE = 50, 1000  # entries; the latter are as many as one listing holds
_NARROWER = 0.9
_JITTER = 0.25
_BACKOFF = 1.6

_log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True)
class InboxPolicy:
    """Pauses between two looks, in seconds: `min_s` while jobs come, up to `max_s` while none do."""

    min_s: float = 0.25
    max_s: float = 5.0


class Window:
    """Among how many of the first ready entries to pick at random, so that many consumers do not collide.

    Twice as many after each entry that another consumer had, because those at work on hundreds of jobs
    leave their entries in the inbox meanwhile; fewer again with each one won. `stale` says that entries
    known from the last look have been lost to others.
    """

    def __init__(self) -> None:
        self.size = _NARROW
        self.stale = False

    def won(self) -> None:
        """Take note of a job that was ours to take."""
        self.size = max(_NARROW, int(self.size * _NARROWER))

    def lost(self) -> None:
        """Take note of one that was not."""
        self.size = min(_WIDE, 2 * self.size)
        self.stale = True


class InboxTicket(EntryTicket):
    """A hint that a job may be waiting; the lease decides. Ends with `retire` or `defer`."""

    def __init__(self, inbox: Inbox, board: Board, window: Window, entry: InboxEntry) -> None:
        super().__init__(inbox, board, entry)
        self._window = window
        self._won = False

    async def claimed(self) -> None:
        """The entry stays until the job has ended."""
        self._won = True
        self._window.won()

    async def retire(self, status: Status) -> None:
        """Remove the entry of a job that has ended; raises StoreUnavailable."""
        self._note_loss()
        await super().retire(status)

    async def defer(self, delay_s: float) -> None:
        """Leave the entry for later, here or elsewhere: it is not offered again before `delay_s`."""
        self._note_loss()
        await super().defer(delay_s)

    def _note_loss(self) -> None:
        if not self._won:
            self._window.lost()


class InboxTrigger:
    """Offers what lies ready in the inbox, each entry once until its ticket has ended.

    `observe` is told of each look: how many entries there were, and the age in seconds of the oldest.
    `problem` is why the last look failed, None when it did not and before the first; `looks` counts
    the successful ones.
    """

    def __init__(
        self,
        inbox: Inbox,
        *,
        policy: InboxPolicy,
        board: Board | None = None,
        observe: Callable[[int, float], None] = lambda _entries, _oldest_s: None,
        rng: random.Random | None = None,
    ) -> None:
        self.problem: str | None = None
        self.looks = 0
        self._inbox = inbox
        self._policy = policy
        self._board = board or Board()
        self._observe = observe
        self._rng = rng or random.Random()  # noqa: S311 -- spreads consumers, guards nothing
        self._window = Window()

    async def tickets(self) -> AsyncGenerator[InboxTicket, None]:
        """Yield tickets for ever; an inbox that does not answer is looked at again later."""
        pause, loop = self._policy.min_s, asyncio.get_running_loop()
        while True:
            entries, soonest_s = await self._look()
            looked = loop.time()
            for entry in entries:
                if self._window.stale and loop.time() - looked > self._policy.min_s:
                    break  # looking again costs less than trying what others have
                pause = self._policy.min_s
                if self._board.take(entry):  # else another trigger has meanwhile
                    yield InboxTicket(self._inbox, self._board, self._window, entry)
            if not entries:
                await self._sleep(min(pause, max(soonest_s, self._policy.min_s)))
                pause = min(pause * _BACKOFF, self._policy.max_s)

    async def _look(self) -> tuple[list[InboxEntry], float]:
        """The entries to offer now, and in how many seconds the next one will be ready."""
        self._window.stale = False
        try:
            found = self._offered(await self._inbox.scan())
        except Exception as error:  # noqa: BLE001 -- a look that fails must not be the last
            fault = judge(error, stage="inbox")
            if self.problem is None:
                _log.warning("inbox_unreachable", reason=fault.message)
            self.problem = fault.message
            return [], self._policy.max_s
        if self.problem is not None:
            _log.info("inbox_reachable")
        self.problem, self.looks = None, self.looks + 1
        return found

    def _offered(self, scan: Scan) -> tuple[list[InboxEntry], float]:
        ages_s = ((scan.store_now - entry.announced_at).total_seconds() for entry in scan.entries)
        self._observe(len(scan.entries), max(ages_s, default=0.0))
        waits = {entry.fingerprint: self._board.wait_s(entry) for entry in scan.entries}
        ready = [entry for entry in scan.entries if waits[entry.fingerprint] <= 0][: self._window.size]
        self._rng.shuffle(ready)
        return ready, min((wait for wait in waits.values() if wait > 0), default=self._policy.max_s)

    async def _sleep(self, seconds: float) -> None:
        """Sleep with jitter, so that consumers started together drift apart."""
        await asyncio.sleep(seconds * self._rng.uniform(1 - _JITTER, 1 + _JITTER))

"""The inbox as a trigger: looks at it again and again, seldom when nothing happens."""

import asyncio
import random
from collections.abc import AsyncGenerator, Iterable, Iterator
from dataclasses import dataclass, replace

import structlog

from consumer.faults import judge
from consumer.triggers.in_flight import EntryTicket, InFlightEntries
from consumer.triggers.puzzles import PuzzleTeller
from consumer.triggers.survey import Observe, Surveyor
from storage.inbox.inbox import ENOUGH_READY, Inbox, InboxEntry, Scan
from storage.records.status import Status
from storage.stores.port import MAX_KEYS

_NARROW, _WIDE = 50, 10_000  # entries; the latter are those of ten listings
_NARROWER = 0.9
_JITTER = 0.25
_BACKOFF = 1.6
_BAD_LUCK = 1  # entries lost in a row, after which others seem to be enough for what there is
_LONGEST_REST_S = 1.0  # then; a job that nobody works on must not wait long behind all the others

_log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True)
class InboxPolicy:
    """Pauses between two looks, in seconds: `min_s` while jobs come, up to `max_s` while none do."""

    min_s: float = 0.25
    max_s: float = 5.0


class PickWindow:
    """Among how many of the first ready entries to pick at random, so that many consumers do not collide.

    Twice as many after each entry that another consumer had, because those at work on hundreds of jobs
    leave their entries in the inbox meanwhile; fewer again with each one won.
    """

    def __init__(self) -> None:
        self.size = _NARROW
        #: Entries lost since the last one won.
        self.losses = 0
        self._lost = 0

    @property
    def is_stale(self) -> bool:
        """Whether looking again is cheaper by now than to try more of what the last look has shown.

        A look costs a call for each page, a try that is lost about four; who loses on and on should rest.
        """
        return self._lost > 0 and (self._lost >= self.size // MAX_KEYS or self.losses > _BAD_LUCK + 1)

    def looked(self) -> None:
        """Take note that what is known is new."""
        self._lost = 0

    def won(self) -> None:
        """Take note of a job that was ours to take."""
        self.size = max(_NARROW, int(self.size * _NARROWER))
        self.losses = 0

    def lost(self) -> None:
        """Take note of one that was not."""
        self.size = min(_WIDE, 2 * self.size)
        self._lost += 1
        self.losses += 1


def drawn(pools: Iterable[list[InboxEntry]], rng: random.Random) -> Iterator[InboxEntry]:
    """Yield the entries of all pools by chance, each pool's as often: however long, none hides another.

    Mostly a few only are asked for; those are gone from their pools.
    """
    while left := [pool for pool in pools if pool]:
        pool = rng.choice(left)
        number = rng.randrange(len(pool))
        pool[number], pool[-1] = pool[-1], pool[number]
        yield pool.pop()


class InboxTicket(EntryTicket):
    """A hint that a job may be waiting; the lease decides. Ends with `retire` or `defer`."""

    def __init__(
        self, inbox: Inbox, in_flight: InFlightEntries, picks: PickWindow, entry: InboxEntry
    ) -> None:
        super().__init__(inbox, in_flight, entry)
        self._picks = picks
        self._won = False

    async def claimed(self) -> None:
        """The entry stays until the job has ended."""
        self._won = True
        self._picks.won()

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
            self._picks.lost()


class InboxTrigger:
    """Offers what lies ready in the inbox, each entry once until its ticket has ended.

    `observe` is told after each look what the inbox holds, `teller` of what in it is no job. An inbox that
    is longer than one look reads is seen part by part, so that nothing in it hides the rest. `problem` is
    why the last look failed, None when it did not and before the first; `polls` counts the successful ones.
    """

    def __init__(
        self,
        inbox: Inbox,
        *,
        policy: InboxPolicy,
        in_flight: InFlightEntries | None = None,
        observe: Observe = lambda _: None,
        teller: PuzzleTeller | None = None,
        rng: random.Random | None = None,
    ) -> None:
        self.problem: str | None = None
        self.polls = 0
        self._inbox = inbox
        self._policy = policy
        self._in_flight = in_flight or InFlightEntries()
        self._observe = observe
        self._rng = rng or random.Random()  # noqa: S311 -- spreads consumers, guards nothing
        self._picks = PickWindow()
        self._teller = teller
        self._surveyor = Surveyor()
        self._read_to = ""

    async def tickets(self) -> AsyncGenerator[InboxTicket, None]:
        """Yield tickets for ever; an inbox that does not answer is looked at again later."""
        pause, loop = self._policy.min_s, asyncio.get_running_loop()
        while True:
            pools, soonest_s = await self._blend()
            looked, found_some = loop.time(), any(pools)
            for entry in drawn(pools, self._rng):
                if self._picks.is_stale and loop.time() - looked > self._policy.min_s:
                    break  # looking again costs less than trying what others have
                if not self._in_flight.was_tried(entry):  # one that was is no news
                    pause = self._policy.min_s
                if self._in_flight.take(entry):  # else another trigger has meanwhile
                    yield InboxTicket(self._inbox, self._in_flight, self._picks, entry)
            if not found_some:
                await self._sleep(min(pause, max(soonest_s, self._policy.min_s)))
                pause = min(pause * _BACKOFF, self._policy.max_s)
            elif self._picks.losses > _BAD_LUCK:
                await self._sleep(min(self._policy.min_s * self._picks.losses, _LONGEST_REST_S))

    async def _blend(self) -> tuple[list[list[InboxEntry]], float]:
        """The entries to offer now, new ones and others, and in how many seconds the next will be ready."""
        self._picks.looked()
        try:
            scan = await self._inbox.scan(
                go_on_after=self._read_to,
                is_fresh=self._in_flight.is_fresh,
                enough=max(ENOUGH_READY, self._picks.size),
            )
            whole = scan.at_end and not self._read_to
            found = self._offered(scan)
            if self._teller is not None:
                places = self._surveyor.places if scan.at_end else None
                await self._teller.tell(scan.puzzles, scan.store_now, whole=whole, places=places)
        except Exception as error:  # noqa: BLE001 -- a look that fails must not be the last
            fault = judge(error, stage="inbox")
            if self.problem is None:
                _log.warning("inbox_unreachable", reason=fault.reason)
            self.problem = fault.reason
            return [], self._policy.max_s
        if self.problem is not None:
            _log.info("inbox_reachable")
        self.problem, self.polls = None, self.polls + 1
        return found

    def _offered(self, scan: Scan) -> tuple[list[list[InboxEntry]], float]:
        went_on = bool(self._read_to)
        fresh, tried, soonest_s = self._in_flight.sort(scan.entries)
        if not went_on and len(fresh) >= ENOUGH_READY:
            scan = replace(scan, read_to="")  # to the start again: what lies there has waited longest
        self._surveyor.take(scan, went_on=went_on)
        self._read_to = scan.read_to
        self._observe(self._surveyor.survey)
        return [fresh[: self._picks.size], tried[: self._picks.size]], min(soonest_s, self._policy.max_s)

    async def _sleep(self, seconds: float) -> None:
        """Sleep with jitter, so that consumers started together drift apart."""
        await asyncio.sleep(seconds * self._rng.uniform(1 - _JITTER, 1 + _JITTER))

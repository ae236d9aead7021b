"""What of the inbox this process works on, or has put off, whichever trigger announced it."""

import math
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable

from storage.inbox.inbox import Announced, Inbox, InboxEntry
from storage.records.status import Status

# How long a "not now" is believed at most. Another consumer may give a job back early (it drains, it
# fails), and a cancelled wait must not last a whole lease.
_RECHECK_S = 20.0
_REMEMBERED = 10_000


class InFlightEntries:
    """Keeps an entry that several triggers announce from being offered twice at once."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._out: set[str] = set()
        self._not_before: OrderedDict[str, float] = OrderedDict()

    def wait_s(self, entry: InboxEntry) -> float:
        """Seconds until an entry may be offered: 0 or less for now, infinite while it is being worked on."""
        if entry.fingerprint in self._out:
            return math.inf
        not_before = self._not_before.get(entry.fingerprint)
        if not_before is None:
            return entry.ready_in_s
        return max(entry.ready_in_s, not_before - self._monotonic())

    def sort(self, entries: Iterable[InboxEntry]) -> tuple[list[InboxEntry], list[InboxEntry], float]:
        """What may be offered now and has not been yet, what has been, and seconds until the next may be.

        The last is infinite where nothing waits. A look shows up to ten thousand: one loop, without calls.
        """
        fresh, tried, soonest_s, now = list[InboxEntry](), list[InboxEntry](), math.inf, self._monotonic()
        out, not_before = self._out, self._not_before
        for entry in entries:
            if (fingerprint := entry.fingerprint) in out:
                continue
            until = not_before.get(fingerprint)
            wait_s = entry.ready_in_s if until is None else max(entry.ready_in_s, until - now)
            if wait_s > 0:
                soonest_s = min(soonest_s, wait_s)
            elif until is None:
                fresh.append(entry)
            else:
                tried.append(entry)
        return fresh, tried, soonest_s

    def was_tried(self, entry: InboxEntry) -> bool:
        """Whether an entry has been offered before, as far as is remembered."""
        return entry.fingerprint in self._not_before

    def is_fresh(self, entry: InboxEntry) -> bool:
        """Whether an entry may be offered now and has not been yet, as far as is remembered."""
        fingerprint = entry.fingerprint
        return fingerprint not in self._not_before and fingerprint not in self._out and entry.ready_in_s <= 0

    def take(self, entry: InboxEntry) -> bool:
        """Mark an entry as being worked on, unless it may not be offered now."""
        if self.wait_s(entry) > 0:
            return False
        self._out.add(entry.fingerprint)
        return True

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


class EntryTicket:
    """A hint at an inbox entry that is in flight until it ends with `retire` or `defer`."""

    def __init__(self, inbox: Inbox, in_flight: InFlightEntries, entry: InboxEntry) -> None:
        self.entry = entry
        self.name = entry.name
        # A manifest has none: under the name of somebody's folder it would be handed their files.
        self.folder = entry.folder if entry.form == "folder" else None
        self.announced_at = entry.announced_at
        self._inbox = inbox
        self._in_flight = in_flight

    async def open(self) -> Announced:
        """Read what is announced; raises ObjectNotFound where it is gone, StoreUnavailable."""
        return await self._inbox.open(self.entry)

    async def claimed(self) -> None:
        """Nothing to do: the entry stays until the job has ended."""

    async def beat(self) -> None:
        """Nothing to do: the lease alone says that the job is alive."""

    async def retire(self, status: Status) -> None:
        """Remove the entry of a job that has ended; raises StoreUnavailable."""
        await self._inbox.retire(self.entry, status.job_id, cancelled=status.status == "cancelled")
        self._in_flight.forget(self.entry)

    async def defer(self, delay_s: float) -> None:
        """Leave the entry for later, here or elsewhere: it is not offered again before `delay_s`."""
        self._in_flight.defer(self.entry, delay_s)

    async def rest(self, delay_s: float) -> None:
        """Leave the entry as `defer` does; that others have it, it does not mean."""
        self._in_flight.defer(self.entry, delay_s)

"""Going over all status records, a few at a time, for jobs that nothing leads to any more.

A step costs one LIST and a bounded number of GETs, however many jobs there are. A record that was found ended
never changes, so that on later ways through only what was written since is read.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from storage import keys
from storage.errors import StatusUnreadable, StorageError, StoreUnavailable
from storage.inbox.inbox import Announcements, Inbox
from storage.inbox.puzzles import is_puzzle, puzzle_id
from storage.lease.cas import Stored, read_record
from storage.lease.leases import Leases
from storage.parts import Parts, part_in
from storage.records.status import Status
from storage.scratch import clear_scratch
from storage.stores.port import ListedObject, Listing, ObjectStore
from storage.upkeep.stranded import Told, announce_again, end, is_announced, is_idle, told_nobody

# Others try a job they could not have again within 20 s, and a lease lasts 90 s: whoever can do it has begun.
IDLE_S = 600.0
_MOST_READS = 100


@dataclass
class Step:
    """What one step has done."""

    #: Jobs announced again, or ended.
    rescued: list[str] = field(default_factory=list)
    #: Dead letters that are there, a thousand at most.
    dead_letters: int = 0


class Rounds:
    """Goes over the status records again and again.

    `start` is where the first way begins; `told` hears of the jobs that are ended.
    """

    def __init__(
        self,
        store: ObjectStore,
        inbox: Inbox,
        leases: Leases,
        *,
        start: str = "",
        told: Told = told_nobody,
        idle_s: float = IDLE_S,
        most_reads: int = _MOST_READS,
    ) -> None:
        self._store = store
        self._inbox = inbox
        self._leases = leases
        self._told = told
        self._idle_s = idle_s
        self._most_reads = most_reads
        self._after = f"{keys.STATUS}{start}" if start else ""
        self._whole = not start
        self._began: datetime | None = None
        self._known_until: datetime | None = None
        self._open: set[str] = set()
        self._announcements: Announcements | None = None

    async def step(self) -> Step:
        """Look at some more records: two LISTs, a bounded number of GETs, and what stranded jobs cost.

        Those cost a HEAD and a PUT each, or the two writes of a claim and an end, and together one look at
        the whole inbox. Raises StoreUnavailable.
        """
        done = Step(dead_letters=len((await self._store.list(keys.DEAD_LETTER)).objects))
        self._announcements = None
        page = await self._store.list(keys.STATUS, start_after=self._after)
        self._began = self._began or page.store_now
        some, finished = self._to_read(page)
        for listed in some:
            if await self._look(listed.key):
                done.rescued.append(keys.job_of_status(listed.key))
            self._after = listed.key
        if finished and page.truncated:
            self._after = page.objects[-1].key
        elif finished:
            self._begin_again()
        return done

    def _to_read(self, page: Listing) -> tuple[Sequence[ListedObject], bool]:
        """The records of a page to read now, and whether that is all there is to read of it."""
        found: list[ListedObject] = []
        for listed in self._unknown(page):
            if len(found) == self._most_reads:
                return found, False
            found.append(listed)
        return found, True

    def _unknown(self, page: Listing) -> Iterator[ListedObject]:
        for listed in page.objects:
            young = (page.store_now - listed.last_modified).total_seconds() < self._idle_s
            known = self._known_until is not None and listed.last_modified < self._known_until
            if not young and (not known or listed.key in self._open):
                yield listed

    def _begin_again(self) -> None:
        if self._whole and self._began is not None:
            # What was too young to be looked at on this way was written after this.
            self._known_until = self._began - timedelta(seconds=self._idle_s)
        self._after, self._whole, self._began = "", True, None

    async def _look(self, key: str) -> bool:
        """Read one record and do what it needs; whether a job was rescued."""
        job_id = keys.job_of_status(key)
        try:
            stored = await read_record(self._store, job_id) if job_id else None
        except StatusUnreadable:
            stored = None
        if stored is None or stored.status.terminal:
            self._open.discard(key)
            if stored is not None and keys.is_part(job_id):
                await self._look_at_part(key, stored.status)
            return False
        self._open.add(key)
        try:
            return await self._rescue(stored)
        except StoreUnavailable:
            raise
        except StorageError:  # another consumer was faster; the next way tells
            return False

    async def _look_at_part(self, key: str, status: Status) -> None:
        """Remove what is left of the parts of a job that has ended; else look again on the next way."""
        part = part_in(status)
        if part is None:
            return
        if await Parts(self._store).has_no_parent(part):
            await clear_scratch(self._store, part.parent)
        else:
            self._open.add(key)

    async def _rescue(self, stored: Stored) -> bool:
        status = stored.status
        if not is_idle(stored, for_s=self._idle_s):
            return False
        if self._announcements is None:
            self._announcements = await self._inbox.announced()
        if is_puzzle(status):
            known = {puzzle_id(place) for place in self._announcements.puzzles}
            if self._announcements.whole and status.job_id not in known:
                await self._store.delete([keys.status(status.job_id)])
            return False
        if is_announced(status.job_id, self._announcements):
            return False
        if await announce_again(self._store, status):
            return True
        is_named = await self._inbox.may_name(self._announcements, status.job_id)
        return not is_named and await self._end(status.job_id)

    async def _end(self, job_id: str) -> bool:
        ended = await end(self._leases, job_id)
        if ended is None:
            return False
        await clear_scratch(self._store, job_id)
        if ended.here:
            await self._told(ended.status)
        return True

"""The record of a job as its owner holds it: each write goes over the last one, and trust in it runs out.

Decisions use the store's clock and our monotonic clock only. The wall clock fills the timestamps that
people read (`started_at` and so on) and decides nothing.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from storage.errors import LeaseLost
from storage.lease.cas import Overtaken, StatusStore
from storage.lease.claim import LeasePolicy
from storage.records.status import Status
from storage.stores.port import ObjectStore


@dataclass(frozen=True, kw_only=True)
class LeaseContext:
    """What every lease of one consumer shares."""

    store: ObjectStore
    register: StatusStore
    policy: LeasePolicy
    #: Seconds that only ever grow; all decisions of an owner go by it.
    monotonic: Callable[[], float]
    sleep: Callable[[float], Awaitable[object]]
    #: The time that people read in the record.
    wall: Callable[[], datetime]


class HeldRecord:
    """A record that nobody else may write, as long as it is `trusted`."""

    def __init__(self, context: LeaseContext, status: Status, *, etag: str, confirmed_at: float) -> None:
        #: The last record known to have been written.
        self.status = status
        #: When that write was sent, by the monotonic clock; trust is counted from here.
        self.confirmed_at = confirmed_at
        self._context = context
        self._etag = etag
        self._lost = False
        self._unsure: set[str] = set()
        self._lock = asyncio.Lock()

    @property
    def is_running(self) -> bool:
        """Whether the lease has not been ended."""
        return self.status.status == "processing"

    @property
    def trusted(self) -> bool:
        """Whether the owner may still believe that nobody else works on the job."""
        return not self._lost and self.is_running and self.trusted_left_s > 0

    @property
    def trusted_left_s(self) -> float:
        """Seconds until the trust in the last confirmed write runs out."""
        return self.confirmed_at + self._context.policy.trusted_for_s - self._context.monotonic()

    def refuse_if_untrusted(self) -> None:
        """Raise LeaseLost unless the record is trusted."""
        if not self.trusted:
            raise LeaseLost

    def lose(self) -> None:
        """Take note that the record is another's by now, or gone."""
        self._lost = True

    async def write(self, step: Callable[[Status, datetime], Status]) -> Status:
        """Take one step from the record as we know it, one at a time; return the record that stands then.

        A record that has ended is returned as it is. A write whose answer never came may still have taken
        place. Finding it in our way is no loss: we go on from it. Raises LeaseLost, StoreUnavailable.
        """
        async with self._lock:
            while self.is_running:
                self.refuse_if_untrusted()
                new = step(self.status, self._context.wall())
                sent_at = self._context.monotonic()
                self._unsure.add(new.write_id)
                try:
                    etag = await self._context.register.swap(
                        new, over=self._etag, trusted=lambda: self.trusted
                    )
                except Overtaken as overtaken:
                    stands = overtaken.stands
                    if stands is None or stands.status.write_id not in self._unsure:
                        self.lose()
                        raise LeaseLost from overtaken
                    self.status, self._etag = stands.status, stands.info.etag
                else:
                    self.status, self._etag, self.confirmed_at = new, etag, sent_at
                    self._unsure.clear()
                    return new
            return self.status

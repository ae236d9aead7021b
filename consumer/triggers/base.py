"""The trigger port: whatever says that a job may be waiting.

An announcement is a hint that may come late, twice or never. The lease decides who works on a job, and
what lies in the bucket decides whether there is one.
"""

from collections.abc import AsyncGenerator
from datetime import datetime
from typing import Protocol

from storage.inbox.inbox import Announced
from storage.records.status import Status


class Ticket(Protocol):
    """A hint that a job may be waiting. Its holder ends it once, with `retire` or `defer`."""

    @property
    def name(self) -> str:
        """What was announced, for the log."""
        ...

    @property
    def folder(self) -> str | None:
        """Prefix of the job's own inbox folder, which its references may point into; None for a manifest."""
        ...

    @property
    def announced_at(self) -> datetime:
        """When the job was dropped, by the store's clock."""
        ...

    async def open(self) -> Announced:
        """Read what is announced; raises ObjectNotFound where it is gone, StoreUnavailable."""
        ...

    async def claimed(self) -> None:
        """Take note that the job is durably ours; never raises for a fault of the queue."""
        ...

    async def beat(self) -> None:
        """Take note that a heartbeat has been written; never raises for a fault of the queue."""
        ...

    async def retire(self, status: Status) -> None:
        """Clear away the announcement of a job that has ended; raises StoreUnavailable."""
        ...

    async def defer(self, delay_s: float) -> None:
        """Leave the job for later, here or elsewhere; never raises for a fault of the queue.

        It is not offered again before `delay_s`, which may be infinite, or the trigger's own limit.
        """
        ...

    async def rest(self, delay_s: float) -> None:
        """Do the same with a job that may be put off a thousand times."""
        ...


class Trigger(Protocol):
    """A source of tickets.

    `problem` is why the last look failed, None when it did not and before the first; `polls` counts the
    successful ones.
    """

    @property
    def problem(self) -> str | None:
        """A sentence for the operator."""
        ...

    @property
    def polls(self) -> int:
        """How often the source has answered."""
        ...

    def tickets(self) -> AsyncGenerator[Ticket, None]:
        """Yield tickets for ever, also when the source does not answer for a while.

        A ticket is asked for only when there is room for its job. Closing the generator gives back what
        was taken from the source and not yet handed out.
        """
        ...

"""The audit log: an object of JSON lines for each day and consumer, to which lines are only added.

A store cannot append, so that the object is written anew with one line more, by the one consumer that it is
of; when it has grown it is left as it is and the next one begun.
"""

import asyncio
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from storage import keys
from storage.errors import StoreUnavailable
from storage.stores.port import ObjectStore

_MOST_BYTES: Final = 256 * 2**10
_MOST_WAITING: Final = 1000


class AuditLog:
    """Adds lines for one consumer, which has `owner` as its name and nobody else has; for one event loop.

    `now` gives the wall clock's time in UTC, which decides the day.
    """

    def __init__(
        self, store: ObjectStore, owner: str, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._store = store
        self._owner = owner
        self._now = now
        self._day = ""
        self._number = 0
        self._written = b""
        self._waiting: dict[str, bytes] = {}
        self._writing = asyncio.Lock()

    async def append(self, job_id: str, entry: Mapping[str, Any]) -> None:
        """Return once the line of a job is in the bucket: one PUT, which lines that come meanwhile share.

        Where it failed the line is kept for the next call, and a second one for the same job is left out.
        Raises StoreUnavailable.
        """
        if job_id not in self._waiting:
            if len(self._waiting) >= _MOST_WAITING:
                raise StoreUnavailable("The audit log cannot be written, and no more lines are kept for it.")
            self._waiting[job_id] = json.dumps(entry, separators=(",", ":")).encode() + b"\n"
        async with self._writing:
            if job_id in self._waiting:
                await self._write()

    async def _write(self) -> None:
        # A clock that is set back over midnight must not begin the first part of a day anew.
        day = max(self._now().date().isoformat(), self._day)
        if day != self._day or len(self._written) >= _MOST_BYTES:
            self._number = 1 if day != self._day else self._number + 1
            self._day, self._written = day, b""
        lines = dict(self._waiting)
        body = self._written + b"".join(lines.values())
        key = keys.audit(day, self._owner, self._number)
        await self._store.put(key, body, content_type="application/x-ndjson")
        self._written = body
        for job_id in lines:
            del self._waiting[job_id]

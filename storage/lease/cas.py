"""Compare-and-swap of status records: the one primitive that claims and leases rest on.

Only a conditional PUT is relied on. Its answer may be lost or be a refusal of our own earlier try, so
what was written is always settled by reading back and comparing `write_id`.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass

from pydantic import ValidationError

from storage import keys
from storage.errors import (
    InputTooLarge,
    ObjectNotFound,
    PreconditionFailed,
    StatusUnreadable,
    StoreUnavailable,
)
from storage.records.status import Status
from storage.stores.port import ObjectInfo, ObjectStore

MAX_STATUS_BYTES = 8 * 2**20
_TRIES = 4
_FIRST_PAUSE_S = 1.0  # R2 takes one write per second and key and answers 429 to more


@dataclass(frozen=True, kw_only=True)
class Stored:
    """A status record as it lies in the bucket, with what the store says of it."""

    status: Status
    info: ObjectInfo


class Overtaken(PreconditionFailed):
    """Somebody else's write stands where this one should have gone."""

    def __init__(self, stands: Stored | None) -> None:
        super().__init__()
        self.stands = stands


async def read_record(store: ObjectStore, job_id: str) -> Stored | None:
    """Read a job's record, None where there is none; raises StatusUnreadable, StoreUnavailable."""
    try:
        found = await store.get(keys.status(job_id), max_bytes=MAX_STATUS_BYTES)
        return Stored(status=Status.from_bytes(found.body), info=found.info)
    except ObjectNotFound:
        return None
    except (ValidationError, InputTooLarge) as error:
        raise StatusUnreadable from error


class StatusStore:
    """Reads status records and replaces them by compare-and-swap."""

    def __init__(
        self,
        store: ObjectStore,
        *,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        rng: random.Random,
    ) -> None:
        self._store = store
        self._sleep = sleep
        self._rng = rng

    async def read(self, job_id: str) -> Stored | None:
        """Read a job's record; see `read_record`."""
        return await read_record(self._store, job_id)

    async def swap(self, new: Status, *, over: str | None, trusted: Callable[[], bool]) -> str:
        """Write `new` over the record with ETag `over` (None: where there is none); return its ETag.

        Raises Overtaken when another write stands there, StoreUnavailable when it cannot be known whether
        the write took place. The same body is sent again, a few times, while `trusted()`.
        """
        body = new.to_bytes()
        failure: Exception | None = None
        for tries in range(_TRIES):
            try:
                return await self._store.put(
                    keys.status(new.job_id),
                    body,
                    content_type="application/json",
                    if_match=over,
                    if_none_match=over is None,
                )
            except (PreconditionFailed, StoreUnavailable) as error:
                failure = error
            # A first "precondition failed" is an answer; anything else is the store asking for patience.
            if tries or not isinstance(failure, PreconditionFailed):
                await self._sleep(_FIRST_PAUSE_S * 2**tries * self._rng.uniform(1, 1.5))
            with suppress(StoreUnavailable):  # not known yet: the same body may safely be sent again
                written = await self._read_back(new, over)
                if written is not None:
                    return written
            if not trusted():
                break
        raise StoreUnavailable from failure

    async def _read_back(self, new: Status, over: str | None) -> str | None:
        """Return the ETag when `new` was written, None when nothing changed; raises Overtaken."""
        stands = await self.read(new.job_id)
        if stands is not None and stands.status.write_id == new.write_id:
            return stands.info.etag
        if (stands.info.etag if stands else None) != over:
            raise Overtaken(stands)
        return None

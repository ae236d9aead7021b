"""Whether a store honours the conditions of writes that everything here relies on."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

from storage.errors import PreconditionFailed, StorageError, StoreThrottled, StoreUnavailable, StoreUnusable
from storage.stores.port import ObjectStore

_PREFIX: Final = "scratch/conditions-"
_WRONG_ETAG: Final = "0" * 32
_TRIES: Final = 4  # of one write that is asked for patience
_PATIENCE_S: Final = 1.1  # a little over R2's second, for stores that throttle and are not known to

Sleep = Callable[[float], Awaitable[object]]


async def ignored_conditions(
    store: ObjectStore, *, pause_s: float = 0.0, sleep: Sleep = asyncio.sleep
) -> list[str]:
    """Try the conditions on three new objects and remove them; the ones that the store does not honour.

    Six writes and one delete. The two writes to one key are `pause_s` apart. Raises StorageError as the
    store does.
    """
    name = f"{_PREFIX}{secrets.token_hex(8)}"
    fresh, other, own = (f"{name}-{number}" for number in range(3))

    async def put(key: str, *, if_match: str | None = None, if_none_match: bool = False) -> str | None:
        """Write under a condition; the new ETag, or None where the store refuses."""
        write = partial(_put, store, key, if_match=if_match, if_none_match=if_none_match)
        return await _patiently(write, sleep)

    try:
        etags = await asyncio.gather(*(put(key, if_none_match=True) for key in (fresh, other, own)))
        if None in etags:
            return ["If-None-Match (it takes no new object under it)"]
        await sleep(pause_s)
        again, over_another, over_its_own = await asyncio.gather(
            put(fresh, if_none_match=True),
            put(other, if_match=_WRONG_ETAG),
            put(own, if_match=etags[2] or ""),
        )
    finally:
        await store.delete([fresh, other, own])
    found = {
        "If-Match": over_another is not None,
        "the ETag it gave out itself": over_another is None and over_its_own is None,
        "If-None-Match": again is not None,
    }
    return [condition for condition, ignored in found.items() if ignored]


async def check_conditions(store: ObjectStore, bucket: str, *, pause_s: float = 0.0) -> None:
    """Raise StoreUnusable where the store ignores or does not know the conditions; else as the store does."""
    try:
        ignored = await ignored_conditions(store, pause_s=pause_s)
    except StoreUnavailable:
        raise
    except StorageError as error:
        raise StoreUnusable(f"The storage of {bucket!r} knows no conditional writes. {error}") from error
    if ignored:
        raise StoreUnusable(
            f"The storage of {bucket!r} ignores {' and '.join(ignored)}, so that two consumers could do one "
            "job; use one with conditional writes, such as R2, S3 or SeaweedFS."
        )


async def _put(
    store: ObjectStore, key: str, *, if_match: str | None = None, if_none_match: bool = False
) -> str | None:
    # No two bodies are alike: a store may give the same ETag to the same bytes.
    body = secrets.token_bytes(8)
    try:
        return await store.put(
            key, body, content_type="text/plain", if_match=if_match, if_none_match=if_none_match
        )
    except PreconditionFailed:
        return None


async def _patiently(write: Callable[[], Awaitable[str | None]], sleep: Sleep) -> str | None:
    for _ in range(_TRIES - 1):
        try:
            return await write()
        except StoreThrottled as error:
            await sleep(max(_PATIENCE_S, error.retry_after_s))
    return await write()

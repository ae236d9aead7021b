"""Downloading one file: the retry schedule, and reading from the bucket into memory or to a path."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception_type,
    wait_exponential,
    wait_random,
)

from storage import keys
from storage.errors import (
    InputNotFound,
    InputUnavailable,
    ObjectNotFound,
    PreconditionFailed,
    StoreDenied,
    StoreUnavailable,
)
from storage.inputs.arrival import Arrival, CallersError, OnBytes
from storage.inputs.spool import Spool
from storage.stores.port import ObjectStore

Sleep = Callable[[float], Awaitable[None]]

_TRIES = 4
_FIRST_WAIT_S, _LONGEST_WAIT_S, _JITTER_S = 2.0, 8.0, 1.0  # contract: 2, 4, 8 s + jitter
_PROGRESS_BYTES = 2**20  # an attempt that brought so many more is no vain one
_SAME_ID = 10  # keys looked at below one upload id; the Worker writes one
_MD5_ETAG = re.compile(r"[0-9a-f]{32}")  # multipart uploads have another form, `<hex>-<parts>`


def retrying(
    *, missing_grace_s: float, sleep: Sleep, furthest: Callable[[], int] = lambda: 0
) -> AsyncRetrying:
    """Build the contract's schedule: 4 tries, 2, 4 and 8 s apart plus jitter.

    What is not there is looked for until the waits add up to `missing_grace_s`. Only InputUnavailable
    and InputNotFound are tried again; the last one is raised. `furthest` tells how many bytes have come:
    a large file over a poor line breaks off more than four times, so tries that got further do not count.
    They end all the same, because the file does.
    """
    vain, reached = 0, 0

    def exhausted(state: RetryCallState) -> bool:
        nonlocal vain, reached
        missing = state.outcome is not None and isinstance(state.outcome.exception(), InputNotFound)
        if missing:
            return state.idle_for + state.upcoming_sleep > missing_grace_s
        if furthest() >= reached + _PROGRESS_BYTES:
            vain, reached = 0, furthest()
        vain += 1
        return vain >= _TRIES

    return AsyncRetrying(
        sleep=sleep,
        stop=exhausted,
        wait=wait_exponential(multiplier=_FIRST_WAIT_S, max=_LONGEST_WAIT_S) + wait_random(0, _JITTER_S),
        retry=retry_if_exception_type((InputUnavailable, InputNotFound)),
        reraise=True,
    )


@dataclass(frozen=True, kw_only=True)
class Downloaded:
    """A file as it was written."""

    size: int
    #: In hex.
    sha256: str
    etag: str | None


class _OnePath:
    """The disk as whoever names the file sees it: one path, and no bound but the disk's own."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def new_path(self) -> Path:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        return self._path

    async def reserve(self, size_bytes: int) -> None:
        """There is as much as there is."""

    def release(self, size_bytes: int) -> None:
        """Nothing was held."""


async def download_object(
    store: ObjectStore,
    key: str,
    path: Path,
    *,
    max_bytes: int,
    sha256: str | None = None,
    on_bytes: OnBytes | None = None,
    sleep: Sleep = asyncio.sleep,
) -> Downloaded:
    """Stream an object to a path, which then holds all of it or what it held before.

    Goes on where a connection broke off, unless the object has been replaced; checks length, MD5 where
    the ETag is one, and `sha256` where it is given. Until it is whole, the file is called `.<name>.part`.

    Raises InputNotFound, InputTooLarge, InputUnavailable (also for another `sha256`), StoreDenied, OSError.
    """
    arrival = Arrival(max_bytes, spool=Spool(disk=_OnePath(path)), on_bytes=on_bytes)
    tries = retrying(missing_grace_s=0, sleep=sleep, furthest=lambda: arrival.furthest)
    try:
        await tries(read_object, store, key, arrival)
        _compare(arrival, sha256)
        await arrival.finish()
    except BaseException as error:
        await arrival.discard()
        if isinstance(error, CallersError):
            raise error.error from None
        raise
    return Downloaded(size=arrival.received, sha256=arrival.sha256, etag=arrival.etag)


def _compare(arrival: Arrival, sha256: str | None) -> None:
    if sha256 is not None and arrival.sha256 != sha256:
        raise InputUnavailable("The file in the bucket is not the one that was asked for.")


async def find_upload(store: ObjectStore, file_id: str) -> str:
    """Find an upload's key by its id, whatever its extension, in one store call.

    Raises InputNotFound, InputUnavailable (both worth another try), StoreDenied.
    """
    bare = keys.UPLOADS + file_id
    try:
        listing = await store.list(bare, limit=_SAME_ID)
    except StoreDenied:
        raise
    except StoreUnavailable as error:
        raise InputUnavailable("The storage did not say whether this upload exists.") from error
    for found in listing.objects:
        if found.key == bare or found.key.startswith(f"{bare}."):
            return found.key
    raise InputNotFound("There is no upload with this id.")


async def read_object(store: ObjectStore, key: str, arrival: Arrival) -> None:
    """Read an object, or the rest of it, into `arrival`, in one store call.

    Raises InputNotFound, InputTooLarge, InputUnavailable (worth another try), StoreDenied, CallersError.
    """
    try:
        await _stream(store, key, arrival)
    except ObjectNotFound:
        raise InputNotFound("There is no such file in the bucket.") from None
    except PreconditionFailed:
        arrival.forget()
        raise InputUnavailable("The file was replaced while it was being read.") from None
    except StoreDenied:
        raise
    except StoreUnavailable as error:
        if not arrival.complete:
            raise InputUnavailable("The storage broke off while the file was being read.") from error
    _verify(arrival)


async def _stream(store: ObjectStore, key: str, arrival: Arrival) -> None:
    resumed = arrival.resumable
    opened = (
        store.stream(key, start=arrival.received, if_match=arrival.etag) if resumed else store.stream(key)
    )
    async with opened as stream:
        if not resumed:
            arrival.begin(etag=stream.info.etag, size=stream.info.size)
        elif stream.info.etag != arrival.etag:
            raise PreconditionFailed
        async for chunk in stream.chunks():
            await arrival.add(chunk)


def _verify(arrival: Arrival) -> None:
    if not arrival.complete:
        raise InputUnavailable("The storage sent less or more of the file than it announced.")
    if arrival.etag and _MD5_ETAG.fullmatch(arrival.etag) and arrival.md5 != arrival.etag:
        arrival.forget()
        raise InputUnavailable("The file was damaged on its way from the storage.")

"""Downloading one input: the retry schedule, what has arrived so far, and reading from the bucket."""

import hashlib
import io
import re
from collections.abc import Awaitable, Callable

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
    InputTooLarge,
    InputUnavailable,
    ObjectNotFound,
    PreconditionFailed,
    StoreDenied,
    StoreUnavailable,
)
from storage.stores.port import ObjectStore

Sleep = Callable[[float], Awaitable[None]]

_TRIES = 4
_FIRST_WAIT_S, _LONGEST_WAIT_S, _JITTER_S = 2.0, 8.0, 1.0  # contract: 2, 4, 8 s + jitter
_SAME_ID = 10  # keys looked at below one upload id; the Worker writes one
_MD5_ETAG = re.compile(r"[0-9a-f]{32}")  # multipart uploads have another form, `<hex>-<parts>`


class Arrival:
    """One input as it arrives: its bytes and digests, the ETag and length it was announced with.

    It survives a broken connection, so that the next attempt can go on where the last one stopped, and
    never holds more than `max_bytes`.
    """

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self.begin(etag=None, size=None)

    def begin(self, *, etag: str | None, size: int | None) -> None:
        """Start from zero; `size` in bytes where it is known. Raises InputTooLarge."""
        self.etag, self.size = etag, size
        self._buffer = io.BytesIO()
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._sha256 = hashlib.sha256()
        if size is not None and size > self.max_bytes:
            raise self._too_large()

    def forget(self) -> None:
        """Drop everything: what has arrived belongs to an object that is no longer there."""
        self.begin(etag=None, size=None)

    def add(self, chunk: bytes) -> None:
        """Take the next piece; raises InputTooLarge."""
        if self.received + len(chunk) > self.max_bytes:
            self.forget()
            raise self._too_large()
        self._buffer.write(chunk)
        self._md5.update(chunk)
        self._sha256.update(chunk)

    @property
    def received(self) -> int:
        """Bytes so far."""
        return self._buffer.tell()

    @property
    def complete(self) -> bool:
        """Whether all announced bytes are here; False while the length is not known."""
        return self.size is not None and self.received == self.size

    @property
    def resumable(self) -> bool:
        """Whether the rest can be asked for without mixing two versions of the file."""
        return self.etag is not None and self.size is not None and 0 < self.received < self.size

    @property
    def md5(self) -> str:
        """Hex MD5 of what has arrived."""
        return self._md5.hexdigest()

    @property
    def sha256(self) -> str:
        """Hex SHA-256 of what has arrived."""
        return self._sha256.hexdigest()

    @property
    def body(self) -> bytes:
        """What has arrived; shares the buffer's memory."""
        return self._buffer.getvalue()

    def _too_large(self) -> InputTooLarge:
        return InputTooLarge(f"The file is larger than the {self.max_bytes / 1e6:g} MB this service accepts.")


def retrying(*, missing_grace_s: float, sleep: Sleep) -> AsyncRetrying:
    """Build the contract's schedule: 4 tries, 2, 4 and 8 s apart plus jitter.

    What is not there is looked for until the waits add up to `missing_grace_s`. Only InputUnavailable
    and InputNotFound are tried again; the last one is raised.
    """

    def exhausted(state: RetryCallState) -> bool:
        missing = state.outcome is not None and isinstance(state.outcome.exception(), InputNotFound)
        if missing:
            return state.idle_for + state.upcoming_sleep > missing_grace_s
        return state.attempt_number >= _TRIES

    return AsyncRetrying(
        sleep=sleep,
        stop=exhausted,
        wait=wait_exponential(multiplier=_FIRST_WAIT_S, max=_LONGEST_WAIT_S) + wait_random(0, _JITTER_S),
        retry=retry_if_exception_type((InputUnavailable, InputNotFound)),
        reraise=True,
    )


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

    Raises InputNotFound, InputTooLarge, InputUnavailable (worth another try), StoreDenied.
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
            arrival.add(chunk)


def _verify(arrival: Arrival) -> None:
    if not arrival.complete:
        raise InputUnavailable("The storage sent less or more of the file than it announced.")
    if arrival.etag and _MD5_ETAG.fullmatch(arrival.etag) and arrival.md5 != arrival.etag:
        arrival.forget()
        raise InputUnavailable("The file was damaged on its way from the storage.")

"""One input as it arrives: what was announced, what has come, and how large it may become."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from storage.errors import InputTooLarge
from storage.inputs.spool import Spool, SpooledBytes

HEAD_BYTES = 1445
"""First bytes of a file that its size limit is decided from: all that browsers look at to tell what one is.

Source: WHATWG, "MIME Sniffing", resource header.
"""

SizeLimit = Callable[[bytes], int]
"""Tells from a file's first HEAD_BYTES (all of a shorter one) how many bytes it may have.

Whatever it raises ends the fetch and reaches the caller of it as it is.
"""

OnBytes = Callable[[int, int | None], None]
"""Told how many bytes have arrived, and of how many where that is known; a replaced object begins at zero."""


class CallersError(Exception):
    """Carries what a caller's function or the disk raised past the handlers for stores and servers."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error


class Arrival:
    """The bytes of one input with their digests, the ETag and length it was announced with.

    It survives a broken connection, so that the next attempt can go on where the last one stopped, and
    never holds more than `max_bytes`, which is a number or is decided from the first bytes.
    """

    def __init__(
        self, max_bytes: int | SizeLimit, *, spool: Spool | None = None, on_bytes: OnBytes | None = None
    ) -> None:
        self._max_bytes = max_bytes
        self._on_bytes = on_bytes
        self._bytes = SpooledBytes(spool)
        #: Most bytes there have ever been: how far the attempts have come together.
        self.furthest = 0
        self._begin(etag=None, size=None)

    def _begin(self, *, etag: str | None, size: int | None) -> None:
        self.etag, self.size = etag, size
        self._head = b""
        self._limit = self._max_bytes if isinstance(self._max_bytes, int) else None
        self._bytes.restart()

    def begin(self, *, etag: str | None, size: int | None) -> None:
        """Start from zero; `size` in bytes where it is known. Raises InputTooLarge."""
        self._begin(etag=etag, size=size)
        self._check(size or 0)

    def forget(self) -> None:
        """Drop everything: what has arrived belongs to an object that is no longer there."""
        self._begin(etag=None, size=None)

    async def add(self, chunk: bytes) -> None:
        """Take the next piece; raises InputTooLarge, CallersError, what `Disk.reserve` raises."""
        self._head += chunk[: HEAD_BYTES - len(self._head)]
        arriving = self.received + len(chunk)
        if len(self._head) == HEAD_BYTES or arriving == self.size:
            self._decide()
        self._check(max(arriving, self.size or 0))
        with _as_callers_error(OSError):
            await self._bytes.write(chunk, expected=self.size)
        self.furthest = max(self.furthest, self.received)
        if self._on_bytes is not None:
            with _as_callers_error(Exception):
                self._on_bytes(self.received, self.size)

    async def finish(self) -> None:
        """Take what is here for the whole; raises InputTooLarge, CallersError."""
        self._decide()
        self._check(self.received)
        with _as_callers_error(OSError):
            await self._bytes.finish()

    async def discard(self) -> None:
        """Remove everything, also from the disk; raises OSError."""
        await self._bytes.discard()

    @property
    def received(self) -> int:
        """Bytes so far."""
        return self._bytes.received

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
        return self._bytes.md5

    @property
    def sha256(self) -> str:
        """Hex SHA-256 of what has arrived."""
        return self._bytes.sha256

    @property
    def body(self) -> bytes | None:
        """What has arrived, sharing memory; None where it is in a file."""
        return self._bytes.body

    @property
    def path(self) -> Path | None:
        """The file with what has arrived, once finished; None where it is in memory."""
        return self._bytes.path

    def _decide(self) -> None:
        if self._limit is None and not isinstance(self._max_bytes, int):
            with _as_callers_error(Exception):
                self._limit = self._max_bytes(self._head)

    def _check(self, size: int) -> None:
        if self._limit is not None and size > self._limit:
            limit = self._limit
            self.forget()
            raise InputTooLarge(f"The file is larger than the {limit / 1e6:g} MB this service accepts.")


@contextmanager
def _as_callers_error(kind: type[Exception]) -> Iterator[None]:
    try:
        yield
    except kind as error:
        raise CallersError(error) from error

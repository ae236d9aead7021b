"""Where the bytes of one input are kept while they arrive: in memory, or in a file once they are many."""

import asyncio
import hashlib
import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVarTuple

Ts = TypeVarTuple("Ts")

_STEP_BYTES = 16 * 2**20  # what is reserved at once for a file whose length nobody has announced


class Disk(Protocol):
    """Where files may go, and how many bytes of them."""

    def new_path(self) -> Path:
        """A path for a file that is not there yet, in a folder that is; raises OSError."""
        ...

    async def reserve(self, size_bytes: int) -> None:
        """Wait until so many more bytes are free and hold them; raises StorageError where they never are."""
        ...

    def release(self, size_bytes: int) -> None:
        """Give back bytes that were reserved."""
        ...


@dataclass(frozen=True, kw_only=True)
class Spool:
    """How an input is kept."""

    disk: Disk
    #: What is larger goes to a file; 0: everything does.
    memory_bytes: int = 0


class SpooledBytes:
    """Bytes that arrive one after the other, with their digests.

    While a file grows it is called `.<name>.part`. It is opened anew for each piece, so that nothing is
    left open wherever a fetch ends.
    """

    def __init__(self, spool: Spool | None) -> None:
        self._spool = spool
        self._path: Path | None = None
        self._final: Path | None = None  # what the file will be called
        self._part: Path | None = None  # what it is called while it grows
        self._reserved = 0
        self._start()

    def _start(self) -> None:
        self.received = 0
        self._buffer = io.BytesIO()
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._sha256 = hashlib.sha256()

    @property
    def md5(self) -> str:
        """Hex MD5 of what has arrived."""
        return self._md5.hexdigest()

    @property
    def sha256(self) -> str:
        """Hex SHA-256 of what has arrived."""
        return self._sha256.hexdigest()

    @property
    def body(self) -> bytes | None:
        """What has arrived, sharing the buffer's memory; None where it is in a file."""
        return self._buffer.getvalue() if self._part is None else None

    @property
    def path(self) -> Path | None:
        """The finished file; None before `finish`, and where everything is in memory."""
        return self._path

    def restart(self) -> None:
        """Forget what has arrived; a file stays and is overwritten."""
        self._start()

    async def write(self, chunk: bytes, *, expected: int | None) -> None:
        """Take the next piece of what will have `expected` bytes in all, where that is known.

        Raises OSError, and what `Disk.reserve` raises.
        """
        coming = max(expected or 0, self.received + len(chunk))
        spool = self._spool
        if self._part is None and (spool is None or coming <= spool.memory_bytes):
            self._digest(chunk)
            self._buffer.write(chunk)
            self.received += len(chunk)
            return
        await self._reserve(coming, known=expected is not None and coming == expected)
        chunk = self._buffer.getvalue() + chunk
        start = self.received - self._buffer.tell()
        fresh = memoryview(chunk)[self._buffer.tell() :]
        await _in_thread(self._write_file, chunk, start, fresh)
        self._buffer = io.BytesIO()
        self.received = start + len(chunk)

    async def finish(self) -> None:
        """Give the file its name, once everything is there; raises OSError."""
        if self._part is None and self._spool is not None and self._spool.memory_bytes == 0:
            await _in_thread(self._write_file, b"", 0, b"")  # an empty file is a file
        if self._part is not None:
            await _in_thread(self._give_name)
            self._give_back(self._reserved - self.received)

    async def discard(self) -> None:
        """Remove everything; raises OSError."""
        self._start()
        if self._part is not None:
            await asyncio.to_thread(self._part.unlink, missing_ok=True)
        self._give_back(self._reserved)

    async def _reserve(self, coming: int, *, known: bool) -> None:
        if self._spool is None or coming <= self._reserved:
            return
        more = coming - self._reserved
        more = more if known else max(more, _STEP_BYTES)
        await self._spool.disk.reserve(more)
        self._reserved += more

    def _give_back(self, size_bytes: int) -> None:
        if self._spool is not None and size_bytes > 0:
            self._spool.disk.release(size_bytes)
            self._reserved -= size_bytes

    def _write_file(self, chunk: bytes, start: int, fresh: bytes | memoryview) -> None:
        """Write `chunk` at `start`; of it, `fresh` is not yet in the digests."""
        self._digest(fresh)
        if self._part is None and self._spool is not None:
            self._final = self._spool.disk.new_path()
            self._part = self._final.with_name(f".{self._final.name}.part")
            self._part.touch()
        if self._part is None:
            raise RuntimeError("there is no disk to write to")
        # Not in a mode that creates: the folder's owner may have removed the file for good.
        with self._part.open("r+b") as file:
            if start == 0:
                file.truncate()
            file.seek(start)
            file.write(chunk)

    def _give_name(self) -> None:
        if self._part is not None and self._final is not None:
            self._part.replace(self._final)
            self._path = self._final

    def _digest(self, chunk: bytes | memoryview) -> None:
        self._md5.update(chunk)
        self._sha256.update(chunk)


async def _in_thread(function: Callable[[*Ts], None], *args: *Ts) -> None:
    """Run a function that touches the disk on a thread.

    A thread cannot be stopped: who is cancelled meanwhile waits for it, so as to remove what it has made.
    """
    work = asyncio.ensure_future(asyncio.to_thread(function, *args))
    try:
        await asyncio.shield(work)
    except asyncio.CancelledError:
        await asyncio.wait([work])
        raise

"""Getting one file from several sources: retried, resumed, and verified before it counts."""

import errno
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from tenacity import RetryCallState, Retrying, retry_if_exception_type

from models.catalogue import ModelFile
from models.store.fetch import Fetcher, FetchFailed, FetchRefused, RangeRefused, Reply
from models.store.partial import DownloadOrigin, Partial
from models.store.verify import is_web_page, wrong_size

Sleep = Callable[[float], None]


class DownloadProgress(Protocol):
    """What a download tells while it goes on."""

    def note(self, name: str, sentence: str) -> None:
        """Say something about the file `name`."""
        ...

    def advance(self, name: str, done: int, total: int | None) -> None:
        """`done` of `total` bytes are here."""
        ...


@dataclass(frozen=True, kw_only=True)
class Patience:
    """When a source is given up: `tries` in a row without a new byte, or slower than `min_bytes_per_s`.

    The speed is looked at over `window_s`; waits between tries double from `first_wait_s`.
    """

    tries: int = 4
    first_wait_s: float = 1.0
    longest_wait_s: float = 15.0
    min_bytes_per_s: float = 20_000
    window_s: float = 60.0


@dataclass(frozen=True, kw_only=True)
class DownloadSource:
    """One address and the fetcher that can read it."""

    fetcher: Fetcher
    address: str


class NothingDelivered(Exception):
    """No source delivered the file; `reasons` has one sentence a source."""

    def __init__(self, reasons: Sequence[str]) -> None:
        super().__init__(" ".join(reasons))
        self.reasons = tuple(reasons)


class Download:
    """Fetches `file` into `partial`; the caller holds its lock."""

    def __init__(
        self, file: ModelFile, partial: Partial, progress: DownloadProgress, patience: Patience, sleep: Sleep
    ) -> None:
        self._file = file
        self._partial = partial
        self._progress = progress
        self._patience = patience
        self._sleep = sleep

    def run(self, sources: Iterable[DownloadSource]) -> str:
        """Get the whole, verified file into `partial` and return its sha256.

        Raises:
            NothingDelivered: no source had it.
            OSError: the folder did not take it; if its disk is full, what came so far is removed.
        """
        reasons = []
        try:
            digest = self._verified()
            if digest is not None:
                return digest
            for source in sources:
                label = source.fetcher.label(source.address)
                self._progress.note(self._file.name, f"from {label}")
                try:
                    return self._from(source)
                except (FetchFailed, FetchRefused) as error:
                    reasons.append(f"{label}: {error}.")
        except OSError as error:
            if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
                self._partial.discard()
            raise
        raise NothingDelivered(reasons or ["no source has it."])

    def _from(self, source: DownloadSource) -> str:
        tries = _Tries(self._patience, self._partial)
        retrying = Retrying(
            retry=retry_if_exception_type(FetchFailed),
            stop=tries.exhausted,
            wait=tries.wait_s,
            sleep=self._sleep,
            reraise=True,
        )
        return retrying(self._once, source)

    def _once(self, source: DownloadSource) -> str:
        """One connection: what arrives is kept, even when it breaks off."""
        start, validator = self._resumable(source.address)
        try:
            with source.fetcher.fetch(source.address, start=start, validator=validator) as reply:
                if reply.start not in {0, start}:
                    raise RangeRefused("it sends another part than it was asked for")  # noqa: TRY301 - as 416
                self._receive(reply, source.address)
        except RangeRefused:
            self._partial.discard()
            raise
        digest = self._verified()
        if digest is None:
            self._partial.discard()
            if reply.start:  # what was resumed may have been the wrong half: once more from the beginning
                raise FetchFailed("the parts it sent do not fit together")
            raise FetchRefused("it has another content than the known one")
        return digest

    def _resumable(self, address: str) -> tuple[int, str | None]:
        origin = self._partial.origin()
        if origin is None or origin.address != address or origin.validator is None:
            return 0, None
        return self._partial.size, origin.validator

    def _receive(self, reply: Reply, address: str) -> None:
        if reply.total is not None and not self._file.fits(reply.total):
            raise FetchRefused(f"its file is {wrong_size(reply.total, self._file)}")
        if reply.start == 0:
            self._partial.begin(DownloadOrigin(address=address, validator=reply.validator))
        done, limit = reply.start, reply.total or self._file.largest_bytes
        speed = _Speed(self._patience)
        with self._partial.path.open("ab") as out:
            for chunk in reply.chunks:
                if done == 0 and is_web_page(chunk):
                    raise FetchRefused("it sends a web page instead of the file")
                done += len(chunk)
                if limit is not None and done > limit:
                    raise FetchRefused("it sends more than it announced")
                out.write(chunk)
                self._progress.advance(self._file.name, done, limit)
                speed.check(len(chunk))
        if (reply.total is not None and done < reply.total) or not self._file.fits(done):
            raise FetchFailed(f"it broke off after {done} bytes")

    def _verified(self) -> str | None:
        size = self._partial.size
        if not size or not self._file.fits(size):
            return None
        digest = self._partial.sha256()
        return digest if self._file.version_of(digest, size) else None


class _Tries:
    """Counts the tries since the file last grew."""

    def __init__(self, patience: Patience, partial: Partial) -> None:
        self._patience = patience
        self._partial = partial
        self._most = partial.size
        self._in_vain = 0

    def exhausted(self, _state: RetryCallState) -> bool:
        size = self._partial.size
        self._in_vain = 0 if size > self._most else self._in_vain + 1
        self._most = max(self._most, size)
        return self._in_vain >= self._patience.tries

    def wait_s(self, _state: RetryCallState) -> float:
        return float(min(self._patience.longest_wait_s, self._patience.first_wait_s * 2.0**self._in_vain))


class _Speed:
    """Gives a source up that sends, but so slowly that it would never end."""

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self._since = time.monotonic()
        self._bytes = 0

    def check(self, count: int) -> None:
        self._bytes += count
        passed_s = time.monotonic() - self._since
        if passed_s < self._patience.window_s:
            return
        if self._bytes < passed_s * self._patience.min_bytes_per_s:
            raise FetchRefused(f"it sends only {self._bytes / passed_s:.0f} bytes a second")
        self._since, self._bytes = time.monotonic(), 0

"""Fetching a job's inputs, whatever their references are: the one door for foreign bytes."""

import asyncio
import io
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Literal, Self

from tenacity import AsyncRetrying

from storage import keys
from storage.errors import InputUnavailable, StorageError
from storage.inputs.arrival import Arrival, CallersError, OnBytes, SizeLimit
from storage.inputs.download import Sleep, find_upload, read_object, retrying
from storage.inputs.references import BucketKey, Inline, UploadId, Url, describe, parse_reference
from storage.inputs.spool import Spool
from storage.inputs.url_guard import UrlGuard
from storage.inputs.web_download import WebReader
from storage.stores.port import ObjectStore

Origin = Literal["bucket", "url", "inline"]

_URL_GRACE_S = 10.0  # a link was there before the job was sent; only a bucket key may come after it
_LEAST_BYTES = 2**20  # fewer within a stall timeout, or not the whole of a smaller file, is no progress


@dataclass(frozen=True, kw_only=True)
class InputPolicy:
    """What inputs may be, and how patiently they are waited for."""

    #: Largest file, where whoever fetches it says nothing else.
    max_bytes: int = 50_000_000
    #: Folders of the bucket that any job may read.
    allowed_prefixes: tuple[str, ...] = (keys.UPLOADS, keys.RESULTS)
    #: How long a bucket key that is not there is looked for.
    missing_grace_s: float = 60
    #: A fetch is given up when no MiB has arrived for so long; the pauses between tries do not count.
    stall_timeout_s: float = 120
    #: How long a link may take in all, however it drips.
    link_timeout_s: float = 4 * 3600
    connect_timeout_s: float = 10
    #: How long a web server may be silent before it is asked again.
    idle_timeout_s: float = 20
    max_redirects: int = 3


@dataclass(frozen=True, kw_only=True)
class FetchedInput:
    """One input, whole and checked, in memory (`body`) or in a file (`path`), never both."""

    size: int
    #: In hex.
    sha256: str
    #: None where its origin gave none.
    etag: str | None
    origin: Origin
    body: bytes | None = field(default=None, repr=False)
    #: Belongs to the spool's disk, which removes it.
    path: Path | None = None

    def read(self) -> bytes:
        """All bytes; raises OSError. Blocks where they are in a file."""
        if self.body is not None:
            return self.body
        return self._there().read_bytes()

    def open(self) -> BinaryIO:
        """The bytes to read as a file, also where they are in memory; raises OSError."""
        return io.BytesIO(self.body) if self.body is not None else self._there().open("rb")

    def _there(self) -> Path:
        if self.path is None:
            raise RuntimeError("an input is in memory or in a file")
        return self.path


class _Stall:
    """Ends the block in which too little arrives for too long, by TimeoutError."""

    def __init__(self, limit_s: float) -> None:
        self._limit_s = limit_s
        self._timeout = asyncio.timeout(limit_s)
        self._seen = 0

    async def __aenter__(self) -> Self:
        await self._timeout.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        await self._timeout.__aexit__(kind, error, where)

    def reached(self, received: int) -> None:
        """So many bytes are there; begins anew where that is enough more than before."""
        if received >= self._seen + _LEAST_BYTES:
            self._seen = received
            self._begin()

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Let time pass that is nobody's silence."""
        self._reschedule(None)
        try:
            yield
        finally:
            self._begin()

    def _begin(self) -> None:
        self._reschedule(asyncio.get_running_loop().time() + self._limit_s)

    def _reschedule(self, when: float | None) -> None:
        if not self._timeout.expired():
            self._timeout.reschedule(when)


class _PatientDisk:
    """A disk whose waits do not count as silence of whoever sends the file."""

    def __init__(self, spool: Spool, stall: _Stall) -> None:
        self._disk = spool.disk
        self._stall = stall
        self.new_path = self._disk.new_path
        self.release = self._disk.release

    async def reserve(self, size_bytes: int) -> None:
        with self._stall.waiting():
            await self._disk.reserve(size_bytes)


class _Fetch:
    """One call of `InputFetcher.fetch`: where its bytes go and how long they may take."""

    def __init__(
        self,
        max_bytes: int | SizeLimit,
        spool: Spool | None,
        on_bytes: OnBytes | None,
        *,
        stall_timeout_s: float,
        sleep: Sleep,
    ) -> None:
        self.stall = _Stall(stall_timeout_s)
        self._sleep = sleep
        self._on_bytes = on_bytes
        if spool is not None:
            spool = Spool(disk=_PatientDisk(spool, self.stall), memory_bytes=spool.memory_bytes)
        self.arrival = Arrival(max_bytes, spool=spool, on_bytes=self._arrived)

    def retrying(self, missing_grace_s: float) -> AsyncRetrying:
        """The schedule of its tries."""
        return retrying(
            missing_grace_s=missing_grace_s, sleep=self._pause, furthest=lambda: self.arrival.furthest
        )

    async def fetched(self, origin: Origin) -> FetchedInput:
        """What has arrived, as the whole."""
        arrival = self.arrival
        await arrival.finish()
        return FetchedInput(
            size=arrival.received,
            sha256=arrival.sha256,
            etag=arrival.etag,
            origin=origin,
            body=arrival.body,
            path=arrival.path,
        )

    def _arrived(self, received: int, total: int | None) -> None:
        self.stall.reached(self.arrival.furthest)
        if self._on_bytes is not None:
            self._on_bytes(received, total)

    async def _pause(self, seconds: float) -> None:
        with self.stall.waiting():
            await self._sleep(seconds)


class InputFetcher:
    """Fetches inputs from the bucket, from the web, or from the manifest itself.

    An async context manager: it owns one HTTP session. `guard` decides where links may lead.
    """

    def __init__(
        self,
        store: ObjectStore,
        *,
        policy: InputPolicy,
        guard: UrlGuard | None = None,
        ssl_context: ssl.SSLContext | None = None,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._store = store
        self._policy = policy
        self._guard = guard or UrlGuard()
        self._ssl_context = ssl_context
        self._sleep = sleep
        self._web: WebReader | None = None

    async def __aenter__(self) -> Self:
        self._web = WebReader(
            self._guard,
            ssl_context=self._ssl_context or ssl.create_default_context(),
            connect_timeout_s=self._policy.connect_timeout_s,
            idle_timeout_s=self._policy.idle_timeout_s,
            max_redirects=self._policy.max_redirects,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._web:
            await self._web.close()

    async def fetch(
        self,
        reference: str,
        *,
        job_folder: str | None,
        max_bytes: int | SizeLimit | None = None,
        spool: Spool | None = None,
        on_bytes: OnBytes | None = None,
    ) -> FetchedInput:
        """Fetch one input whole; `job_folder` is the job's own `inbox/<name>/`, if it was dropped as one.

        `max_bytes` stands for the policy's: a number, or what tells one from the file's first bytes.
        Without a `spool` everything is kept in memory. Nothing is left on its disk where a fetch fails.

        Raises InputNotFound, InputForbidden, InputTooLarge, InvalidManifest (all final), InputUnavailable
        and StoreDenied (transient). Each message names the reference as its sender gave it. What
        `max_bytes` and `on_bytes` raise, and OSError of the disk, comes out as it is.
        """
        policy = self._policy
        fetch = _Fetch(
            policy.max_bytes if max_bytes is None else max_bytes,
            spool,
            on_bytes,
            stall_timeout_s=policy.stall_timeout_s,
            sleep=self._sleep,
        )
        try:
            async with fetch.stall:
                return await self._fetch(reference, job_folder, fetch)
        except BaseException as error:
            await fetch.arrival.discard()
            if isinstance(error, CallersError):
                raise error.error from None
            if isinstance(error, StorageError):
                raise type(error)(f"{describe(reference)}: {error}") from error
            if isinstance(error, TimeoutError):
                message = f"{describe(reference)}: Nothing has arrived for {policy.stall_timeout_s:g} s."
                raise InputUnavailable(message) from error
            raise

    async def _fetch(self, reference: str, job_folder: str | None, fetch: _Fetch) -> FetchedInput:
        parsed = parse_reference(
            reference, allowed_prefixes=self._policy.allowed_prefixes, job_folder=job_folder
        )
        grace_s = self._policy.missing_grace_s
        match parsed:
            case Inline(body):
                fetch.arrival.begin(etag=None, size=len(body))
                await fetch.arrival.add(body)
                return await fetch.fetched("inline")
            case Url(url):
                if self._web is None:
                    raise RuntimeError("use InputFetcher as an async context manager")
                tries = fetch.retrying(min(grace_s, _URL_GRACE_S))
                limit_s = self._policy.link_timeout_s
                try:
                    async with asyncio.timeout(limit_s):
                        await tries(self._web.read, url, fetch.arrival)
                except TimeoutError as error:
                    message = f"It has not come whole within {limit_s / 3600:g} hours."
                    raise InputUnavailable(message) from error
                return await fetch.fetched("url")
            case UploadId(file_id):
                key: str = await fetch.retrying(grace_s)(find_upload, self._store, file_id)
            case BucketKey(named):
                key = named
        await fetch.retrying(grace_s)(read_object, self._store, key, fetch.arrival)
        return await fetch.fetched("bucket")

"""Fetching a job's inputs, whatever their references are: the one door for foreign bytes."""

import asyncio
import hashlib
import ssl
from dataclasses import dataclass, field
from typing import Literal, Self

from tenacity import AsyncRetrying

from storage import keys
from storage.errors import InputUnavailable, StorageError
from storage.inputs.download import Arrival, Sleep, find_upload, read_object, retrying
from storage.inputs.references import BucketKey, Inline, UploadId, Url, describe, parse_reference
from storage.inputs.url_guard import UrlGuard
from storage.inputs.web_download import WebReader
from storage.stores.port import ObjectStore

_URL_GRACE_S = 10.0  # a link was there before the job was sent; only a bucket key may come after it


@dataclass(frozen=True, kw_only=True)
class InputPolicy:
    """What inputs may be.

    `missing_grace_s` is how long a bucket key that is not there is looked for; `total_timeout_s` bounds
    one fetch with all its retries, `idle_timeout_s` the silence of a web server.
    """

    max_bytes: int = 50_000_000
    allowed_prefixes: tuple[str, ...] = (keys.UPLOADS, keys.RESULTS)
    missing_grace_s: float = 60
    total_timeout_s: float = 120
    connect_timeout_s: float = 10
    idle_timeout_s: float = 20
    max_redirects: int = 3


@dataclass(frozen=True)
class FetchedInput:
    """One input, whole and checked; `sha256` in hex, `etag` None where its origin gave none."""

    body: bytes | None = field(repr=False)
    sha256: str
    etag: str | None
    origin: Literal["bucket", "url", "inline"]
    path: object = None
    size: int = 0

    def read(self) -> bytes:
        return self.body or b""


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
        max_bytes: int | None = None,
        folder: object = None,
        limit: object = None,
        on_bytes: object = None,
    ) -> FetchedInput:
        """Fetch one input whole; `job_folder` is the job's own `inbox/<name>/`, if it was dropped as one.

        `max_bytes` stands for the policy's, for what is no picture.

        Raises InputNotFound, InputForbidden, InputTooLarge, InvalidManifest (all final), InputUnavailable
        and StoreDenied (transient). Each message names the reference as its sender gave it.
        """
        try:
            async with asyncio.timeout(self._policy.total_timeout_s):
                return await self._fetch(
                    reference,
                    job_folder,
                    limit(b"") if callable(limit) else (max_bytes or self._policy.max_bytes),
                )
        except StorageError as error:
            raise type(error)(f"{describe(reference)}: {error}") from error
        except TimeoutError as error:
            raise InputUnavailable(
                f"{describe(reference)}: The file did not arrive within {self._policy.total_timeout_s:g} s."
            ) from error

    async def _fetch(self, reference: str, job_folder: str | None, max_bytes: int) -> FetchedInput:
        parsed = parse_reference(
            reference, allowed_prefixes=self._policy.allowed_prefixes, job_folder=job_folder
        )
        match parsed:
            case Inline(body):
                digest = hashlib.sha256(body).hexdigest()
                return FetchedInput(body=body, sha256=digest, etag=None, origin="inline")
            case Url(url):
                return await self._from_web(url, max_bytes)
            case UploadId(file_id):
                return await self._from_upload(file_id, max_bytes)
            case BucketKey(key):
                return await self._from_bucket(key, max_bytes)

    async def _from_bucket(self, key: str, max_bytes: int) -> FetchedInput:
        arrival = Arrival(max_bytes)
        await self._retrying(self._policy.missing_grace_s)(read_object, self._store, key, arrival)
        return _fetched(arrival, "bucket")

    async def _from_upload(self, file_id: str, max_bytes: int) -> FetchedInput:
        key: str = await self._retrying(self._policy.missing_grace_s)(find_upload, self._store, file_id)
        return await self._from_bucket(key, max_bytes)

    async def _from_web(self, url: str, max_bytes: int) -> FetchedInput:
        if self._web is None:
            raise RuntimeError("use InputFetcher as an async context manager")
        arrival = Arrival(max_bytes)
        grace_s = min(self._policy.missing_grace_s, _URL_GRACE_S)
        await self._retrying(grace_s)(self._web.read, url, arrival)
        return _fetched(arrival, "url")

    def _retrying(self, missing_grace_s: float) -> AsyncRetrying:
        return retrying(missing_grace_s=missing_grace_s, sleep=self._sleep)


def _fetched(arrival: Arrival, origin: Literal["bucket", "url"]) -> FetchedInput:
    return FetchedInput(body=arrival.body, sha256=arrival.sha256, etag=arrival.etag, origin=origin)

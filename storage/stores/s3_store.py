"""The object store on S3, R2 and whatever speaks their language."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from aiobotocore.response import StreamingBody
from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception,
    stop_after_attempt,
    stop_before_delay,
    wait_random_exponential,
)

from storage.errors import (
    InputTooLarge,
    ObjectNotFound,
    PreconditionFailed,
    StorageError,
    StoreDenied,
    StoreThrottled,
    StoreUnavailable,
)
from storage.stores.port import MAX_KEYS, ListedObject, Listing, ObjectInfo, StoredObject
from storage.stores.s3_answers import object_info, store_now, whole_seconds
from storage.stores.s3_client import add_content_md5, content_md5, open_client
from storage.stores.s3_errors import s3_errors
from storage.stores.s3_settings import S3Settings

if TYPE_CHECKING:
    from types_aiobotocore_s3 import S3Client

__all__ = ["Observer", "S3Settings", "S3Store", "open_s3_store"]

T = TypeVar("T")
Observer = Callable[[str, str, float], None]
"""Told of every request that was sent: the port's method, its outcome, the seconds it took.

Outcomes: ok, not_found, precondition_failed, too_large, throttled, denied, unavailable, refused, abandoned.
"""

_CHUNK_BYTES = 256 * 1024
_SLOWEST_BYTES_PER_S = 128 * 1024  # a transfer slower than this is given up: the read timeout sees no uploads
_MD5_IN_THREAD_BYTES = 1 << 20
_LONGEST_WAIT_S = 5.0
_OUTCOMES = {
    ObjectNotFound: "not_found",
    PreconditionFailed: "precondition_failed",
    InputTooLarge: "too_large",
    StoreThrottled: "throttled",
    StoreDenied: "denied",
    StoreUnavailable: "unavailable",
    StorageError: "refused",
}


@asynccontextmanager
async def open_s3_store(settings: S3Settings, observer: Observer | None = None) -> "AsyncIterator[S3Store]":
    """Open the bucket; nothing is sent until the first call."""
    async with open_client(settings) as client:
        client.meta.events.register("before-sign.s3.DeleteObjects", add_content_md5)
        yield S3Store(client, settings, observer or (lambda _op, _outcome, _seconds: None))


@dataclass(frozen=True)
class _S3Stream:
    info: ObjectInfo
    _body: StreamingBody = field(repr=False)
    _bucket: str
    _address: str

    async def chunks(self) -> AsyncIterator[bytes]:
        while chunk := await self._read():
            yield chunk

    async def _read(self) -> bytes:
        # At the end aiobotocore compares what came with the announced length.
        with s3_errors(self._bucket, address=self._address):
            return await self._body.read(_CHUNK_BYTES)


class S3Store:
    """A bucket behind the S3 API; made by `open_s3_store`.

    Everything but a conditional `put` is tried again when the store is unavailable or asks for patience;
    an open stream is not, because only its reader knows where to go on.
    """

    def __init__(self, client: "S3Client", settings: S3Settings, observer: Observer) -> None:
        self._client = client
        self._settings = settings
        self._bucket = settings.bucket
        self._observer = observer
        self._backoff = wait_random_exponential(settings.retry_first_wait_s, _LONGEST_WAIT_S)

    async def link(self, key: str, *, expires_s: int) -> str:
        """A URL by which anybody may read an object for `expires_s` seconds; the store is not asked."""
        return await self._client.generate_presigned_url(
            "get_object", Params={"Bucket": self._bucket, "Key": key}, ExpiresIn=expires_s
        )

    async def head(self, key: str) -> ObjectInfo:
        """Describe an object; raises ObjectNotFound."""

        async def request() -> ObjectInfo:
            answer = await self._client.head_object(Bucket=self._bucket, Key=key)
            return object_info(key, answer)

        return await self._retried("head", request)

    async def get(self, key: str, *, max_bytes: int) -> StoredObject:
        """Read a small object whole; raises ObjectNotFound, InputTooLarge above `max_bytes`."""

        async def request() -> StoredObject:
            answer = await self._client.get_object(Bucket=self._bucket, Key=key)
            async with answer["Body"]:
                info = object_info(key, answer)
                if info.size > max_bytes:
                    raise InputTooLarge
                return StoredObject(info=info, body=await answer["Body"].read())

        return await self._retried("get", request, transfer_bytes=max_bytes)

    @asynccontextmanager
    async def stream(
        self, key: str, *, start: int = 0, if_match: str | None = None
    ) -> AsyncIterator[_S3Stream]:
        """Open an object for reading from byte `start`; raises ObjectNotFound, PreconditionFailed."""
        conditions: dict[str, Any] = {"Range": f"bytes={start}-"} if start else {}
        if if_match is not None:
            conditions["IfMatch"] = f'"{if_match}"'

        async def request() -> tuple[ObjectInfo, StreamingBody]:
            answer = await self._client.get_object(Bucket=self._bucket, Key=key, **conditions)
            try:
                return object_info(key, answer, start), answer["Body"]
            except (KeyError, StoreUnavailable):
                answer["Body"].close()
                raise

        info, body = await self._retried("stream", request)
        async with body:
            yield _S3Stream(info, body, self._bucket, self._settings.address)

    async def put(
        self,
        key: str,
        body: bytes,
        *,
        content_type: str,
        metadata: Mapping[str, str] | None = None,
        if_match: str | None = None,
        if_none_match: bool = False,
    ) -> str:
        """Write an object and return its ETag; a conditional write is sent once, whatever happens."""
        conditions: dict[str, Any] = {"IfMatch": f'"{if_match}"'} if if_match is not None else {}
        if if_none_match:
            conditions["IfNoneMatch"] = "*"
        if len(body) > _MD5_IN_THREAD_BYTES:
            md5_base64, md5_hex = await asyncio.to_thread(content_md5, body)
        else:
            md5_base64, md5_hex = content_md5(body)

        async def request() -> str:
            answer = await self._client.put_object(
                Bucket=self._bucket,
                Key=key,
                Body=body,
                ContentType=content_type,
                ContentMD5=md5_base64,
                Metadata={name.lower(): value for name, value in (metadata or {}).items()},
                **conditions,
            )
            etag = answer["ETag"].strip('"')
            # With keys of its own (SSE-KMS) a store's ETag is 32 digits, too, but of other bytes.
            is_md5 = re.fullmatch(r"[0-9a-f]{32}", etag) and "SSEKMSKeyId" not in answer
            if is_md5 and etag != md5_hex:
                raise StoreUnavailable("The storage kept other bytes than it was sent.")
            return etag

        if conditions:
            return await self._attempt(
                "put", request, transfer_bytes=len(body), if_match=if_match is not None
            )
        return await self._retried("put", request, transfer_bytes=len(body))

    async def put_file(
        self, key: str, path: Path, *, content_type: str, metadata: Mapping[str, str] | None = None
    ) -> str:
        """Write a file as an object and return its ETag; raises OSError where it cannot be read."""
        body = await asyncio.to_thread(path.read_bytes)
        return await self.put(key, body, content_type=content_type, metadata=metadata)

    async def copy(self, source: str, destination: str) -> None:
        """Copy within the bucket, with content type and metadata; raises ObjectNotFound."""

        async def request() -> None:
            copy_source: Any = {"Bucket": self._bucket, "Key": source}
            await self._client.copy_object(Bucket=self._bucket, Key=destination, CopySource=copy_source)

        await self._retried("copy", request)

    async def delete(self, keys: Sequence[str]) -> None:
        """Remove objects (at most MAX_KEYS) in one request; keys that are not there are no error."""
        if len(keys) > MAX_KEYS:
            raise ValueError(f"at most {MAX_KEYS} keys can be deleted at once")

        async def request() -> None:
            if len(keys) == 1:
                await self._client.delete_object(Bucket=self._bucket, Key=keys[0])
                return
            objects: Any = [{"Key": key} for key in keys]
            answer = await self._client.delete_objects(
                Bucket=self._bucket, Delete={"Objects": objects, "Quiet": True}
            )
            if errors := answer.get("Errors"):
                denied = {error.get("Code") for error in errors} == {"AccessDenied"}
                raise StoreDenied if denied else StoreUnavailable

        if keys:
            await self._retried("delete", request)

    async def list(self, prefix: str, *, start_after: str = "", limit: int = MAX_KEYS) -> Listing:
        """List one page of keys below `prefix`, in key order, after `start_after`."""
        after: dict[str, Any] = {"StartAfter": start_after} if start_after else {}

        async def request() -> Listing:
            answer = await self._client.list_objects_v2(
                Bucket=self._bucket, Prefix=prefix, MaxKeys=min(limit, MAX_KEYS), **after
            )
            objects = [
                ListedObject(
                    key=line["Key"],
                    size=line["Size"],
                    etag=line["ETag"].strip('"'),
                    last_modified=whole_seconds(line["LastModified"]),
                )
                for line in answer.get("Contents", [])
            ]
            return Listing(objects=objects, truncated=answer["IsTruncated"], store_now=store_now(answer))

        return await self._retried("list", request)

    async def _retried(self, op: str, request: Callable[[], Awaitable[T]], *, transfer_bytes: int = 0) -> T:
        attempts = AsyncRetrying(
            retry=retry_if_exception(
                lambda error: isinstance(error, StoreUnavailable) and not isinstance(error, StoreDenied)
            ),
            stop=stop_after_attempt(self._settings.retry_attempts)
            | stop_before_delay(self._settings.retry_total_s),
            wait=self._wait_s,
            reraise=True,
        )
        return await attempts(self._attempt, op, request, transfer_bytes=transfer_bytes)

    def _wait_s(self, state: RetryCallState) -> float:
        error = state.outcome and state.outcome.exception()
        asked_s = error.retry_after_s if isinstance(error, StoreUnavailable) else 0.0
        return max(self._backoff(state), asked_s)

    async def _attempt(
        self, op: str, request: Callable[[], Awaitable[T]], *, transfer_bytes: int, if_match: bool = False
    ) -> T:
        limit_s = (
            self._settings.connect_timeout_s
            + self._settings.read_timeout_s
            + transfer_bytes / _SLOWEST_BYTES_PER_S
        )
        outcome = "abandoned"  # by the caller, who was cancelled
        started = time.monotonic()
        try:
            with s3_errors(self._bucket, if_match=if_match, address=self._settings.address):
                async with asyncio.timeout(limit_s):
                    result = await request()
            outcome = "ok"
        except StorageError as error:
            outcome = _OUTCOMES[type(error)]
            raise
        finally:
            self._observer(op, outcome, time.monotonic() - started)
        return result

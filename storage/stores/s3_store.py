"""The object store on S3, R2 and whatever speaks their language."""

import asyncio
import io
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiobotocore.response import StreamingBody

from storage.errors import InputTooLarge, PreconditionFailed, StoreDenied, StoreUnavailable
from storage.stores.parts import Digest, Part, load_part, md5, parts_of
from storage.stores.port import MAX_KEYS, ListedObject, Listing, ObjectInfo, StoredObject
from storage.stores.s3_answers import object_info, store_now, whole_seconds
from storage.stores.s3_client import add_content_md5, open_client
from storage.stores.s3_errors import s3_errors
from storage.stores.s3_requests import Observer, S3Requests
from storage.stores.s3_settings import S3Settings
from storage.stores.s3_uploads import MultipartUpload, checked_etag, parts_of_file, parts_of_object

if TYPE_CHECKING:
    from types_aiobotocore_s3 import S3Client

__all__ = ["Observer", "S3Settings", "S3Store", "open_s3_store"]

_CHUNK_BYTES = 256 * 1024
_MD5_IN_THREAD_BYTES = 1 << 20


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
        self._bucket = settings.bucket
        self._requests = S3Requests(client, settings, observer)
        self._part_sizes = settings.part_sizes

    async def link(self, key: str, *, expires_s: int) -> str:
        """A URL by which anybody may read an object for `expires_s` seconds; the store is not asked."""
        return await self._client.generate_presigned_url(
            "get_object", Params={"Bucket": self._bucket, "Key": key}, ExpiresIn=expires_s
        )

    async def head(self, key: str) -> ObjectInfo:
        """Describe an object; raises ObjectNotFound."""

        async def request() -> ObjectInfo:
            answer = await self._client.head_object(Bucket=self._bucket, Key=key)
            return object_info(key, answer, self._now(answer))

        return await self._requests.retried("head", request)

    async def get(self, key: str, *, max_bytes: int) -> StoredObject:
        """Read a small object whole; raises ObjectNotFound, InputTooLarge above `max_bytes`."""

        async def request() -> StoredObject:
            answer = await self._client.get_object(Bucket=self._bucket, Key=key)
            async with answer["Body"]:
                info = object_info(key, answer, self._now(answer))
                if info.size > max_bytes:
                    raise InputTooLarge
                return StoredObject(info=info, body=await answer["Body"].read())

        return await self._requests.retried("get", request, transfer_bytes=max_bytes)

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
                return object_info(key, answer, self._now(answer), start), answer["Body"]
            except (KeyError, StoreUnavailable):
                answer["Body"].close()
                raise

        info, body = await self._requests.retried("stream", request)
        async with body:
            yield _S3Stream(info, body, self._bucket, self._requests.settings.address)

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
        digest = await asyncio.to_thread(md5, body) if len(body) > _MD5_IN_THREAD_BYTES else md5(body)
        return await self._put("put", key, (io.BytesIO(body), digest), content_type, metadata, conditions)

    async def put_file(
        self, key: str, path: Path, *, content_type: str, metadata: Mapping[str, str] | None = None
    ) -> str:
        """Write a file as an object and return its ETag; raises OSError where it cannot be read."""
        size = (await asyncio.to_thread(path.stat)).st_size
        if size <= self._part_sizes.single_bytes:
            whole = await load_part(path, Part(number=1, start=0, size=size))
            return await self._put("put_file", key, whole, content_type, metadata, {})
        op, sizes = "put_file", self._part_sizes
        return await MultipartUpload(self._requests, op, key).run(
            parts_of_file(self._requests, op, path),
            parts_of(size, sizes.part_bytes),
            sizes.at_once,
            content_type=content_type,
            metadata=_lower_case(metadata),
        )

    async def _put(
        self,
        op: str,
        key: str,
        whole: tuple[io.BytesIO, Digest],
        content_type: str,
        metadata: Mapping[str, str] | None,
        conditions: Mapping[str, Any],
    ) -> str:
        """Send a body in one request; once, where there are conditions."""
        body, digest = whole
        size = body.seek(0, io.SEEK_END)

        async def request() -> str:
            body.seek(0)
            answer = await self._client.put_object(
                Bucket=self._bucket,
                Key=key,
                Body=body,
                ContentType=content_type,
                ContentMD5=digest.base64,
                Metadata=_lower_case(metadata),
                **conditions,
            )
            return checked_etag(answer, digest)

        if conditions:
            return await self._requests.once(
                op, request, transfer_bytes=size, if_match="IfMatch" in conditions
            )
        return await self._requests.retried(op, request, transfer_bytes=size)

    async def copy(self, source: str, destination: str, *, size: int) -> None:
        """Copy within the bucket, with content type and metadata; raises ObjectNotFound."""
        if size > self._part_sizes.single_copy_bytes:
            return await self._copy_in_parts(source, destination)

        async def request() -> None:
            copy_source: Any = {"Bucket": self._bucket, "Key": source}
            await self._client.copy_object(Bucket=self._bucket, Key=destination, CopySource=copy_source)

        return await self._requests.retried("copy", request, transfer_bytes=size)

    async def _copy_in_parts(self, source: str, destination: str) -> None:
        op, sizes, info = "copy", self._part_sizes, await self.head(source)
        try:
            await MultipartUpload(self._requests, op, destination).run(
                parts_of_object(self._requests, op, info),
                parts_of(info.size, sizes.copied_part_bytes),
                sizes.at_once,
                content_type=info.content_type,
                metadata=info.metadata,
            )
        except PreconditionFailed as error:
            raise StoreUnavailable(f"`{source}` was replaced while it was copied.") from error

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
            await self._requests.retried("delete", request)

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
            return Listing(objects=objects, truncated=answer["IsTruncated"], store_now=self._now(answer))

        return await self._requests.retried("list", request)

    def _now(self, answer: Mapping[str, Any]) -> datetime:
        return store_now(answer, on_this_machine=self._requests.settings.on_this_machine)


def _lower_case(metadata: Mapping[str, str] | None) -> dict[str, str]:
    return {name.lower(): value for name, value in (metadata or {}).items()}

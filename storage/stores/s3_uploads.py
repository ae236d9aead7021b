"""Objects that come to an S3 store in parts, from a file or from another object; all or none of them stay."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from storage.errors import ObjectNotFound, StorageError, StoreUnavailable
from storage.stores.parts import Digest, Part, load_part, multipart_etag
from storage.stores.port import ObjectInfo
from storage.stores.s3_requests import S3Requests

_ABORT_LIMIT_S = 10.0  # whoever waits for a failed upload waits no longer than this for its end


def checked_etag(answer: Mapping[str, Any], digest: Digest) -> str:
    """The ETag of an answer to an upload; raises StoreUnavailable where it is an MD5 of other bytes."""
    etag: str = answer["ETag"].strip('"')
    # With keys of its own (SSE-KMS) a store's ETag is 32 digits, too, but of other bytes.
    is_md5 = re.fullmatch(r"[0-9a-f]{32}", etag) and "SSEKMSKeyId" not in answer
    if is_md5 and etag != digest.hex:
        raise StoreUnavailable("The storage kept other bytes than it was sent.")
    return etag


@dataclass(frozen=True, kw_only=True)
class Sent:
    """A part that has arrived."""

    etag: str
    #: Of its bytes; None where they did not pass through here.
    digest: Digest | None


SendPart = Callable[[Mapping[str, Any], Part], Awaitable[Sent]]
"""Brings one part about; the first is what names the upload in a request."""


class MultipartUpload:
    """One object on its way to one key, in parts."""

    def __init__(self, requests: S3Requests, op: str, key: str) -> None:
        self._requests = requests
        self._client = requests.client
        self._op = op
        self._where: Any = {"Bucket": requests.bucket, "Key": key}
        self._sent: dict[int, Sent] = {}

    async def run(
        self,
        send: SendPart,
        parts: Iterable[Part],
        at_once: int,
        *,
        content_type: str,
        metadata: Mapping[str, str],
    ) -> str:
        """Send it all and return the object's ETag; whatever fails or is cancelled, the parts are removed.

        Raises StorageError, and what `send` raises.
        """

        async def create() -> str:
            answer = await self._client.create_multipart_upload(
                **self._where, ContentType=content_type, Metadata=metadata
            )
            return answer["UploadId"]

        self._where["UploadId"] = await self._requests.retried(self._op, create)
        try:
            await self._send_all(send, parts, at_once)
            return await self._complete()
        except BaseException:
            await self._abort()
            raise

    async def _send_all(self, send: SendPart, parts: Iterable[Part], at_once: int) -> None:
        left = iter(parts)

        async def send_some() -> None:
            for part in left:
                self._sent[part.number] = await send(self._where, part)

        try:
            # When it is left, no part is on its way any more: one that arrived after the abort would stay.
            async with asyncio.TaskGroup() as group:
                for _ in range(at_once):
                    group.create_task(send_some())
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from failed

    async def _complete(self) -> str:
        numbers = sorted(self._sent)
        parts: Any = [{"PartNumber": number, "ETag": f'"{self._sent[number].etag}"'} for number in numbers]
        digests = [digest for number in numbers if (digest := self._sent[number].digest) is not None]
        expected = multipart_etag(digests) if len(digests) == len(numbers) else None

        async def request() -> str:
            answer = await self._client.complete_multipart_upload(
                **self._where, MultipartUpload={"Parts": parts}
            )
            return answer["ETag"].strip('"')

        try:
            return await self._requests.retried(self._op, request)
        except ObjectNotFound:
            # An earlier try may have completed it although its answer was lost; the upload is gone then.
            if expected is not None and await self._etag_there() == expected:
                return expected
            raise StoreUnavailable("The storage has forgotten an upload before it was complete.") from None

    async def _etag_there(self) -> str | None:
        async def request() -> str:
            answer = await self._client.head_object(Bucket=self._where["Bucket"], Key=self._where["Key"])
            return answer["ETag"].strip('"')

        try:
            return await self._requests.retried(self._op, request)
        except ObjectNotFound:
            return None

    async def _abort(self) -> None:
        """Remove what has arrived, as well as it can be done.

        Where it fails, the observer has seen it, and the bucket's rule for unfinished uploads removes it.
        """

        async def request() -> None:
            await self._client.abort_multipart_upload(**self._where)

        with suppress(StorageError, TimeoutError):
            async with asyncio.timeout(_ABORT_LIMIT_S):
                await self._requests.retried(self._op, request)


def parts_of_file(requests: S3Requests, op: str, path: Path) -> SendPart:
    """Sends parts of a file; raises OSError where it cannot be read, StorageError."""

    async def send(where: Mapping[str, Any], part: Part) -> Sent:
        body, digest = await load_part(path, part)

        async def request() -> str:
            body.seek(0)
            answer = await requests.client.upload_part(
                **where, PartNumber=part.number, Body=body, ContentMD5=digest.base64
            )
            return checked_etag(answer, digest)

        etag = await requests.retried(op, request, transfer_bytes=part.size)
        return Sent(etag=etag, digest=digest)

    return send


def parts_of_object(requests: S3Requests, op: str, source: ObjectInfo) -> SendPart:
    """Has the store copy parts of an object, as long as it is the same; raises StorageError."""

    async def send(where: Mapping[str, Any], part: Part) -> Sent:
        async def request() -> str:
            answer = await requests.client.upload_part_copy(
                **where,
                PartNumber=part.number,
                CopySource={"Bucket": requests.bucket, "Key": source.key},
                CopySourceIfMatch=f'"{source.etag}"',
                CopySourceRange=f"bytes={part.start}-{part.start + part.size - 1}",
            )
            return answer["CopyPartResult"]["ETag"].strip('"')

        etag = await requests.retried(op, request, transfer_bytes=part.size)
        return Sent(etag=etag, digest=None)

    return send

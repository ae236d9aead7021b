"""Uploads to an S3 store: a body in one request, or a file in parts that are taken back where it fails."""

import asyncio
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from storage.errors import ObjectNotFound, StorageError, StoreUnavailable
from storage.stores.parts import Digest, Part, PartSizes, load_part, multipart_etag, parts_of
from storage.stores.s3_requests import S3Requests

_OP = "put_file"
_ABORT_LIMIT_S = 10.0  # whoever waits for a failed upload waits no longer than this for its end


def checked_etag(answer: Mapping[str, Any], digest: Digest) -> str:
    """The ETag of an answer to an upload; raises StoreUnavailable where it is an MD5 of other bytes."""
    etag: str = answer["ETag"].strip('"')
    # With keys of its own (SSE-KMS) a store's ETag is 32 digits, too, but of other bytes.
    is_md5 = re.fullmatch(r"[0-9a-f]{32}", etag) and "SSEKMSKeyId" not in answer
    if is_md5 and etag != digest.hex:
        raise StoreUnavailable("The storage kept other bytes than it was sent.")
    return etag


class MultipartUpload:
    """One file on its way to one key, in parts."""

    def __init__(self, requests: S3Requests, key: str, path: Path) -> None:
        self._requests = requests
        self._client = requests.client
        self._where: Any = {"Bucket": requests.bucket, "Key": key}
        self._path = path
        self._sent: dict[int, tuple[str, Digest]] = {}  # ETag and MD5 by part number

    async def run(
        self, size: int, sizes: PartSizes, *, content_type: str, metadata: Mapping[str, str]
    ) -> str:
        """Send it all and return the object's ETag; whatever fails or is cancelled, the parts are removed.

        Raises OSError where the file cannot be read, StorageError.
        """

        async def create() -> str:
            answer = await self._client.create_multipart_upload(
                **self._where, ContentType=content_type, Metadata=metadata
            )
            return answer["UploadId"]

        self._where["UploadId"] = await self._requests.retried(_OP, create)
        try:
            await self._send_all(parts_of(size, sizes), sizes.at_once)
            return await self._complete()
        except BaseException:
            await self._abort()
            raise

    async def _send_all(self, parts: Iterable[Part], at_once: int) -> None:
        left = iter(parts)

        async def send() -> None:
            for part in left:
                await self._send(part)

        try:
            # When it is left, no part is on its way any more: one that arrived after the abort would stay.
            async with asyncio.TaskGroup() as group:
                for _ in range(at_once):
                    group.create_task(send())
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from failed

    async def _send(self, part: Part) -> None:
        body, digest = await load_part(self._path, part)

        async def request() -> str:
            body.seek(0)
            answer = await self._client.upload_part(
                **self._where, PartNumber=part.number, Body=body, ContentMD5=digest.base64
            )
            return checked_etag(answer, digest)

        etag = await self._requests.retried(_OP, request, transfer_bytes=part.size)
        self._sent[part.number] = etag, digest

    async def _complete(self) -> str:
        numbers = sorted(self._sent)
        parts: Any = [{"PartNumber": number, "ETag": f'"{self._sent[number][0]}"'} for number in numbers]
        expected = multipart_etag([self._sent[number][1] for number in numbers])

        async def request() -> str:
            answer = await self._client.complete_multipart_upload(
                **self._where, MultipartUpload={"Parts": parts}
            )
            return answer["ETag"].strip('"')

        try:
            return await self._requests.retried(_OP, request)
        except ObjectNotFound:
            # An earlier try may have completed it although its answer was lost; the upload is gone then.
            if await self._etag_there() == expected:
                return expected
            raise StoreUnavailable("The storage has forgotten an upload before it was complete.") from None

    async def _etag_there(self) -> str | None:
        async def request() -> str:
            answer = await self._client.head_object(Bucket=self._where["Bucket"], Key=self._where["Key"])
            return answer["ETag"].strip('"')

        try:
            return await self._requests.retried(_OP, request)
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
                await self._requests.retried(_OP, request)

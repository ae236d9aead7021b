"""An honest bucket in memory, for tests and for anything that wants a store without a server."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from storage.errors import InputTooLarge, ObjectNotFound, PreconditionFailed
from storage.stores.parts import PartSizes, md5, multipart_etag, parts_of
from storage.stores.port import MAX_KEYS, ListedObject, Listing, ObjectInfo, StoredObject

_CHUNK_BYTES = 64 * 1024


@dataclass(frozen=True, kw_only=True)
class _Entry:
    body: bytes
    etag: str
    last_modified: datetime
    content_type: str
    metadata: Mapping[str, str]


@dataclass(frozen=True)
class _MemoryStream:
    """The bytes an object had when it was opened; a later overwrite does not reach a reader."""

    info: ObjectInfo
    body: memoryview

    async def chunks(self) -> AsyncIterator[bytes]:
        for offset in range(0, len(self.body), _CHUNK_BYTES):
            await asyncio.sleep(0)
            yield bytes(self.body[offset : offset + _CHUNK_BYTES])


class MemoryStore:
    """A bucket in memory with a real one's manners: MD5 ETags, atomic conditions, whole-second dates.

    Every call gives other tasks a turn before it takes effect, so that races between writers are real;
    it belongs to one event loop. `clock` is the store's clock and must return timezone-aware times.
    A file above the limit of `part_sizes` gets the ETag of an upload in parts, which is no MD5.
    """

    def __init__(
        self,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        *,
        part_sizes: PartSizes | None = None,
    ) -> None:
        self._clock = clock
        self._part_sizes = part_sizes or PartSizes()
        self._entries: dict[str, _Entry] = {}

    async def head(self, key: str) -> ObjectInfo:
        """Describe an object; raises ObjectNotFound."""
        await asyncio.sleep(0)
        return self._info(key, self._entry(key))

    async def get(self, key: str, *, max_bytes: int) -> StoredObject:
        """Read a small object whole; raises ObjectNotFound, InputTooLarge above `max_bytes`."""
        await asyncio.sleep(0)
        entry = self._entry(key)
        if len(entry.body) > max_bytes:
            raise InputTooLarge
        return StoredObject(info=self._info(key, entry), body=entry.body)

    @asynccontextmanager
    async def stream(
        self, key: str, *, start: int = 0, if_match: str | None = None
    ) -> AsyncIterator[_MemoryStream]:
        """Open an object for reading from byte `start`; raises ObjectNotFound, PreconditionFailed."""
        await asyncio.sleep(0)
        entry = self._entry(key)
        if if_match not in {None, entry.etag} or (start and start >= len(entry.body)):
            raise PreconditionFailed
        yield _MemoryStream(self._info(key, entry), memoryview(entry.body)[start:])

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
        """Write an object and return its ETag; raises PreconditionFailed where a condition fails."""
        metadata = _checked(metadata)
        await asyncio.sleep(0)
        existing = self._entries.get(key)
        if if_none_match and existing:
            raise PreconditionFailed
        if if_match is not None and (existing is None or existing.etag != if_match):
            raise PreconditionFailed
        return self._write(key, body, md5(body).hex, content_type, metadata)

    async def put_file(
        self, key: str, path: Path, *, content_type: str, metadata: Mapping[str, str] | None = None
    ) -> str:
        """Write a file as an object and return its ETag; raises OSError where it cannot be read."""
        metadata = _checked(metadata)
        # Not on a thread: under a virtual clock no time may pass while one reads.
        body = path.read_bytes()  # noqa: ASYNC240 - see above
        digests = [md5(body)]
        if in_parts := len(body) > self._part_sizes.single_bytes:
            parts = parts_of(len(body), self._part_sizes.part_bytes)
            digests = [md5(body[part.start : part.start + part.size]) for part in parts]
        await asyncio.sleep(0)
        etag = multipart_etag(digests) if in_parts else digests[0].hex
        return self._write(key, body, etag, content_type, metadata)

    async def copy(self, source: str, destination: str, *, size: int) -> None:  # noqa: ARG002 -- of the port
        """Copy within the bucket, with content type and metadata; raises ObjectNotFound."""
        await asyncio.sleep(0)
        self._entries[destination] = replace(self._entry(source), last_modified=self._now())

    async def delete(self, keys: Sequence[str]) -> None:
        """Remove objects (at most MAX_KEYS) in one request; keys that are not there are no error."""
        if len(keys) > MAX_KEYS:
            raise ValueError(f"at most {MAX_KEYS} keys can be deleted at once")
        await asyncio.sleep(0)
        for key in keys:
            self._entries.pop(key, None)

    async def list(self, prefix: str, *, start_after: str = "", limit: int = MAX_KEYS) -> Listing:
        """List one page of keys below `prefix`, in key order, after `start_after`."""
        await asyncio.sleep(0)
        keys = sorted(key for key in self._entries if key.startswith(prefix) and key > start_after)
        return Listing(
            objects=list(self._listed(keys[: min(limit, MAX_KEYS)])),
            truncated=len(keys) > min(limit, MAX_KEYS),
            store_now=self._now(),
        )

    def _write(self, key: str, body: bytes, etag: str, content_type: str, metadata: Mapping[str, str]) -> str:
        self._entries[key] = _Entry(
            body=body,
            etag=etag,
            last_modified=self._now(),
            content_type=content_type,
            metadata=metadata,
        )
        return etag

    def _listed(self, keys: Sequence[str]) -> Iterator[ListedObject]:
        for key in keys:
            entry = self._entries[key]
            yield ListedObject(
                key=key, size=len(entry.body), etag=entry.etag, last_modified=entry.last_modified
            )

    def _entry(self, key: str) -> _Entry:
        if key not in self._entries:
            raise ObjectNotFound
        return self._entries[key]

    def _info(self, key: str, entry: _Entry) -> ObjectInfo:
        return ObjectInfo(
            key=key,
            size=len(entry.body),
            etag=entry.etag,
            last_modified=entry.last_modified,
            store_now=self._now(),
            content_type=entry.content_type,
            metadata=entry.metadata,
        )

    def _now(self) -> datetime:
        return self._clock().replace(microsecond=0)


def _checked(metadata: Mapping[str, str] | None) -> dict[str, str]:
    lowered = {name.lower(): value for name, value in (metadata or {}).items()}
    if not all(text.isascii() for item in lowered.items() for text in item):
        raise ValueError("object metadata must be ASCII")
    return lowered

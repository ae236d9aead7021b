"""The object store port: what the rest of the service may ask of a bucket.

Two adapters implement it (`s3_store`, `memory_store`); `tests/conformance` holds them to one behaviour.
ETags are opaque strings with their quotes stripped. Every answer carries the store's own clock, because
lease expiry is never judged by a local wall clock. All times are timezone-aware UTC in whole seconds, as
in HTTP dates.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol

MAX_KEYS = 1000  # per listing page and per delete, S3's own limit


@dataclass(frozen=True, kw_only=True)
class ObjectInfo:
    """One object as the store describes it; `size` in bytes.

    `store_now` is the answer's `Date`: the store's clock when it said this.
    """

    key: str
    size: int
    etag: str
    last_modified: datetime
    store_now: datetime
    content_type: str = "application/octet-stream"
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class StoredObject:
    """An object read whole."""

    info: ObjectInfo
    body: bytes


@dataclass(frozen=True, kw_only=True)
class ListedObject:
    """One line of a listing; `size` in bytes."""

    key: str
    size: int
    etag: str
    last_modified: datetime


@dataclass(frozen=True, kw_only=True)
class Listing:
    """One page of a listing in key order; `truncated` says that more keys follow."""

    objects: Sequence[ListedObject]
    truncated: bool
    store_now: datetime


class ObjectStream(Protocol):
    """An object being read; `info.size` is the size of the whole object, also for a ranged read."""

    @property
    def info(self) -> ObjectInfo:
        """What the store says of the object that is being read."""
        ...

    def chunks(self) -> AsyncIterator[bytes]:
        """Yield the body in pieces; raises StoreUnavailable when it breaks off early."""
        ...


class ObjectStore(Protocol):
    """A bucket. All methods raise StoreUnavailable (or a subclass) when the store does not answer."""

    async def head(self, key: str) -> ObjectInfo:
        """Describe an object; raises ObjectNotFound."""
        ...

    async def get(self, key: str, *, max_bytes: int) -> StoredObject:
        """Read a small object whole; raises ObjectNotFound, InputTooLarge above `max_bytes`."""
        ...

    def stream(
        self, key: str, *, start: int = 0, if_match: str | None = None
    ) -> AbstractAsyncContextManager[ObjectStream]:
        """Open an object for reading from byte `start`; raises ObjectNotFound, PreconditionFailed.

        PreconditionFailed says that the object has another ETag than `if_match`, or is not longer
        than `start`.
        """
        ...

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
        """Write an object in one request and return its ETag; the store checks the body's MD5.

        `metadata` is ASCII and its names come back in lower case (ValueError otherwise).
        `if_none_match` writes only where there is nothing, `if_match` only over that ETag; a condition
        that does not hold raises PreconditionFailed (also where the key is missing for `if_match`).
        A conditional write is sent once and never retried here: the caller must read back to know
        whether a lost answer meant a lost write.
        """
        ...

    async def put_file(
        self, key: str, path: Path, *, content_type: str, metadata: Mapping[str, str] | None = None
    ) -> str:
        """Write a file of any size as an object and return its ETag; never conditional.

        One request up to the store's limit for one, else parts of equal size, which are taken back where it
        fails. Reads the file a piece at a time; raises OSError where it cannot be read.
        """
        ...

    async def copy(self, source: str, destination: str, *, size: int) -> None:
        """Copy within the bucket, with content type and metadata; raises ObjectNotFound.

        `size` is the bytes of the source as a listing or a HEAD told them: they decide how long it may take,
        and whether it takes one request.
        """
        ...

    async def delete(self, keys: Sequence[str]) -> None:
        """Remove objects (at most MAX_KEYS) in one request; keys that are not there are no error."""
        ...

    async def list(self, prefix: str, *, start_after: str = "", limit: int = MAX_KEYS) -> Listing:
        """List one page of keys below `prefix`, in key order, after `start_after`."""
        ...

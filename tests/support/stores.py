"""Stores around a store: one that counts, one that is slow, one that fails on cue."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeVar

from storage.errors import StoreUnavailable
from storage.stores.port import MAX_KEYS, Listing, ObjectInfo, ObjectStore, ObjectStream, StoredObject

T = TypeVar("T")
Op = Literal["head", "get", "stream", "put", "put_file", "copy", "delete", "list"]


class WrappedStore:
    """Passes every call to `inner` through `around`, which a subclass fills with what it is for."""

    def __init__(self, inner: ObjectStore) -> None:
        self._inner = inner

    async def around(self, op: Op, key: str, call: Callable[[], Awaitable[T]]) -> T:  # noqa: ARG002 - for subclasses
        return await call()

    async def head(self, key: str) -> ObjectInfo:
        return await self.around("head", key, lambda: self._inner.head(key))

    async def get(self, key: str, *, max_bytes: int) -> StoredObject:
        return await self.around("get", key, lambda: self._inner.get(key, max_bytes=max_bytes))

    @asynccontextmanager
    async def stream(
        self, key: str, *, start: int = 0, if_match: str | None = None
    ) -> AsyncIterator[ObjectStream]:
        async with AsyncExitStack() as stack:
            opened = self._inner.stream(key, start=start, if_match=if_match)
            yield await self.around("stream", key, lambda: stack.enter_async_context(opened))

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
        return await self.around(
            "put",
            key,
            lambda: self._inner.put(
                key,
                body,
                content_type=content_type,
                metadata=metadata,
                if_match=if_match,
                if_none_match=if_none_match,
            ),
        )

    async def put_file(
        self, key: str, path: Path, *, content_type: str, metadata: Mapping[str, str] | None = None
    ) -> str:
        return await self.around(
            "put_file",
            key,
            lambda: self._inner.put_file(key, path, content_type=content_type, metadata=metadata),
        )

    async def copy(self, source: str, destination: str, *, size: int) -> None:
        await self.around("copy", destination, lambda: self._inner.copy(source, destination, size=size))

    async def delete(self, keys: Sequence[str]) -> None:
        await self.around("delete", keys[0] if keys else "", lambda: self._inner.delete(keys))

    async def list(self, prefix: str, *, start_after: str = "", limit: int = MAX_KEYS) -> Listing:
        return await self.around(
            "list", prefix, lambda: self._inner.list(prefix, start_after=start_after, limit=limit)
        )


class CountingStore(WrappedStore):
    """Keeps every call as (method, key): a listing's key is its prefix, a delete's its first key."""

    def __init__(self, inner: ObjectStore) -> None:
        super().__init__(inner)
        self.calls: list[tuple[Op, str]] = []

    async def around(self, op: Op, key: str, call: Callable[[], Awaitable[T]]) -> T:
        self.calls.append((op, key))
        return await call()

    @property
    def counts(self) -> Counter[Op]:
        return Counter(op for op, _key in self.calls)

    @property
    def writes(self) -> int:
        return sum(self.counts[op] for op in ("put", "put_file", "copy", "delete"))

    @property
    def reads(self) -> int:
        return sum(self.counts[op] for op in ("head", "get", "stream", "list"))


class LatencyStore(WrappedStore):
    """Answers each call `seconds` later than `inner` would."""

    def __init__(self, inner: ObjectStore, seconds: float) -> None:
        super().__init__(inner)
        self._seconds = seconds

    async def around(self, op: Op, key: str, call: Callable[[], Awaitable[T]]) -> T:  # noqa: ARG002 - the same for all
        await asyncio.sleep(self._seconds)
        return await call()


class BreakingReads(WrappedStore):
    """Breaks one read after the other after so many bytes, and remembers how each was asked for."""

    def __init__(self, inner: ObjectStore, after: Sequence[int]) -> None:
        super().__init__(inner)
        self._after = [*after]
        self.opened: list[tuple[int, str | None]] = []

    @asynccontextmanager
    async def stream(
        self, key: str, *, start: int = 0, if_match: str | None = None
    ) -> AsyncIterator[ObjectStream]:
        self.opened.append((start, if_match))
        after = self._after.pop(0) if self._after else None
        async with super().stream(key, start=start, if_match=if_match) as stream:
            yield stream if after is None else _BrokenStream(stream, after)


@dataclass(frozen=True)
class _BrokenStream:
    inner: ObjectStream
    after: int

    @property
    def info(self) -> ObjectInfo:
        return self.inner.info

    async def chunks(self) -> AsyncIterator[bytes]:
        left = self.after
        async for chunk in self.inner.chunks():
            yield chunk[:left]
            left -= len(chunk)
            if left <= 0:
                raise StoreUnavailable


@dataclass(frozen=True, kw_only=True)
class Fault:
    """Raise `error` at the `nth` call of `op` on a key that starts with `key`.

    "before" means that the call never reached the store, "after" that it took effect and its answer was
    lost. `error` may be a BaseException, to end the task as a kill would.
    """

    op: Op
    key: str = ""
    nth: int = 1
    when: Literal["before", "after"] = "before"
    error: BaseException = field(default_factory=StoreUnavailable)


class FaultStore(WrappedStore):
    """Fails as planned; `pending` holds the faults that have not happened yet."""

    def __init__(self, inner: ObjectStore, plan: Sequence[Fault]) -> None:
        super().__init__(inner)
        self.pending = [*plan]
        self._seen = Counter[int]()

    async def around(self, op: Op, key: str, call: Callable[[], Awaitable[T]]) -> T:
        fault = self._due(op, key)
        if fault and fault.when == "before":
            raise fault.error
        result = await call()
        if fault:
            raise fault.error
        return result

    def _due(self, op: Op, key: str) -> Fault | None:
        fitting = [fault for fault in self.pending if fault.op == op and key.startswith(fault.key)]
        self._seen.update(id(fault) for fault in fitting)
        due = next((fault for fault in fitting if self._seen[id(fault)] == fault.nth), None)
        if due:
            self.pending.remove(due)
        return due

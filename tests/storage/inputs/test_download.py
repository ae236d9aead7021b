"""Reading from the bucket over connections that break: whole and right, or a coded error."""

import asyncio
import hashlib
import tracemalloc
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.errors import (
    InputNotFound,
    InputTooLarge,
    InputUnavailable,
    StoreDenied,
    StoreThrottled,
    StoreUnavailable,
)
from storage.inputs.arrival import Arrival
from storage.inputs.download import find_upload, read_object, retrying
from storage.stores.memory_store import MemoryStore
from storage.stores.port import ObjectInfo, ObjectStream
from tests.support.clock import VirtualTime
from tests.support.stores import CountingStore, Fault, FaultStore, WrappedStore

KEY = "uploads/a.jpg"
BODY = bytes(range(256)) * 1024  # four chunks of the memory store
OTHER = BODY[::-1]


@dataclass(frozen=True)
class Break:
    """How one read goes wrong after `after` bytes: an error, or an early end without one."""

    after: int
    silent: bool = False
    replaced: bool = False  # the object is another one from then on


@dataclass
class AlteredStream:
    """A stream that describes its object as `info` and stops early where there is a `fault`."""

    inner: ObjectStream
    info: ObjectInfo
    fault: Break | None = None

    async def chunks(self) -> AsyncIterator[bytes]:
        left = self.fault.after if self.fault else self.inner.info.size
        async for chunk in self.inner.chunks():
            if left:
                yield chunk[:left]
            left -= min(left, len(chunk))
        if self.fault and not self.fault.silent:
            raise StoreUnavailable


class BreakingStore(WrappedStore):
    """Breaks one read after the other as planned, and remembers how each was asked for."""

    def __init__(self, plan: Sequence[Break] = ()) -> None:
        super().__init__(MemoryStore())
        self.plan = [*plan]
        self.opened: list[tuple[int, str | None]] = []

    @asynccontextmanager
    async def stream(
        self, key: str, *, start: int = 0, if_match: str | None = None
    ) -> AsyncIterator[ObjectStream]:
        self.opened.append((start, if_match))
        fault = self.plan.pop(0) if self.plan else None
        async with super().stream(key, start=start, if_match=if_match) as stream:
            yield AlteredStream(stream, stream.info, fault)
        if fault and fault.replaced:
            await self.put(key, OTHER, content_type="image/jpeg")


async def read(store: WrappedStore, max_bytes: int = len(BODY)) -> Arrival:
    arrival = Arrival(max_bytes)
    await retrying(missing_grace_s=60, sleep=VirtualTime().sleep)(read_object, store, KEY, arrival)
    return arrival


async def holding(store: BreakingStore, body: bytes = BODY) -> BreakingStore:
    await store.put(KEY, body, content_type="image/jpeg")
    return store


async def test_an_object_is_read_in_one_store_call() -> None:
    store = CountingStore(await holding(BreakingStore()))
    arrival = await read(store)
    assert arrival.body == BODY
    assert arrival.sha256 == hashlib.sha256(BODY).hexdigest()
    assert arrival.etag == hashlib.md5(BODY, usedforsecurity=False).hexdigest()
    assert store.calls == [("stream", KEY)]


@pytest.mark.parametrize("silent", [False, True])
async def test_a_read_goes_on_where_it_broke_off_and_only_if_the_object_is_the_same(silent: bool) -> None:  # noqa: FBT001 - a parameter of the test
    store = await holding(BreakingStore([Break(1000, silent), Break(70_000, silent)]))
    etag = (await store.head(KEY)).etag
    assert (await read(store)).body == BODY
    assert store.opened == [(0, None), (1000, etag), (71_000, etag)]


async def test_a_connection_that_breaks_after_the_last_byte_has_done_its_work() -> None:
    store = await holding(BreakingStore([Break(len(BODY))]))
    assert (await read(store)).body == BODY
    assert len(store.opened) == 1


async def test_a_read_that_breaks_every_time_is_given_up_and_returns_nothing() -> None:
    store = await holding(BreakingStore([Break(10)] * 9))
    with pytest.raises(InputUnavailable):
        await read(store)
    assert [start for start, _ in store.opened] == [0, 10, 20, 30]


async def test_an_object_replaced_between_two_reads_is_read_anew_from_zero() -> None:
    store = await holding(BreakingStore([Break(1000, silent=True, replaced=True)]))
    assert (await read(store)).body == OTHER
    assert [start for start, _ in store.opened] == [0, 1000, 0]


async def test_a_store_that_ignores_the_condition_cannot_mix_two_objects() -> None:
    class Careless(BreakingStore):
        """Reads on in another object, and has multipart ETags, which say nothing of the bytes."""

        @asynccontextmanager
        async def stream(
            self, key: str, *, start: int = 0, if_match: str | None = None
        ) -> AsyncIterator[ObjectStream]:
            del if_match
            async with super().stream(key, start=start) as stream:
                yield AlteredStream(stream, replace(stream.info, etag=f"{stream.info.etag}-2"))

    store = await holding(Careless([Break(1000, silent=True, replaced=True)]))
    assert (await read(store)).body == OTHER


@given(
    st.lists(
        st.builds(Break, after=st.integers(0, len(BODY)), silent=st.booleans(), replaced=st.booleans()),
        max_size=5,
    )
)
def test_however_reads_break_the_body_is_one_whole_version_or_there_is_none(plan: list[Break]) -> None:
    async def run() -> None:
        store = await holding(BreakingStore(plan))
        try:
            arrival = await read(store)
        except InputUnavailable:
            return
        assert arrival.body in {BODY, OTHER}
        assert arrival.etag == hashlib.md5(arrival.body or b"", usedforsecurity=False).hexdigest()

    asyncio.run(run())


class LyingStore(BreakingStore):
    """Describes every object with another ETag or size than it has."""

    def __init__(self, *, etag: str | None = None, size: int | None = None) -> None:
        super().__init__()
        self.etag, self.size = etag, size

    @asynccontextmanager
    async def stream(
        self, key: str, *, start: int = 0, if_match: str | None = None
    ) -> AsyncIterator[ObjectStream]:
        del if_match
        async with super().stream(key, start=start) as stream:
            info = stream.info
            lie = replace(info, etag=self.etag or info.etag, size=self.size or info.size)
            yield AlteredStream(stream, lie)


async def test_a_body_that_is_not_what_its_md5_etag_says_is_refused() -> None:
    with pytest.raises(InputUnavailable, match="damaged"):
        await read(await holding(LyingStore(etag="0" * 32)))


async def test_the_etag_of_a_multipart_upload_is_no_md5_of_the_body() -> None:
    etag = f"{'0' * 32}-3"
    assert (await read(await holding(LyingStore(etag=etag)))).etag == etag


@pytest.mark.parametrize("wrong_by", [-1, 1])
async def test_a_body_of_another_length_than_announced_is_refused(wrong_by: int) -> None:
    with pytest.raises(InputUnavailable):
        await read(await holding(LyingStore(size=len(BODY) + wrong_by)), max_bytes=len(BODY) * 2)


async def test_an_object_above_the_limit_is_not_read() -> None:
    store = await holding(BreakingStore())
    with pytest.raises(InputTooLarge, match=r"0\.262143 MB"):
        await read(store, max_bytes=len(BODY) - 1)
    assert len(store.opened) == 1


async def test_an_object_that_grows_above_the_limit_while_it_is_read_is_dropped() -> None:
    with pytest.raises(InputTooLarge):
        await read(await holding(LyingStore(size=10)), max_bytes=100_000)


async def test_an_input_that_appears_within_the_grace_is_found() -> None:
    store = BreakingStore()
    time = VirtualTime()

    async def sleep(seconds: float) -> None:
        await time.sleep(seconds)
        if len(time.slept) == 3:
            await holding(store)

    arrival = Arrival(len(BODY))
    await retrying(missing_grace_s=60, sleep=sleep)(read_object, store, KEY, arrival)
    assert arrival.body == BODY
    for asked, least in zip(time.slept, (2, 4, 8), strict=True):
        assert least <= asked <= least + 1


@pytest.mark.parametrize(("grace_s", "least", "most"), [(0, 0, 0), (20, 14, 20), (60, 50, 60)])
async def test_a_missing_input_is_given_up_when_the_grace_is_over(
    grace_s: float, least: float, most: float
) -> None:
    time = VirtualTime()
    with pytest.raises(InputNotFound):
        await retrying(missing_grace_s=grace_s, sleep=time.sleep)(
            read_object, BreakingStore(), KEY, Arrival(len(BODY))
        )
    assert least <= time.now_s <= most


async def test_an_input_deleted_while_it_is_read_is_missing() -> None:
    store = await holding(BreakingStore([Break(1000)]))

    async def sleep(_: float) -> None:
        await store.delete([KEY])

    with pytest.raises(InputNotFound):
        await retrying(missing_grace_s=60, sleep=sleep)(read_object, store, KEY, Arrival(len(BODY)))


@pytest.mark.parametrize("error", [StoreUnavailable, StoreThrottled])
async def test_a_store_that_recovers_is_asked_again(error: type[StoreUnavailable]) -> None:
    faults = [Fault(op="stream", nth=nth, error=error()) for nth in (1, 2, 3)]
    store = FaultStore(await holding(BreakingStore()), faults)
    assert (await read(store)).body == BODY
    assert store.pending == []


async def test_wrong_credentials_are_not_tried_again() -> None:
    store = CountingStore(FaultStore(BreakingStore(), [Fault(op="stream", error=StoreDenied())]))
    with pytest.raises(StoreDenied):
        await read(store)
    assert store.calls == [("stream", KEY)]


async def test_an_upload_is_found_by_its_id_and_never_by_the_start_of_another() -> None:
    store = CountingStore(MemoryStore())
    for name in ("abcd-1.jpg", "abcd.webp", "abcdef.jpg"):
        await store.put(f"uploads/{name}", b"x", content_type="image/jpeg")
    store.calls.clear()
    assert await find_upload(store, "abcd") == "uploads/abcd.webp"
    assert await find_upload(store, "abcd-1.jpg") == "uploads/abcd-1.jpg"
    for absent in ("abc", "abcde"):
        with pytest.raises(InputNotFound):
            await find_upload(store, absent)
    assert store.counts == {"list": 4}


async def test_a_listing_that_fails_is_worth_another_try_unless_it_is_denied() -> None:
    plan = [Fault(op="list"), Fault(op="list", error=StoreDenied())]
    store = FaultStore(MemoryStore(), plan[:1])
    with pytest.raises(InputUnavailable):
        await find_upload(store, "abcd")
    with pytest.raises(StoreDenied):
        await find_upload(FaultStore(MemoryStore(), plan[1:]), "abcd")


async def test_memory_stays_near_the_size_of_the_input() -> None:
    size = 16 * 2**20
    store = await holding(BreakingStore(), bytes(size))
    tracemalloc.start()
    try:
        arrival = await read(store, max_bytes=size)
        assert len(arrival.body or b"") == size
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 1.2 * size  # a copy of the body would make it 2

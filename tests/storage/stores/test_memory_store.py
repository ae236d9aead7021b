"""What is the in-memory bucket's alone: its clock, its turns, its snapshots."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from storage.errors import StoreUnavailable
from storage.stores.memory_store import MemoryStore
from tests.support.stores import CountingStore, Fault, FaultStore, LatencyStore

_NOON = datetime(2024, 5, 1, 12, 0, 0, tzinfo=UTC)


class _Clock:
    def __init__(self) -> None:
        self.now = _NOON + timedelta(milliseconds=999)

    def __call__(self) -> datetime:
        return self.now


async def test_times_come_from_the_injected_clock_in_whole_seconds() -> None:
    clock = _Clock()
    store = MemoryStore(clock)
    await store.put("a", b"1", content_type="text/plain")
    clock.now += timedelta(seconds=90)
    await store.copy("a", "b", size=1)
    for key, written in (("a", _NOON), ("b", _NOON + timedelta(seconds=90))):
        info = await store.head(key)
        assert (info.last_modified, info.store_now) == (written, _NOON + timedelta(seconds=90))
    listing = await store.list("")
    assert [line.last_modified for line in listing.objects] == [_NOON, _NOON + timedelta(seconds=90)]


async def test_tasks_take_turns_so_that_a_read_then_write_without_condition_loses_updates() -> None:
    store = MemoryStore()
    await store.put("counter", b"0", content_type="text/plain")

    async def careless_increment() -> None:
        count = int((await store.get("counter", max_bytes=9)).body)
        await store.put("counter", str(count + 1).encode(), content_type="text/plain")

    await asyncio.gather(*(careless_increment() for _ in range(5)))
    assert (await store.get("counter", max_bytes=9)).body == b"1"


async def test_a_reader_keeps_the_bytes_it_opened() -> None:
    store = MemoryStore()
    await store.put("a", b"old" * 100_000, content_type="text/plain")
    async with store.stream("a") as stream:
        chunks = stream.chunks()
        first = await anext(chunks)
        await store.put("a", b"new", content_type="text/plain")
        assert first + b"".join([chunk async for chunk in chunks]) == b"old" * 100_000


@pytest.mark.parametrize(("when", "written"), [("before", False), ("after", True)])
async def test_a_planned_fault_comes_once_before_or_after_the_write(
    when: str,
    written: bool,  # noqa: FBT001 - a table of cases
) -> None:
    inner = MemoryStore()
    fault = Fault(op="put", key="status/", nth=2, when="after" if when == "after" else "before")
    store = FaultStore(inner, [fault])
    await store.put("status/1", b"1", content_type="text/plain")
    await store.put("inbox/1", b"1", content_type="text/plain")
    with pytest.raises(StoreUnavailable):
        await store.put("status/2", b"2", content_type="text/plain")
    assert [line.key for line in (await inner.list("status/")).objects] == ["status/1"] + [
        "status/2"
    ] * written
    await store.put("status/3", b"3", content_type="text/plain")


async def test_wrapped_stores_count_and_delay_without_changing_answers() -> None:
    counted = CountingStore(LatencyStore(MemoryStore(), 0.0))
    etag = await counted.put("a", b"1", content_type="text/plain", if_none_match=True)
    async with counted.stream("a", if_match=etag) as stream:
        assert [chunk async for chunk in stream.chunks()] == [b"1"]
    await counted.delete(["a"])
    assert counted.calls == [("put", "a"), ("stream", "a"), ("delete", "a")]
    assert (counted.writes, counted.reads) == (2, 1)

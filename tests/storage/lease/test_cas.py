"""Compare-and-swap: whatever becomes of the answer, what was written is decided right."""

import random
from collections.abc import Sequence

import pytest

from storage import keys
from storage.errors import PreconditionFailed, StatusUnreadable, StoreThrottled, StoreUnavailable
from storage.lease.cas import Overtaken, StatusStore
from storage.records.status import Status
from storage.stores.memory_store import MemoryStore
from storage.stores.port import ObjectStore
from tests.support.clock import EPOCH, VirtualTime
from tests.support.stores import CountingStore, Fault, FaultStore

KEY = keys.status("j")


def register(store: ObjectStore, time: VirtualTime | None = None) -> StatusStore:
    return StatusStore(store, sleep=(time or VirtualTime()).sleep, rng=random.Random(1))


def record(rev: int = 0) -> Status:
    return Status(job_id="j", rev=rev, created_at=EPOCH, updated_at=EPOCH).evolve(now=EPOCH)


def always() -> bool:
    return True


async def put(store: ObjectStore, status: Status) -> str:
    return await store.put(KEY, status.to_bytes(), content_type="application/json")


async def stored_write_id(store: ObjectStore) -> str:
    return Status.from_bytes((await store.get(KEY, max_bytes=10**6)).body).write_id


async def test_a_quiet_write_is_one_request_without_a_pause() -> None:
    time, store = VirtualTime(), CountingStore(MemoryStore())
    etag = await register(store, time).swap(record(), over=None, trusted=always)
    assert store.calls == [("put", KEY)]
    assert etag == (await store.head(KEY)).etag
    assert time.slept == []


@pytest.mark.parametrize("create", [True, False])
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("error", [StoreUnavailable(), StoreThrottled(), PreconditionFailed()])
async def test_a_lost_answer_is_settled_by_reading_back(*, create: bool, when: str, error: Exception) -> None:
    bucket = MemoryStore()
    over = None if create else await put(bucket, record())
    fault = Fault(op="put", key=KEY, when="before" if when == "before" else "after", error=error)
    new = record(1)
    etag = await register(FaultStore(bucket, [fault])).swap(new, over=over, trusted=always)
    assert etag == (await bucket.head(KEY)).etag
    assert await stored_write_id(bucket) == new.write_id


async def test_a_lost_answer_that_was_written_is_not_sent_again() -> None:
    store = CountingStore(MemoryStore())
    faulty = FaultStore(store, [Fault(op="put", when="after")])
    await register(faulty).swap(record(), over=None, trusted=always)
    assert [op for op, _ in store.calls] == ["put", "get"]


@pytest.mark.parametrize("create", [True, False])
async def test_another_write_in_our_place_is_a_loss_told_with_what_stands(*, create: bool) -> None:
    bucket = MemoryStore()
    over = None if create else await put(bucket, record())
    theirs = record(1)
    await put(bucket, theirs)
    with pytest.raises(Overtaken) as caught:
        await register(bucket).swap(record(1), over=over, trusted=always)
    assert caught.value.stands is not None
    assert caught.value.stands.status.write_id == theirs.write_id
    assert await stored_write_id(bucket) == theirs.write_id


async def test_the_same_content_by_two_writers_has_one_winner() -> None:
    bucket = MemoryStore()
    over = await put(bucket, record())
    ours, theirs = record(1), record(1)
    assert ours.model_copy(update={"write_id": ""}) == theirs.model_copy(update={"write_id": ""})
    await register(bucket).swap(theirs, over=over, trusted=always)
    with pytest.raises(Overtaken):
        await register(bucket).swap(ours, over=over, trusted=always)


async def test_a_record_that_was_removed_is_a_loss() -> None:
    bucket = MemoryStore()
    over = await put(bucket, record())
    await bucket.delete([KEY])
    with pytest.raises(Overtaken) as caught:
        await register(bucket).swap(record(1), over=over, trusted=always)
    assert caught.value.stands is None


async def test_a_failed_read_back_is_not_taken_for_an_answer() -> None:
    bucket = MemoryStore()
    plan = [Fault(op="put", when="after"), Fault(op="get"), Fault(op="put", nth=2, when="after")]
    new = record()
    await register(FaultStore(bucket, plan)).swap(new, over=None, trusted=always)
    assert await stored_write_id(bucket) == new.write_id


async def test_tries_are_few_and_the_pauses_between_them_respect_one_write_per_second() -> None:
    time, store = VirtualTime(), CountingStore(MemoryStore())
    dead = FaultStore(store, [Fault(op="put", nth=n, error=StoreThrottled()) for n in range(1, 20)])
    with pytest.raises(StoreUnavailable):
        await register(dead, time).swap(record(), over=None, trusted=always)
    assert len(time.slept) == 4
    assert all(1 <= pause <= 12 for pause in time.slept)
    assert time.slept == sorted(time.slept)


async def test_nothing_is_sent_again_once_the_lease_is_not_trusted() -> None:
    store = CountingStore(MemoryStore())
    dead = FaultStore(store, [Fault(op="put", nth=n) for n in range(1, 20)])
    with pytest.raises(StoreUnavailable):
        await register(dead).swap(record(), over=None, trusted=lambda: False)
    assert store.counts["put"] == 0
    assert len(dead.pending) == 18


async def test_a_late_first_try_does_not_count_as_somebody_elses() -> None:
    """The first request is slow: it arrives after the read-back and before the second try."""

    class LateStore(FaultStore):
        late: Sequence[bytes] = ()

        async def get(self, key: str, *, max_bytes: int):  # type: ignore[no-untyped-def] # noqa: ANN202 -- the port's
            try:
                return await super().get(key, max_bytes=max_bytes)
            finally:
                for body in self.late:
                    await bucket.put(KEY, body, content_type="application/json")
                self.late = ()

    bucket, new = MemoryStore(), record()
    store = LateStore(bucket, [Fault(op="put")])
    store.late = [new.to_bytes()]
    assert await register(store).swap(new, over=None, trusted=always) == (await bucket.head(KEY)).etag


@pytest.mark.parametrize("body", [b"", b"not json", b'{"version": 9}', b"x" * (9 * 2**20)])
async def test_a_record_nobody_can_read_is_said_to_be_so(body: bytes) -> None:
    bucket = MemoryStore()
    await bucket.put(KEY, body, content_type="application/json")
    with pytest.raises(StatusUnreadable):
        await register(bucket).read("j")


async def test_a_job_without_a_record_reads_as_none() -> None:
    assert await register(MemoryStore()).read("j") is None

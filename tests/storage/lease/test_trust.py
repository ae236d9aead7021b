"""Beats, and how long an owner may trust itself: it stops before another may begin."""

import asyncio

import pytest

from storage.lease.leases import LeasePolicy, Leases, Stop
from storage.records.status import Progress
from storage.stores.memory_store import MemoryStore
from tests.support.lease_buckets import EXPIRED_S, POLICY, Bucket, complete, held
from tests.support.stores import Fault, FaultStore


async def test_progress_is_carried_by_the_next_beat(bucket: Bucket) -> None:
    lease = await held(bucket.leases())
    bucket.store.calls.clear()
    for done in range(100):
        lease.report("swap", Progress(done=done, total=100, unit="frames", percent=done))
    assert bucket.store.calls == []
    await lease.beat()
    status = await bucket.status()
    assert (status.stage, status.progress.done, status.rev) == ("swap", 99, 2)


async def test_work_that_does_not_move_loses_its_lease(bucket: Bucket) -> None:
    lease = await held(bucket.leases())
    assert await lease.keep() is Stop.STALLED
    assert bucket.time.now_s == POLICY.stall_timeout_s
    bucket.time.advance(EXPIRED_S)
    assert (await held(bucket.leases("b"))).attempt == 2


async def test_an_owner_cut_off_from_the_store_stops_before_another_may_begin(bucket: Bucket) -> None:
    faults = [Fault(op="head", key="cancel/", nth=n) for n in range(2, 100)]
    lease = await held(bucket.leases(faults=faults))
    assert await lease.keep() is Stop.LOST
    assert bucket.time.now_s == POLICY.trusted_for_s
    looks = POLICY.beat_every_s // POLICY.cancel_look_s
    tries = (POLICY.trusted_for_s - POLICY.beat_every_s) // POLICY.min_write_gap_s + 1
    store = lease._context.store
    assert isinstance(store, FaultStore)
    assert len(faults) - len(store.pending) <= looks + tries


async def test_an_owner_survives_a_short_outage(bucket: Bucket) -> None:
    faults = [Fault(op="head", key="cancel/", nth=n) for n in range(2, 5)]
    lease = await held(bucket.leases(faults=faults))
    assert await lease.keep() is Stop.STALLED
    assert (await bucket.status()).rev > 2


async def test_a_store_that_hangs_does_not_outlast_the_owners_trust() -> None:
    class HangingStore(FaultStore):
        hang = False

        async def put(self, *args: object, **more: object) -> str:
            if self.hang:
                await asyncio.Event().wait()
            return await super().put(*args, **more)  # type: ignore[arg-type] # passed on as it came

    store = HangingStore(MemoryStore(), [])
    policy = LeasePolicy(ttl_s=0.3, margin_s=0.1, min_write_gap_s=0.01)
    lease = await held(Leases(store, owner="a", policy=policy))
    store.hang = True
    assert await lease.keep() is Stop.LOST
    assert not lease.trusted


async def test_trust_is_counted_from_when_a_beat_was_sent(bucket: Bucket) -> None:
    class SlowStore(FaultStore):
        async def put(self, *args: object, **more: object) -> str:
            etag = await super().put(*args, **more)  # type: ignore[arg-type] # passed on as it came
            bucket.time.advance(50)
            return etag

    leases = Leases(SlowStore(bucket.store, []), owner="a", policy=POLICY, monotonic=bucket.time.monotonic)
    lease = await held(leases)
    for _ in range(2):  # first the claim's write, then a beat's
        bucket.time.advance(24)
        assert lease.trusted
        bucket.time.advance(1)
        assert not lease.trusted
        bucket.time.now_s -= 2
        lease.report("swap")
        assert await lease.beat() is None


async def test_a_zombies_beat_finds_its_lease_lost(bucket: Bucket) -> None:
    zombie = await held(bucket.leases("zombie"))
    bucket.time.advance(EXPIRED_S)
    winner = await held(bucket.leases("winner"))
    assert await zombie.beat() is Stop.LOST
    zombie._record.confirmed_at = bucket.time.now_s  # and also when it still believes in itself
    assert await zombie.beat() is Stop.LOST
    assert not zombie.trusted
    assert await bucket.status() == winner.status


async def test_a_beat_cut_off_in_the_middle_does_not_cost_the_job(bucket: Bucket) -> None:
    fault = Fault(op="put", key="status/", nth=2, when="after", error=asyncio.CancelledError())
    lease = await held(bucket.leases(faults=[fault]))
    with pytest.raises(asyncio.CancelledError):
        await lease.beat()
    assert (await bucket.status()).rev == 2
    done = await complete(lease)
    assert (done.status, done.rev) == ("completed", 3)


async def test_beats_beside_the_finish_do_no_harm(bucket: Bucket) -> None:
    lease = await held(bucket.leases())
    bucket.store.calls.clear()
    results = await asyncio.gather(lease.beat(), complete(lease), lease.beat())
    assert results[1] == await bucket.status()
    assert results[1].status == "completed"
    assert bucket.store.counts["get"] == 0  # they took turns instead of getting in each other's way


@pytest.mark.parametrize(
    "settings", [{"ttl_s": 20}, {"margin_s": -1}, {"grace_s": -1}, {"max_attempts": 0}, {"ttl_s": 0}]
)
def test_a_policy_that_leaves_no_room_for_a_beat_is_refused(settings: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"must|needs"):
        LeasePolicy(**settings)  # type: ignore[arg-type] # numbers for numbers

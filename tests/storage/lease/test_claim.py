"""Claims: one owner at a time, by the store's clock alone."""

import asyncio
from datetime import timedelta

import pytest

from storage import keys
from storage.errors import StatusUnreadable
from storage.lease.leases import Lease, Leases, Refusal, Verdict
from storage.stores.memory_store import MemoryStore
from tests.support.lease_buckets import (
    EXPIRED_S,
    POLICY,
    Bucket,
    complete,
    crash_attempts,
    failure,
    held,
    refused,
)
from tests.support.stores import CountingStore, Fault


async def test_a_fresh_job_costs_one_head_and_one_put(bucket: Bucket) -> None:
    lease = await held(bucket.leases())
    assert bucket.store.calls == [("head", keys.cancel("j")), ("put", keys.status("j"))]
    status = await bucket.status()
    assert status == lease.status
    assert (status.status, status.attempt, status.rev) == ("processing", 1, 1)
    assert status.lease is not None
    assert (status.lease.owner, status.lease.ttl_s) == ("a", 90)
    assert status.manifest == {"process_type": "single-image"}
    assert lease.trusted


async def test_fifty_racing_consumers_have_one_winner(bucket: Bucket) -> None:
    claims = await asyncio.gather(*(bucket.leases(f"c{n}").claim("j", None) for n in range(50)))
    winners = [claim for claim in claims if isinstance(claim, Lease)]
    assert len(winners) == 1
    assert winners[0].status == await bucket.status()
    assert {claim.verdict for claim in claims if isinstance(claim, Refusal)} == {Verdict.LIVE}


async def test_fifty_consumers_racing_for_a_lapsed_lease_have_one_winner(bucket: Bucket) -> None:
    await crash_attempts(bucket, 1)
    claims = await asyncio.gather(*(bucket.leases(f"c{n}").claim("j", None) for n in range(50)))
    assert [claim.attempt for claim in claims if isinstance(claim, Lease)] == [2]
    verdicts = {claim.verdict for claim in claims if isinstance(claim, Refusal)}
    assert verdicts <= {Verdict.CONTENDED, Verdict.LIVE}


async def test_a_live_lease_is_left_alone_until_the_store_says_it_is_over(bucket: Bucket) -> None:
    await held(bucket.leases())
    bucket.time.advance(POLICY.ttl_s + POLICY.grace_s)
    refusal = await refused(bucket.leases("b"))
    assert (refusal.verdict, refusal.retry_after_s) == (Verdict.LIVE, 1)
    bucket.time.advance(1)
    lease = await held(bucket.leases("b"))
    assert lease.attempt == 2


async def test_looking_again_at_a_known_job_writes_nothing(bucket: Bucket) -> None:
    await held(bucket.leases())
    other = bucket.leases("b")
    await refused(other)
    bucket.store.calls.clear()
    await refused(other)
    assert bucket.store.calls == [("head", keys.cancel("j")), ("get", keys.status("j"))]


async def test_a_beating_owner_keeps_its_job_however_long_it_takes(bucket: Bucket) -> None:
    lease = await held(bucket.leases())
    for _ in range(20):
        bucket.time.advance(POLICY.beat_every_s)
        lease.report("swap")
        assert await lease.beat() is None
        assert (await refused(bucket.leases("b"))).verdict is Verdict.LIVE


async def test_a_nonsense_store_clock_cannot_keep_a_dead_owners_job_for_ever(bucket: Bucket) -> None:
    frozen = bucket.time.store()
    bucket.memory = MemoryStore(lambda: frozen)
    bucket.store = CountingStore(bucket.memory)
    await held(bucket.leases())
    other = bucket.leases("b")
    assert (await refused(other)).verdict is Verdict.LIVE
    bucket.time.advance(POLICY.ttl_s)
    assert (await refused(other)).verdict is Verdict.LIVE
    bucket.time.advance(POLICY.grace_s + 1)
    assert (await held(other)).attempt == 2


async def test_wall_clocks_ten_minutes_apart_decide_nothing(bucket: Bucket) -> None:
    ahead = Leases(
        bucket.store,
        owner="ahead",
        policy=POLICY,
        monotonic=lambda: bucket.time.now_s + 5e6,
        wall=lambda: bucket.time.store() + timedelta(minutes=10),
    )
    await held(bucket.leases())
    assert (await refused(ahead)).verdict is Verdict.LIVE


@pytest.mark.parametrize("state", ["fresh", "waiting", "lapsed"])
async def test_a_cancel_before_the_claim_ends_the_job(bucket: Bucket, state: str) -> None:
    if state != "fresh":
        lease = await held(bucket.leases())
        if state == "waiting":
            await lease.retry(failure(), delay_s=1000)
        bucket.time.advance(EXPIRED_S)
    await bucket.cancel()
    refusal = await refused(bucket.leases("b"))
    assert refusal.verdict is Verdict.ENDED
    assert (await bucket.status()).status == "cancelled"


async def test_a_cancel_is_left_to_the_owner_while_there_is_one(bucket: Bucket) -> None:
    await held(bucket.leases())
    await bucket.cancel()
    assert (await refused(bucket.leases("b"))).verdict is Verdict.LIVE


async def test_an_ended_job_is_told_as_ended_and_not_touched(bucket: Bucket) -> None:
    done = await complete(await held(bucket.leases()))
    await bucket.cancel()
    bucket.time.advance(10 * EXPIRED_S)
    refusal = await refused(bucket.leases("b"))
    assert refusal == Refusal(verdict=Verdict.ENDED, retry_after_s=0, status=done)
    assert await bucket.status() == done


async def test_a_claim_whose_answer_is_lost_is_still_a_claim(bucket: Bucket) -> None:
    lease = await held(bucket.leases(faults=[Fault(op="put", when="after")]))
    assert lease.status == await bucket.status()
    await complete(lease)


async def test_an_unreadable_record_is_an_error_not_a_crash_of_the_rules(bucket: Bucket) -> None:
    await bucket.memory.put(keys.status("j"), b"?", content_type="application/json")
    with pytest.raises(StatusUnreadable):
        await bucket.leases().claim("j", None)


async def test_a_record_removed_in_the_middle_of_a_claim_is_contended(bucket: Bucket) -> None:
    leases = bucket.leases()
    await held(bucket.leases("b"))
    await refused(leases)
    await bucket.memory.delete([keys.status("j")])
    assert (await held(leases)).attempt == 1


async def test_an_inline_picture_is_not_rewritten_with_every_beat(bucket: Bucket) -> None:
    claim = await bucket.leases().claim("j", {"source": "A" * 10**6})
    assert isinstance(claim, Lease)
    assert len((await bucket.memory.get(keys.status("j"), max_bytes=10**7)).body) < 2000


async def test_a_claim_tells_that_the_work_has_yet_to_begin(bucket: Bucket) -> None:
    status = (await held(bucket.leases())).status
    assert (status.status, status.stage) == ("processing", "queued")

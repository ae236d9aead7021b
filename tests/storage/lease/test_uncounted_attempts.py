"""Attempts that do not count: those that were only claimed, and those that made a segment of a video."""

import pytest

from storage.errors import LeaseLost
from storage.lease.leases import Lease, Verdict
from storage.records.status import Progress, Segments
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


async def only_claimed(bucket: Bucket, owner: str = "dying") -> Lease:
    """A job whose owner dies before its work has begun."""
    lease = await held(bucket.leases(owner))
    bucket.time.advance(EXPIRED_S)
    return lease


async def test_a_job_that_was_only_claimed_loses_no_attempt_when_its_owner_dies(bucket: Bucket) -> None:
    await only_claimed(bucket)
    lease = await held(bucket.leases("heir"))
    status = await bucket.status()
    assert (status.attempt, status.max_attempts, status.error) == (2, 4, None)
    assert (status.rev, lease.taken_over_from) == (2, "dying")


async def test_waiting_for_its_turn_is_no_attempt_however_long_it_lasts(bucket: Bucket) -> None:
    lease = await held(bucket.leases())
    for _ in range(20):
        bucket.time.advance(POLICY.beat_every_s)
        lease.report("queued")
        assert await lease.beat() is None
    bucket.time.advance(EXPIRED_S)
    status = (await held(bucket.leases("heir"))).status
    assert (status.attempt, status.max_attempts, status.error) == (2, 4, None)


async def test_an_attempt_whose_work_has_begun_counts_when_its_owner_dies(bucket: Bucket) -> None:
    await crash_attempts(bucket, 1)
    status = (await held(bucket.leases("heir"))).status
    assert (status.attempt, status.max_attempts) == (2, 3)


async def test_the_last_attempt_is_still_there_after_an_owner_that_only_claimed(bucket: Bucket) -> None:
    await crash_attempts(bucket, 2)
    await only_claimed(bucket)
    lease = await held(bucket.leases("heir"))
    assert (lease.attempt, lease.status.max_attempts) == (4, 4)
    assert (await complete(lease)).status == "completed"


async def test_a_job_that_kills_whoever_claims_it_ends_after_three_claims_that_do_not_count(
    bucket: Bucket,
) -> None:
    attempts = [(await only_claimed(bucket)).attempt for _ in range(6)]
    refusal = await refused(bucket.leases("heir"))
    status = await bucket.status()
    assert refusal.verdict is Verdict.ENDED
    assert attempts == [1, 2, 3, 4, 5, 6]
    assert status.error is not None
    assert (status.error.code, status.attempt, status.max_attempts) == ("attempts_exhausted", 6, 6)
    assert [(each.attempt, each.stage) for each in status.error.attempts] == [
        (number, "queued") for number in (4, 5, 6)
    ]


async def test_claims_that_were_given_back_are_among_the_three(bucket: Bucket) -> None:
    """Else the record had to tell one from the other, and a job may be given back a hundred times."""
    for _ in range(3):
        await (await held(bucket.leases())).release()
    await only_claimed(bucket)
    status = (await held(bucket.leases("heir"))).status
    assert (status.attempt, status.max_attempts) == (5, 6)
    assert status.error is not None
    assert [each.attempt for each in status.error.attempts] == [4]


async def test_failed_attempts_are_not_among_the_three(bucket: Bucket) -> None:
    for _ in range(2):
        await (await held(bucket.leases())).retry(failure(), delay_s=0)
    for number in range(3, 6):
        assert (await only_claimed(bucket)).attempt == number
    status = (await held(bucket.leases("heir"))).status
    assert (status.attempt, status.max_attempts) == (6, 6)


async def test_a_zombie_that_had_only_claimed_cannot_finish_its_job(bucket: Bucket) -> None:
    zombie = await only_claimed(bucket)
    heir = await held(bucket.leases("heir"))
    zombie._record.confirmed_at = bucket.time.now_s
    with pytest.raises(LeaseLost):
        await complete(zombie)
    done = await complete(heir)
    assert done.result is not None
    assert done.result.key.startswith("results/j/2-")


def swapping(done: int, *, reused: int = 0, total: int = 9) -> Progress:
    return Progress(done=done, total=total, segments=Segments(done=done, total=total, reused=reused))


async def cut_off(bucket: Bucket, progress: Progress) -> Lease:
    """A job whose owner dies after it has told of its work."""
    lease = await held(bucket.leases("dying"))
    lease.report("swap", progress)
    assert await lease.beat() is None
    bucket.time.advance(EXPIRED_S)
    return lease


async def test_an_attempt_that_made_a_segment_does_not_count_when_its_owner_dies(bucket: Bucket) -> None:
    for number in range(5):
        await cut_off(bucket, swapping(number + 1, reused=number))
    status = (await held(bucket.leases("heir"))).status
    assert (status.attempt, status.max_attempts, status.error) == (6, 8, None)
    assert status.progress.segments == Segments(done=5, total=9, reused=5)


async def test_an_attempt_that_only_took_over_segments_counts(bucket: Bucket) -> None:
    await cut_off(bucket, swapping(1))
    await cut_off(bucket, swapping(1, reused=1))
    status = (await held(bucket.leases("heir"))).status
    assert (status.attempt, status.max_attempts) == (3, 4)
    assert status.error is not None
    assert [each.attempt for each in status.error.attempts] == [2]


async def test_a_passing_fault_after_a_segment_costs_no_attempt_though_the_record_had_yet_to_tell(
    bucket: Bucket,
) -> None:
    for _ in range(2):
        await (await held(bucket.leases())).retry(failure(), delay_s=0)
    lease = await held(bucket.leases())
    lease.report("swap", swapping(1))
    status = await lease.retry(failure(), delay_s=0)
    assert (status.status, status.attempt, status.max_attempts) == ("pending", 3, 4)
    last = await held(bucket.leases())
    assert (await last.retry(failure(), delay_s=0)).status == "failed"


async def test_a_job_that_advances_for_ever_ends_some_day(bucket: Bucket) -> None:
    for _ in range(100):
        await cut_off(bucket, swapping(1))
    refusal = await refused(bucket.leases("heir"))
    assert refusal.status is not None
    assert (refusal.status.status, refusal.status.attempt) == ("failed", 100)


async def test_a_job_that_is_given_back_hands_its_segments_on(bucket: Bucket) -> None:
    lease = await held(bucket.leases())
    lease.report("swap", swapping(3))
    released = await lease.release()
    assert released.progress.segments == Segments(done=3, total=9, reused=3)

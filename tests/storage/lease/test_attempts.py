"""Attempts that ended without a result: which of them count, and what the last one leaves."""

import json
from datetime import timedelta

import pytest

from storage import keys
from storage.errors import StoreUnavailable
from storage.lease.leases import Verdict
from tests.support.lease_buckets import Bucket, crash_attempts, failure, held, refused
from tests.support.stores import Fault


async def test_a_crash_counts_and_is_told_with_the_stage_it_happened_in(bucket: Bucket) -> None:
    await crash_attempts(bucket, 1)
    status = (await held(bucket.leases("b"))).status
    assert status.error is not None
    assert status.error.retryable
    [crash] = status.error.attempts
    assert (crash.attempt, crash.code, crash.stage) == (1, "internal", "swap")
    assert "stopped answering" in crash.message


async def test_used_up_attempts_end_the_job_with_every_attempt_told_and_a_dead_letter(bucket: Bucket) -> None:
    await crash_attempts(bucket, 3)
    refusal = await refused(bucket.leases("b"))
    status = await bucket.status()
    assert refusal.verdict is Verdict.ENDED
    assert refusal.status == status
    assert status.status == "failed"
    assert status.error is not None
    assert (status.error.code, status.error.retryable) == ("attempts_exhausted", False)
    assert [attempt.attempt for attempt in status.error.attempts] == [1, 2, 3]
    pointer = json.loads((await bucket.memory.get(keys.dead_letter("j"), max_bytes=1000)).body)
    assert pointer == {
        "job_id": "j",
        "status": "status/j.json",
        "last_stage": "swap",
        "code": "internal",
        "at": status.model_dump(mode="json")["finished_at"],
    }


async def test_a_dead_letter_that_its_writer_died_before_is_written_by_the_next_to_look(
    bucket: Bucket,
) -> None:
    await crash_attempts(bucket, 3)
    dying = bucket.leases("b", faults=[Fault(op="put", key="dead-letter/")])
    with pytest.raises(StoreUnavailable):
        await dying.claim("j", None)
    assert (await refused(bucket.leases("c"))).verdict is Verdict.ENDED
    assert keys.dead_letter("j") in await bucket.keys()


async def test_a_transient_fault_waits_by_the_stores_clock(bucket: Bucket) -> None:
    lease = await held(bucket.leases())
    status = await lease.retry(failure(), delay_s=30)
    assert status.status == "pending"
    assert status.not_before == bucket.time.store() + timedelta(seconds=30)
    assert status.error is not None
    assert status.error.message.endswith("; the job will be tried again.")
    assert "tried again" not in status.error.attempts[0].message  # which is read long afterwards
    assert status.lease is None
    assert status.error is not None
    assert [(a.attempt, a.code) for a in status.error.attempts] == [(1, "storage_unavailable")]
    refusal = await refused(bucket.leases("b"))
    assert (refusal.verdict, refusal.retry_after_s) == (Verdict.NOT_YET, 30)
    bucket.time.advance(30)
    assert (await held(bucket.leases("b"))).attempt == 2


async def test_a_transient_fault_in_the_last_attempt_ends_the_job(bucket: Bucket) -> None:
    for _ in range(3):
        lease = await held(bucket.leases())
        status = await lease.retry(failure(stage="upload"), delay_s=0)
    assert status.status == "failed"
    assert status.error is not None
    assert status.error.code == "attempts_exhausted"
    assert len(status.error.attempts) == 3
    pointer = json.loads((await bucket.memory.get(keys.dead_letter("j"), max_bytes=1000)).body)
    assert (pointer["last_stage"], pointer["code"]) == ("upload", "storage_unavailable")


async def test_a_released_attempt_does_not_count_yet_its_number_is_never_used_again(bucket: Bucket) -> None:
    for n in range(1, 6):
        lease = await held(bucket.leases())
        assert lease.attempt == n
        status = await lease.release()
        assert (status.status, status.error) == ("pending", None)
    for n in range(6, 9):
        lease = await held(bucket.leases())
        assert lease.attempt == n
        status = await lease.retry(failure(), delay_s=0)
    assert status.status == "failed"
    assert status.attempt == status.max_attempts == 8
    assert status.error is not None
    assert len(status.error.attempts) == 3


async def test_a_job_that_every_machine_gives_back_ends_some_day(bucket: Bucket) -> None:
    for _ in range(100):
        await (await held(bucket.leases())).release()
    refusal = await refused(bucket.leases())
    assert refusal.status is not None
    assert refusal.status.error is not None
    assert refusal.status.error.code == "attempts_exhausted"

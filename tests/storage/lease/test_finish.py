"""How a job ends: one terminal status, which says what is known and never changes."""

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace

import pytest

from storage import keys
from storage.errors import LeaseLost, StoreUnavailable
from storage.lease.leases import Extra, Findings, Lease, Output, Stop
from storage.records.status import FaceOutcome, JobWarning, Progress, Status
from tests.support.lease_buckets import (
    ENGINE,
    EXPIRED_S,
    OUTPUT,
    PIXELS,
    POLICY,
    Bucket,
    complete,
    crash_attempts,
    failure,
    held,
    refused,
)
from tests.support.stores import Fault

KNOWN = Findings(
    warnings=(JobWarning(code="basic_engine", message="A better one is there."),),
    faces=(FaceOutcome(face_id="face_0", box=(0, 0, 1, 1), score=0.9, swapped=False),),
    engine=ENGINE,
    timings_ms={"detect": 1.0},
)
ENDINGS: Mapping[str, Callable[[Lease], Awaitable[Status]]] = {
    "complete": complete,
    "fail": lambda lease: lease.fail(failure()),
    "retry": lambda lease: lease.retry(failure(), delay_s=1),
    "release": Lease.release,
    "cancelled": Lease.cancelled,
}


async def test_a_finish_costs_two_puts_and_one_head(bucket: Bucket) -> None:
    lease = await held(bucket.leases())
    bucket.store.calls.clear()
    await complete(lease)
    [result] = [listed.key for listed in (await bucket.memory.list(keys.RESULTS)).objects]
    assert bucket.store.calls == [
        ("put", result),
        ("head", keys.cancel("j")),
        ("put", keys.status("j")),
    ]


async def test_a_completed_record_says_all_there_is_to_say(bucket: Bucket) -> None:
    lease = await held(bucket.leases())
    lease.report("paste", Progress(done=3, total=4, unit="faces", percent=75))
    face = FaceOutcome(face_id="face_0", box=(0, 0, 1, 1), score=0.9, swapped=True)
    warning = JobWarning(code="old_option", message="ignored")
    findings = Findings(faces=[face], warnings=[warning], timings_ms={"swap": 3.0}, engine=ENGINE)
    status = await lease.complete(OUTPUT, findings)
    assert status == await bucket.status()
    assert status.status == "completed"
    assert (status.lease, status.error, status.not_before) == (None, None, None)
    assert status.result is not None
    [key] = [listed.key for listed in (await bucket.memory.list(keys.RESULTS)).objects]
    assert key.startswith("results/j/1-")
    assert status.result.model_dump(exclude_none=True) == {
        "key": key,
        "sha256": hashlib.sha256(PIXELS).hexdigest(),
        "size": 6,
        "content_type": "image/png",
        "width": 4,
        "height": 3,
        "faces_swapped": 1,
    }
    assert (status.faces, status.warnings) == ((face,), (warning,))
    assert status.progress == Progress(done=4, total=4, unit="faces", percent=100)
    assert status.started_at is not None
    assert status.finished_at is not None


async def test_what_goes_with_a_result_lies_there_before_the_record_names_it(bucket: Bucket) -> None:
    lease = await held(bucket.leases())
    poster = Extra(body=b"poster", extension="jpg", content_type="image/jpeg")
    preview = Extra(body=b"preview", extension="mp4", content_type="video/mp4")
    bucket.store.calls.clear()
    status = await lease.complete(replace(OUTPUT, poster=poster, preview=preview))
    assert status.result is not None
    named = [status.result.poster, status.result.preview, status.result.key]
    assert [key for op, key in bucket.store.calls if op == "put"] == [*named, keys.status("j")]
    bodies = [(await bucket.memory.get(str(key), max_bytes=100)).body for key in named]
    assert bodies == [b"poster", b"preview", PIXELS]
    assert all(keys.is_secret_result(str(key)) for key in named)


async def test_a_cancel_seen_at_the_finish_wins(bucket: Bucket) -> None:
    lease = await held(bucket.leases())
    await bucket.cancel()
    assert (await complete(lease)).status == "cancelled"
    assert (await bucket.status()).result is None


async def test_an_input_error_ends_the_job_at_once(bucket: Bucket) -> None:
    lease = await held(bucket.leases())
    lease.report("detect")
    status = await lease.fail(failure("no_face_in_source", "detect"), Findings(timings_ms={"detect": 1.0}))
    assert status.status == "failed"
    assert status.error is not None
    assert (status.error.code, status.error.retryable) == ("no_face_in_source", False)
    assert [(a.attempt, a.code) for a in status.error.attempts] == [(1, "no_face_in_source")]
    assert status.stage == "detect"
    assert keys.dead_letter("j") not in await bucket.keys()


async def test_a_failed_job_keeps_what_it_knew(bucket: Bucket) -> None:
    status = await (await held(bucket.leases())).fail(failure("no_face_in_target", "detect"), KNOWN)
    assert status == await bucket.status()
    assert (status.warnings, status.faces, status.engine) == (KNOWN.warnings, KNOWN.faces, ENGINE)
    assert status.timings_ms == {"detect": 1.0}


async def test_a_job_that_is_given_back_keeps_its_warnings_and_its_engine(bucket: Bucket) -> None:
    status = await (await held(bucket.leases())).retry(failure(), KNOWN, delay_s=0)
    assert status == await bucket.status()
    assert (status.warnings, status.engine) == (KNOWN.warnings, ENGINE)
    assert (status.faces, status.timings_ms) == (None, {})  # they tell of a result, and there is none


@pytest.mark.parametrize("knows", [True, False])
async def test_a_job_that_used_up_its_attempts_keeps_what_it_knew(bucket: Bucket, knows: bool) -> None:  # noqa: FBT001
    await (await held(bucket.leases())).retry(failure(), KNOWN, delay_s=0)
    await (await held(bucket.leases())).retry(failure(), delay_s=0)
    status = await (await held(bucket.leases())).retry(failure(), KNOWN if knows else Findings(), delay_s=0)
    assert status.status == "failed"
    assert (status.warnings, status.engine) == (KNOWN.warnings, ENGINE)
    assert status.faces == (KNOWN.faces if knows else None)
    assert status.timings_ms == (KNOWN.timings_ms if knows else {})


async def test_a_job_whose_last_owner_died_keeps_what_earlier_ones_knew(bucket: Bucket) -> None:
    await (await held(bucket.leases())).retry(failure(), KNOWN, delay_s=0)
    await crash_attempts(bucket, 2)
    await refused(bucket.leases("b"))
    status = await bucket.status()
    assert status.error is not None
    assert status.error.code == "attempts_exhausted"
    assert (status.warnings, status.engine) == (KNOWN.warnings, ENGINE)


async def test_a_result_is_told_by_the_attempt_that_made_it_alone(bucket: Bucket) -> None:
    await (await held(bucket.leases())).retry(failure(), KNOWN, delay_s=0)
    status = await (await held(bucket.leases())).complete(OUTPUT)
    assert (status.warnings, status.faces, status.engine) == ((), None, None)
    assert set(status.timings_ms) == {"upload"}


async def test_a_terminal_status_never_changes(bucket: Bucket) -> None:
    lease = await held(bucket.leases())
    done = await complete(lease)
    before = await bucket.memory.get(keys.status("j"), max_bytes=10**6)
    assert [await end(lease) for end in ENDINGS.values()] == [done] * 5
    assert await lease.beat() is Stop.LOST
    assert not lease.trusted
    assert (await bucket.memory.get(keys.status("j"), max_bytes=10**6)).body == before.body


async def test_a_zombies_finish_is_refused_and_its_bytes_are_not_seen(bucket: Bucket) -> None:
    zombie = await held(bucket.leases("zombie"))
    bucket.time.advance(EXPIRED_S)
    winner = await held(bucket.leases("winner"))
    zombie._record.confirmed_at = bucket.time.now_s  # it wrongly still believes in itself
    assert zombie.trusted
    with pytest.raises(LeaseLost):
        await complete(zombie, Output(body=b"zombie", extension="png", content_type="image/png"))
    done = await complete(winner)
    assert done.result is not None
    assert (await bucket.memory.get(done.result.key, max_bytes=100)).body == b"pixels"
    with pytest.raises(LeaseLost):
        await zombie.fail(failure())
    assert await bucket.status() == done


@pytest.mark.parametrize("ending", ENDINGS)
async def test_an_owner_that_does_not_trust_itself_writes_nothing(bucket: Bucket, ending: str) -> None:
    lease = await held(bucket.leases())
    bucket.time.advance(POLICY.ttl_s - POLICY.margin_s)
    bucket.store.calls.clear()
    with pytest.raises(LeaseLost):
        await ENDINGS[ending](lease)
    assert bucket.store.writes == 0


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("ending", ENDINGS)
async def test_a_lost_answer_at_the_end_changes_nothing(bucket: Bucket, ending: str, when: str) -> None:
    fault = Fault(op="put", key="status/", nth=2, when="before" if when == "before" else "after")
    lease = await held(bucket.leases(faults=[fault]))
    status = await ENDINGS[ending](lease)
    assert status == await bucket.status()
    assert status.rev == 2


async def test_an_ending_that_took_place_unseen_is_not_overwritten_by_the_next(bucket: Bucket) -> None:
    faults = [Fault(op="put", key="status/", nth=2, when="after")]
    faults += [Fault(op="get", nth=n) for n in range(1, 5)]
    lease = await held(bucket.leases(faults=faults))
    with pytest.raises(StoreUnavailable):
        await complete(lease)
    status = await lease.fail(failure())
    assert status.status == "completed"
    assert status == await bucket.status()


async def test_a_completed_job_does_not_show_the_errors_of_earlier_attempts(bucket: Bucket) -> None:
    await (await held(bucket.leases())).retry(failure(), delay_s=0)
    assert (await complete(await held(bucket.leases()))).error is None

"""Claims and leases: one owner at a time, one terminal status, no attempt too many."""

import asyncio
import hashlib
import json
import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from storage import keys
from storage.errors import LeaseLost, StatusUnreadable, StoreUnavailable
from storage.lease.leases import (
    Extra,
    Findings,
    Lease,
    LeasePolicy,
    Leases,
    Output,
    Refusal,
    Stop,
    Verdict,
)
from storage.records.status import (
    AttemptFailure,
    EngineRecord,
    FaceOutcome,
    JobWarning,
    Progress,
    Segments,
    Status,
)
from storage.stores.memory_store import MemoryStore
from tests.support.clock import EPOCH, VirtualTime
from tests.support.stores import CountingStore, Fault, FaultStore

POLICY = LeasePolicy()
EXPIRED_S = POLICY.ttl_s + POLICY.grace_s + 1
PIXELS = b"pixels"
OUTPUT = Output(body=PIXELS, extension="png", content_type="image/png", width=4, height=3, faces_swapped=1)
ENGINE = EngineRecord(name="mesh", version="1", provider="CPUExecutionProvider")

KNOWN = Findings(
    warnings=(JobWarning(code="basic_engine", message="A better one is there."),),
    faces=(FaceOutcome(face_id="face_0", box=(0, 0, 1, 1), score=0.9, swapped=False),),
    engine=ENGINE,
    timings_ms={"detect": 1.0},
)


def failure(code: str = "storage_unavailable", stage: str = "download") -> AttemptFailure:
    return AttemptFailure.model_validate(
        {"attempt": 0, "code": code, "message": "The store was away.", "stage": stage, "at": EPOCH}
    )


@dataclass
class Bucket:
    """A counted bucket in memory and its clock."""

    time: VirtualTime = field(default_factory=VirtualTime)

    def __post_init__(self) -> None:
        self.memory = MemoryStore(self.time.store)
        self.store = CountingStore(self.memory)

    def leases(self, owner: str = "a", *, faults: Sequence[Fault] = ()) -> Leases:
        return Leases(
            FaultStore(self.store, faults),
            owner=owner,
            policy=POLICY,
            monotonic=self.time.monotonic,
            sleep=self.time.sleep,
            wall=self.time.store,
            rng=random.Random(1),
        )

    async def status(self) -> Status:
        return Status.from_bytes((await self.memory.get(keys.status("j"), max_bytes=10**7)).body)

    async def cancel(self) -> None:
        await self.memory.put(keys.cancel("j"), b"", content_type="text/plain")

    async def keys(self) -> set[str]:
        return {listed.key for listed in (await self.memory.list("")).objects}


@pytest.fixture
def bucket() -> Bucket:
    return Bucket()


async def held(leases: Leases) -> Lease:
    claim = await leases.claim("j", {"process_type": "single-image"})
    assert isinstance(claim, Lease)
    return claim


async def refused(leases: Leases) -> Refusal:
    claim = await leases.claim("j", None)
    assert isinstance(claim, Refusal)
    return claim


async def complete(lease: Lease, output: Output = OUTPUT) -> Status:
    return await lease.complete(output, Findings(timings_ms={"swap": 3.0}, engine=ENGINE))


async def crash_attempts(bucket: Bucket, attempts: int) -> None:
    for n in range(attempts):
        lease = await held(bucket.leases(f"crashing-{n}"))
        lease.report("swap")
        await lease.beat()
        bucket.time.advance(EXPIRED_S)


# Claim


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


async def test_a_crash_counts_and_is_told_with_the_stage_it_happened_in(bucket: Bucket) -> None:
    await crash_attempts(bucket, 1)
    status = (await held(bucket.leases("b"))).status
    assert status.error is not None
    assert status.error.retryable
    [crash] = status.error.attempts
    assert (crash.attempt, crash.code, crash.stage) == (1, "internal", "swap")
    assert "stopped answering" in crash.message


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


# Finish


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
    later = [
        await complete(lease),
        await lease.fail(failure()),
        await lease.retry(failure(), delay_s=1),
        await lease.release(),
        await lease.cancelled(),
    ]
    assert later == [done] * 5
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


@pytest.mark.parametrize("ending", ["complete", "fail", "retry", "release", "cancelled"])
async def test_an_owner_that_does_not_trust_itself_writes_nothing(bucket: Bucket, ending: str) -> None:
    lease = await held(bucket.leases())
    bucket.time.advance(POLICY.ttl_s - POLICY.margin_s)
    bucket.store.calls.clear()
    endings = {
        "complete": lambda: complete(lease),
        "fail": lambda: lease.fail(failure()),
        "retry": lambda: lease.retry(failure(), delay_s=1),
        "release": lease.release,
        "cancelled": lease.cancelled,
    }
    with pytest.raises(LeaseLost):
        await endings[ending]()
    assert bucket.store.writes == 0


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("ending", ["complete", "fail", "retry", "release", "cancelled"])
async def test_a_lost_answer_at_the_end_changes_nothing(bucket: Bucket, ending: str, when: str) -> None:
    fault = Fault(op="put", key="status/", nth=2, when="before" if when == "before" else "after")
    lease = await held(bucket.leases(faults=[fault]))
    endings = {
        "complete": lambda: complete(lease),
        "fail": lambda: lease.fail(failure()),
        "retry": lambda: lease.retry(failure(), delay_s=1),
        "release": lease.release,
        "cancelled": lease.cancelled,
    }
    status = await endings[ending]()
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


# Retry and release


async def test_a_transient_fault_waits_by_the_stores_clock(bucket: Bucket) -> None:
    lease = await held(bucket.leases())
    status = await lease.retry(failure(), delay_s=30)
    assert status.status == "pending"
    assert status.not_before == bucket.time.store() + timedelta(seconds=30)
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


# Claims whose owner died before it began


async def only_claimed(bucket: Bucket, owner: str = "dying") -> Lease:
    """A job whose owner dies before its work has begun."""
    lease = await held(bucket.leases(owner))
    bucket.time.advance(EXPIRED_S)
    return lease


async def test_a_claim_tells_that_the_work_has_yet_to_begin(bucket: Bucket) -> None:
    status = (await held(bucket.leases())).status
    assert (status.status, status.stage) == ("processing", "queued")


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


async def test_a_completed_job_does_not_show_the_errors_of_earlier_attempts(bucket: Bucket) -> None:
    await (await held(bucket.leases())).retry(failure(), delay_s=0)
    assert (await complete(await held(bucket.leases()))).error is None


# Heartbeats


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


# Attempts that have made a segment of a video


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

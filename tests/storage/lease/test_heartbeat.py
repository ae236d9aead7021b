"""What readers, senders and the store see of a job while it is worked on, in virtual time."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from itertools import pairwise
from typing import TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage import keys
from storage.errors import LeaseLost, StoreUnavailable
from storage.lease.leases import Refusal
from storage.records.status import LeaseInfo, Stage
from tests.support.lease_runs import JOB, OUTPUT, POLICY, JobRun, Report, TimedStore, in_virtual_time, reports
from tests.support.stores import Fault, Op

T = TypeVar("T")
CLAIM_AND_FINISH = [
    ("head", "cancel"),
    ("put", "status"),
    ("put", "results"),
    ("head", "cancel"),
    ("put", "status"),
]
MOMENTS_S = [n / 4 for n in range(41)]  # over more than two rounds of looks


def counted(*, heads: int, writes: int) -> Counter[tuple[str, str]]:
    """The calls of a job that went well: those of claim and finish, and what came between them."""
    return Counter(CLAIM_AND_FINISH) + Counter({("head", "cancel"): heads, ("put", "status"): writes})


# What it costs


@pytest.mark.parametrize("moving", [True, False])
def test_a_job_of_less_than_two_seconds_costs_no_call_more_than_claim_and_finish(moving: bool) -> None:  # noqa: FBT001
    run = JobRun(work=reports(every_s=0.1, until_s=1.9, moving=moving), lasts_s=1.9)
    assert run.play().status == "completed"
    assert [(op, kind) for _, op, kind in run.store.calls] == CLAIM_AND_FINISH


def test_a_job_of_thirty_seconds_that_moves_is_written_every_two_seconds() -> None:
    run = JobRun(work=reports(every_s=0.5, until_s=29.5, moving=True), lasts_s=29.9)
    assert run.play().status == "completed"
    assert run.store.counts == counted(heads=14, writes=14)
    assert run.store.writes == [0, *range(2, 29, 2), 29.9]


@pytest.mark.parametrize("signs", [(), reports(every_s=1, until_s=29, moving=False)], ids=["silent", "waits"])
def test_a_job_of_thirty_seconds_that_stands_still_is_only_looked_at_for_a_cancel(
    signs: Sequence[Report],
) -> None:
    run = JobRun(work=signs, lasts_s=29.9)
    assert run.play().status == "completed"
    assert run.store.counts == counted(heads=9, writes=0)


def test_a_job_that_waits_for_long_is_written_at_the_leases_own_pace() -> None:
    run = JobRun(work=reports(every_s=10, until_s=200, moving=False), lasts_s=200)
    run.play()
    assert run.store.writes == [0, 30, 60, 90, 120, 150, 180, 200]


@pytest.mark.parametrize("moving", [True, False])
def test_a_queue_is_told_at_the_leases_own_pace_however_often_the_record_is_written(moving: bool) -> None:  # noqa: FBT001
    run = JobRun(work=reports(every_s=1, until_s=100, moving=moving), lasts_s=100)
    run.play()
    assert [round(at_s) for at_s in run.beats] == [30, 60, 90]


def test_a_queue_is_told_while_a_result_is_uploaded_too() -> None:
    run = JobRun(lasts_s=20, upload_s=80)
    assert run.play().status == "completed"
    assert len(run.beats) == 3
    assert all(later - earlier < POLICY.ttl_s / 2 for earlier, later in pairwise([0, *run.beats, 100]))


# What readers see


@pytest.mark.parametrize("latency_s", [0, 0.4])
def test_progress_is_seen_in_the_record_within_three_seconds(latency_s: float) -> None:
    work = reports(every_s=1, until_s=30, moving=True)
    run = JobRun(work=work, lasts_s=31, latency_s=latency_s)
    run.play()
    for at_s, status in run.seen:
        due = [report.done or 0 for report in work if report.at_s + latency_s <= at_s - 3]
        assert status.progress.done >= max(due, default=0)


def test_a_stage_is_seen_within_three_seconds_whenever_it_begins() -> None:
    for tenth in range(100):
        run = JobRun(work=[Report(at_s=tenth / 10, stage="decode")], lasts_s=20)
        run.play()
        first = next(at_s for at_s, status in run.seen if status.stage == "decode")
        assert first <= tenth / 10 + 3


def test_what_is_told_while_a_write_is_on_its_way_is_not_forgotten() -> None:
    run = JobRun(
        work=[Report(at_s=1, stage="decode"), Report(at_s=2.6, stage="swap")], lasts_s=10, latency_s=0.5
    )
    run.play()
    assert {status.stage for _, status in run.seen} >= {"decode", "swap"}


WORK = st.lists(
    st.tuples(
        st.floats(0, 9, allow_subnormal=False),
        st.sampled_from(("download", "swap", "encode")),
        st.integers(0, 2),
    ),
    max_size=25,
)


@settings(max_examples=100, deadline=None)
@given(pauses=WORK, latency_s=st.sampled_from((0.0, 0.05, 0.7)), upload_s=st.sampled_from((0.0, 0.9, 40.0)))
def test_writes_are_two_seconds_apart_but_for_the_last_and_each_tells_something(
    pauses: list[tuple[float, Stage, int]], latency_s: float, upload_s: float
) -> None:
    at_s, work = 0.0, []
    for pause_s, stage, done in pauses:
        at_s += pause_s
        work.append(Report(at_s=at_s, stage=stage, done=done))
    run = JobRun(work=work, lasts_s=at_s + 0.5, latency_s=latency_s, upload_s=upload_s, watch_every_s=0.7)
    assert run.play().status == "completed"
    *kept, _last = run.store.writes
    assert all(later - earlier >= POLICY.min_write_gap_s for earlier, later in pairwise(kept))
    told = {(report.stage, report.done) for report in work}
    beats = (kept[-1] - kept[0]) // (POLICY.beat_every_s - 5)
    assert len(kept) <= 1 + len(work) + 1 + beats
    assert {(s.stage, s.progress.done) for _, s in run.seen if s.stage != "finish"} <= {
        ("queued", 0),
        *told,
        *(("upload", done) for _, done in {*told, ("", 0)}),
    }


# Cancels


@pytest.mark.parametrize("moving", [True, False], ids=["moving", "standing still"])
def test_a_cancel_is_heeded_within_five_seconds_while_the_job_is_worked_on(moving: bool) -> None:  # noqa: FBT001
    for moment_s in MOMENTS_S:
        work = reports(every_s=0.7, until_s=40, moving=moving)
        run = JobRun(work=work, lasts_s=40, latency_s=0.4, cancel_at_s=20 + moment_s)
        assert run.play().status == "cancelled"
        assert run.ended_s - (20 + moment_s) <= 5


@pytest.mark.parametrize(
    "moving", [True, False], ids=["after work that moved", "after work that stood still"]
)
def test_a_cancel_is_heeded_within_five_seconds_while_the_result_is_uploaded(moving: bool) -> None:  # noqa: FBT001
    for moment_s in MOMENTS_S:
        work = reports(every_s=0.7, until_s=10 + moment_s, moving=moving)
        run = JobRun(
            work=work, lasts_s=10 + moment_s, latency_s=0.4, upload_s=100, cancel_at_s=10.9 + moment_s / 2
        )
        ended = run.play()
        assert (ended.status, ended.result) == ("cancelled", None)
        assert run.ended_s - (10.9 + moment_s / 2) <= 5
        assert not in_bucket(run, keys.RESULTS)


def test_a_look_that_hangs_does_not_cost_the_heartbeat() -> None:
    class Hanging(TimedStore):
        hangs = False

        async def around(self, op: Op, key: str, call: Callable[[], Awaitable[T]]) -> T:
            if self.hangs:
                await asyncio.Event().wait()
            return await super().around(op, key, call)

    run = JobRun(lasts_s=100)
    store = run.store = Hanging(run.bucket)

    async def hang_until_the_beat_is_due() -> None:
        lease = await run.held()
        keeping = asyncio.create_task(lease.keep())
        store.hangs = True
        await asyncio.sleep(POLICY.beat_every_s - 0.1)
        store.hangs = False
        await asyncio.sleep(POLICY.ttl_s)
        assert lease.trusted
        assert not keeping.done()

    in_virtual_time(hang_until_the_beat_is_due)


# Uploads


@pytest.mark.parametrize("upload_s", [0.1, 0.95])
@pytest.mark.parametrize("lasts_s", [1.9, 2.9, 3.1, 29.5])
def test_a_short_upload_costs_no_other_call(upload_s: float, lasts_s: float) -> None:
    run = JobRun(work=[Report(at_s=0.5)], lasts_s=lasts_s, upload_s=upload_s)
    run.play()
    sent_at = next(at_s for at_s, op, kind in run.store.calls if (op, kind) == ("put", "results"))
    after = [(op, kind) for at_s, op, kind in run.store.calls if at_s >= sent_at]
    assert after == CLAIM_AND_FINISH[2:]


def test_a_long_upload_shows_and_keeps_the_lease_however_long_it_takes() -> None:
    run = JobRun(lasts_s=1, upload_s=500)

    async def upload() -> None:
        playing = asyncio.create_task(run.live())
        for _ in range(4):
            await asyncio.sleep(POLICY.ttl_s + POLICY.grace_s + 1)
            assert isinstance(await run.leases("b").claim(JOB, None), Refusal)
            status = await run.read()
            assert status is not None
            assert (status.status, status.stage, status.attempt) == ("processing", "upload", 1)
        ended = await playing
        assert (ended.status, ended.attempt, ended.timings_ms["upload"]) == ("completed", 1, 500_000)

    in_virtual_time(upload)
    seen_at = next(at_s for at_s, status in run.seen if status.stage == "upload")
    assert seen_at <= 1 + 3


def test_an_upload_is_abandoned_when_the_lease_is_lost() -> None:
    run = JobRun(lasts_s=1, upload_s=500)

    async def upload() -> float:
        playing = asyncio.create_task(run.live())
        await asyncio.sleep(50)
        mine = await run.read()
        assert mine is not None
        theirs = mine.evolve(now=mine.updated_at, attempt=2, lease=LeaseInfo(owner="other", ttl_s=90))
        await run.bucket.put(keys.status(JOB), theirs.to_bytes(), content_type="application/json")
        with pytest.raises(LeaseLost):
            await playing
        assert await run.read() == theirs
        return asyncio.get_running_loop().time()

    assert in_virtual_time(upload) <= 50 + POLICY.beat_every_s + 2
    assert not in_bucket(run, keys.RESULTS)


def test_an_upload_by_an_owner_that_is_cut_off_is_abandoned_before_another_may_begin() -> None:
    run = JobRun(lasts_s=1, upload_s=500)

    async def upload() -> float:
        lease = await run.held(faults=[Fault(op="head", key=keys.CANCEL, nth=n) for n in range(2, 200)])
        with pytest.raises(LeaseLost):
            await lease.complete(OUTPUT)
        return asyncio.get_running_loop().time()

    assert POLICY.trusted_for_s <= in_virtual_time(upload) < POLICY.ttl_s


def test_an_upload_that_fails_is_told_and_leaves_the_lease_as_it_was() -> None:
    run = JobRun(lasts_s=1)

    async def upload() -> None:
        lease = await run.held(faults=[Fault(op="put", key=keys.RESULTS)])
        with pytest.raises(StoreUnavailable):
            await lease.complete(OUTPUT)
        assert lease.trusted
        assert len(asyncio.all_tasks()) == 1  # nothing goes on beside it
        assert (await lease.complete(OUTPUT)).status == "completed"

    in_virtual_time(upload)


def test_a_cancel_counts_whatever_the_abandoned_upload_raises() -> None:
    class Clumsy(TimedStore):
        async def around(self, op: Op, key: str, call: Callable[[], Awaitable[T]]) -> T:
            try:
                return await super().around(op, key, call)
            except asyncio.CancelledError:
                raise StoreUnavailable from None

    run = JobRun(lasts_s=1, upload_s=500, cancel_at_s=50)
    run.store = Clumsy(run.bucket, upload_s=500)
    assert run.play().status == "cancelled"


def test_a_complete_that_is_cut_off_leaves_nothing_running() -> None:
    run = JobRun(lasts_s=1, upload_s=500)

    async def upload() -> None:
        lease = await run.held()
        completing = asyncio.create_task(lease.complete(OUTPUT))
        await asyncio.sleep(20)
        completing.cancel()
        await asyncio.wait([completing])
        assert len(asyncio.all_tasks()) == 1

    in_virtual_time(upload)
    assert not in_bucket(run, keys.RESULTS)


def in_bucket(run: JobRun, prefix: str) -> list[str]:
    """The keys in a run's bucket below a prefix."""
    return [key for key in run.bucket._entries if key.startswith(prefix)]

"""The status record: what is written is what is read."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from storage.lease.transitions import (
    beaten,
    cancelled,
    claimed,
    exhausted,
    failed,
    new_record,
    released,
    retried,
)
from storage.records.status import TERMINAL, AttemptFailure, LeaseInfo, Progress, State, Status

NOW = datetime(2026, 1, 2, 3, 4, 5, 678_900, tzinfo=UTC)


def record(**changes: object) -> Status:
    base = Status(job_id="j", created_at=NOW, updated_at=NOW)
    return base.model_copy(update=changes)


def test_a_fresh_record_has_every_key_of_the_contract() -> None:
    contract = {
        *("version", "job_id", "rev", "write_id", "status", "stage", "progress", "attempt", "max_attempts"),
        *("not_before", "lease", "created_at", "updated_at", "started_at", "finished_at", "timings_ms"),
        *("result", "faces", "warnings", "error", "engine", "manifest"),
    }
    assert json.loads(record().to_bytes()).keys() == contract


def test_a_record_survives_its_json() -> None:
    status = record(lease=LeaseInfo(owner="o", ttl_s=90), progress=Progress(done=1, total=3, percent=33))
    back = Status.from_bytes(status.to_bytes())
    assert back.to_bytes() == status.to_bytes()
    assert back.lease == status.lease


def test_a_record_of_an_earlier_release_is_still_read_and_goes_on() -> None:
    old = (
        b'{"version":1,"job_id":"order-1","rev":4,"write_id":"0011223344556677","status":"processing",'
        b'"stage":"paste","progress":{"done":1,"total":2,"unit":"faces","percent":50},"attempt":2,'
        b'"max_attempts":3,"not_before":null,"lease":{"owner":"host-1","ttl_s":90.0},'
        b'"created_at":"2026-01-01T00:00:00.000Z","updated_at":"2026-01-01T00:01:00.000Z",'
        b'"started_at":"2026-01-01T00:00:01.000Z","finished_at":null,"timings_ms":{},"result":null,'
        b'"faces":null,"warnings":[],"error":{"code":"storage_unavailable","message":"Away.",'
        b'"retryable":true,"attempts":[{"attempt":1,"code":"storage_unavailable","message":"Away.",'
        b'"stage":"download","at":"2026-01-01T00:00:30.000Z"}]},"engine":null,"manifest":{"source":"uploads/a"}}'
    )
    status = Status.from_bytes(old)
    known = json.loads(old)
    known["progress"] |= {"fps": None, "left_s": None, "segments": None}  # what it did not know of yet
    assert json.loads(status.to_bytes()) == known
    ended = exhausted(status.evolve(now=NOW, attempt=3), now=NOW)
    assert ended.error is not None
    assert [attempt.stage for attempt in ended.error.attempts] == ["download", "paste"]


def test_times_are_written_in_utc_with_a_z() -> None:
    local = NOW.astimezone(timezone(timedelta(hours=5, minutes=30)))
    assert json.loads(record(updated_at=local).to_bytes())["updated_at"] == "2026-01-02T03:04:05.678Z"


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValidationError):
        Status(job_id="j", created_at=datetime(2026, 1, 1), updated_at=NOW)  # noqa: DTZ001 -- the point


def test_each_revision_has_its_own_write_id_even_when_nothing_else_changed() -> None:
    first = record().evolve(now=NOW)
    second = record().evolve(now=NOW)
    assert first.rev == second.rev == 2
    assert first.write_id != second.write_id
    assert first.to_bytes() != second.to_bytes()


def test_a_record_of_a_later_version_may_hold_more_keys() -> None:
    document = json.loads(record().to_bytes()) | {"invented_later": 1}
    assert Status.from_bytes(json.dumps(document).encode()).job_id == "j"


@pytest.mark.parametrize("body", [b"", b"{}", b"null", b"\xff", b'{"version": 2, "job_id": "j"}'])
def test_what_is_no_record_is_refused(body: bytes) -> None:
    with pytest.raises(ValidationError):
        Status.from_bytes(body)


@pytest.mark.parametrize("state", ["pending", "processing", "completed", "failed", "cancelled"])
def test_only_three_states_are_terminal(state: State) -> None:
    assert record(status=state).terminal == (state in TERMINAL)
    assert {"completed", "failed", "cancelled"} == TERMINAL


FAILURE = AttemptFailure(attempt=1, code="internal", message="Odd.", stage="swap", at=NOW)
Step = Callable[[Status, datetime], Status]
STEPS: tuple[Step, ...] = (
    lambda status, now: claimed(status, now=now, owner="o", ttl_s=90),
    lambda status, now: beaten(status, now=now, stage="swap", progress=Progress()),
    lambda status, now: retried(status, now=now, failure=FAILURE, not_before=NOW),
    lambda status, now: released(status, now=now),
)
ENDS: tuple[Step, ...] = (
    lambda status, now: cancelled(status, now=now),
    lambda status, now: exhausted(status, now=now),
    lambda status, now: failed(status, now=now, failure=FAILURE, stage="swap", progress=Progress()),
)
CLOCKS = st.integers(-600, 600).map(lambda seconds: NOW + timedelta(seconds=seconds))


@given(CLOCKS, CLOCKS, st.lists(st.tuples(st.sampled_from(STEPS), CLOCKS), max_size=8), st.sampled_from(ENDS))
def test_the_times_of_a_record_are_in_order_however_wrong_the_clocks_are(
    announced: datetime, now: datetime, steps: list[tuple[Step, datetime]], end: Step
) -> None:
    status = new_record("j", now=now, created_at=announced, max_attempts=9, manifest=None)
    for step, clock in [(STEPS[0], now), *steps, (end, now)]:
        before, status = status, step(status, clock)
        assert status.updated_at >= before.updated_at
    assert status.finished_at is not None
    attempts = [attempt.at for attempt in status.error.attempts] if status.error else []
    assert status.started_at is not None
    times = [status.created_at, status.started_at, *attempts, status.finished_at, status.updated_at]
    assert times == sorted(times)

"""The steps a status record may take; each function returns the next revision and writes nothing."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from storage.lease.outcome import Failure, Findings
from storage.records.status import (
    AttemptFailure,
    FaceOutcome,
    JobError,
    LeaseInfo,
    Progress,
    Result,
    Segments,
    Stage,
    State,
    Status,
)

_CRASH_MESSAGE = "The machine working on this job stopped answering."
_AGAIN = "the job will be tried again."
_MAX_CLAIMS = 100  # a job that makes every machine give it back must end some day
_MAX_UNCOUNTED = 3  # claims of one job, after which those of owners that died count whatever they had done
_NOTHING = Findings()


def new_record(
    job_id: str, *, now: datetime, created_at: datetime, max_attempts: int, manifest: Mapping[str, Any] | None
) -> Status:
    """The record of a job that nobody has written yet; it is never stored as it is."""
    return Status(
        job_id=job_id,
        rev=0,
        max_attempts=max_attempts,
        created_at=created_at,
        updated_at=max(now, created_at),
        manifest=manifest,
    )


def claimed(status: Status, *, now: datetime, owner: str, ttl_s: float) -> Status:
    """The job has an owner, whose work has yet to begin; an attempt that was cut off is recorded as failed.

    `attempt` is the fencing token: it grows with every claim and is part of the result key.
    """
    return status.evolve(
        now=now,
        status="processing",
        stage="queued",
        progress=_handed_on(status),
        attempt=status.attempt + 1,
        not_before=None,
        lease=LeaseInfo(owner=owner, ttl_s=ttl_s),
        started_at=status.started_at or status.moment(now),
        error=_pending_error(_with_cut_off(status, now)),
    )


def beaten(status: Status, *, now: datetime, stage: Stage, progress: Progress) -> Status:
    """The owner is still at work."""
    return status.evolve(now=now, stage=stage, progress=progress)


def completed(
    status: Status,
    *,
    now: datetime,
    progress: Progress,
    result: Result | None,
    findings: Findings,
    upload_ms: float,
) -> Status:
    """The job is done, with a result unless it is a part of another.

    The record tells of the attempt that made it, and of no other.
    """
    total = max(progress.total, 1)
    return _ended(
        status,
        now,
        "completed",
        stage="finish",
        progress=Progress(
            done=total, total=total, unit=progress.unit, percent=100, segments=progress.segments
        ),
        result=result,
        faces=_faces(findings),
        warnings=tuple(findings.warnings),
        timings_ms={**findings.timings_ms, "upload": upload_ms},
        engine=findings.engine,
        error=None,
    )


def failed(
    status: Status,
    *,
    now: datetime,
    failure: Failure,
    stage: Stage,
    progress: Progress,
    findings: Findings = _NOTHING,
) -> Status:
    """The job cannot be done as it was sent; trying again would not help."""
    attempts = (*_recorded(status), _attempt_failure(status, now, failure))
    error = JobError(code=failure.code, message=failure.message, retryable=False, attempts=attempts)
    return _ended(
        status, now, "failed", error=error, stage=stage, progress=progress, **_all_known(status, findings)
    )


def retried(
    status: Status, *, now: datetime, failure: Failure, not_before: datetime, findings: Findings = _NOTHING
) -> Status:
    """This attempt failed for a passing reason; the next may begin at `not_before` (the store's clock).

    Its warnings and engine stay in the record, for whoever looks, and for the end should the next attempt
    be cut off. Its faces and times do not: they tell of a result that there is not. One that has advanced
    does not count.
    """
    known = _known(status, findings)
    if not counts(status):
        return _queued(status, now, not_before=not_before, max_attempts=_one_more(status), **known)
    attempts = (*_recorded(status), _attempt_failure(status, now, failure))
    return _queued(status, now, not_before=not_before, error=_promised(_pending_error(attempts)), **known)


def exhausted(
    status: Status, *, now: datetime, failure: Failure | None = None, findings: Findings = _NOTHING
) -> Status:
    """No attempt is left; the error lists them all. Without `failure` the last owner stopped answering."""
    attempts = (
        _with_cut_off(status, now)
        if failure is None
        else (*_recorded(status), _attempt_failure(status, now, failure))
    )
    message = f"The job was tried {status.attempt} times without success."
    if attempts:
        message += f" The last attempt ended at the stage `{attempts[-1].stage}`: {attempts[-1].message}"
    error = JobError(code="attempts_exhausted", message=message, retryable=False, attempts=attempts)
    return _ended(status, now, "failed", error=error, **_all_known(status, findings))


def released(status: Status, *, now: datetime) -> Status:
    """The owner gives the job back, through no fault of the job.

    `attempt` must never be used twice, or a zombie of the same number would write to the winner's result
    key. So the attempt is given back by allowing one more (docs/adr/0005).
    """
    return _queued(status, now, not_before=None, max_attempts=_one_more(status))


def shared(status: Status, *, now: datetime, segments: Segments) -> Status:
    """Others make parts of the job, so far of its segments; it waits for them, and is nobody's meanwhile.

    An owner that gives it back for that has an attempt that does not count.
    """
    done, total = segments.done, max(segments.total, 1)
    percent = min(100, 100 * done // total)
    return status.evolve(
        now=now,
        status="pending",
        stage="swap",
        progress=Progress(done=done, total=total, unit="segments", percent=percent, segments=segments),
        lease=None,
        not_before=None,
        max_attempts=status.max_attempts if status.status == "pending" else _one_more(status),
    )


def lapsed(status: Status) -> Status:
    """What a record whose lease is over counts as: a job that was only claimed, as one that was given back.

    So does one whose owner had made a segment of a video (docs/adr/0012). Any other is returned as it is. A
    job that ends its owner before the first word of its work is written looks as one that was only claimed,
    so only a few claims of a job may go uncounted, those that were given back among them (docs/adr/0011).
    """
    uncounted = status.attempt - 1 - len(_recorded(status))
    is_mere_claim = status.only_claimed and uncounted < _MAX_UNCOUNTED
    if not is_mere_claim and counts(status):
        return status
    return status.model_copy(update={"status": "pending", "max_attempts": _one_more(status)})


def cancelled(status: Status, *, now: datetime) -> Status:
    """The sender asked for the job to stop."""
    return _ended(status, now, "cancelled", error=None)


def counts(status: Status) -> bool:
    """Whether the attempt under way counts should it fail or be cut off: it made nothing that lasts.

    After a hundred claims any does: a job whose end fails again and again must end some day.
    """
    return not status.has_advanced or status.attempt >= _MAX_CLAIMS


def is_exhausted(status: Status) -> bool:
    """Whether no further attempt is allowed."""
    return status.attempt >= status.max_attempts


def _one_more(status: Status) -> int:
    return min(status.max_attempts + 1, _MAX_CLAIMS)


def _queued(status: Status, now: datetime, **changes: object) -> Status:
    return status.evolve(
        now=now, status="pending", stage="queued", progress=_handed_on(status), lease=None, **changes
    )


def _handed_on(status: Status) -> Progress:
    segments = status.progress.segments
    return Progress(segments=None if segments is None else segments.handed_on())


def _ended(status: Status, now: datetime, state: State, **changes: object) -> Status:
    return status.evolve(
        now=now, status=state, lease=None, not_before=None, finished_at=status.moment(now), **changes
    )


def _known(status: Status, findings: Findings) -> dict[str, object]:
    """What this attempt warns of and ran on; where it did not come so far, what an earlier one did."""
    return {
        "warnings": tuple(findings.warnings) or status.warnings,
        "engine": findings.engine or status.engine,
    }


def _all_known(status: Status, findings: Findings) -> dict[str, object]:
    return {
        **_known(status, findings),
        "faces": _faces(findings),
        "timings_ms": dict(findings.timings_ms),
    }


def _faces(findings: Findings) -> tuple[FaceOutcome, ...] | None:
    return None if findings.faces is None else tuple(findings.faces)


def _attempt_failure(status: Status, now: datetime, failure: Failure) -> AttemptFailure:
    return AttemptFailure(
        attempt=status.attempt,
        code=failure.code,
        message=failure.message,
        stage=failure.stage,
        at=status.moment(now),
    )


def _recorded(status: Status) -> tuple[AttemptFailure, ...]:
    return status.error.attempts if status.error else ()


def _with_cut_off(status: Status, now: datetime) -> tuple[AttemptFailure, ...]:
    """The failed attempts so far, an attempt still under way among them."""
    if status.status != "processing":
        return _recorded(status)
    cut_off = AttemptFailure(
        attempt=status.attempt,
        code="internal",
        message=_CRASH_MESSAGE,
        stage=status.stage,
        at=status.moment(now),
    )
    return (*_recorded(status), cut_off)


def _promised(error: JobError | None) -> JobError | None:
    """What a sender reads until the next attempt begins; those in the list have had theirs."""
    if error is None:
        return None
    return error.model_copy(update={"message": f"{error.message.removesuffix('.')}; {_AGAIN}"})


def _pending_error(attempts: tuple[AttemptFailure, ...]) -> JobError | None:
    if not attempts:
        return None
    last = attempts[-1]
    return JobError(code=last.code, message=last.message, retryable=True, attempts=attempts)

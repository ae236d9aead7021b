"""A small chaos run, and that a run notices what it looks for."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import pytest

from storage import keys
from storage.lease import transitions
from storage.lease.leases import Findings
from storage.records.status import Progress, Result, Status
from storage.stores.memory_store import MemoryStore
from storage.stores.s3_settings import S3Settings
from tests.faults.chaos.jobs import Dropped
from tests.faults.chaos.run import Plan, unleash
from tests.faults.chaos.verdict import Verdict, judge
from tests.support.clock import EPOCH
from tests.support.engines import picture, png

JOB = "job-00000"
COLOUR = (200, 30, 10)
DROPPED = Dropped(job_id=JOB, kind="good", ends=frozenset({"completed"}), colour=COLOUR)


def result_key(attempt: int) -> str:
    return f"{keys.result_folder(JOB)}{attempt}-{'a' * 24}.png"


def claimed(attempt: int = 1) -> Status:
    fresh = transitions.new_record(JOB, now=EPOCH, created_at=EPOCH, max_attempts=3, manifest=None)
    return transitions.claimed(fresh, now=EPOCH, owner="me", ttl_s=90).model_copy(update={"attempt": attempt})


def completed(over: Status, body: bytes) -> Status:
    return transitions.completed(
        over,
        now=EPOCH,
        progress=Progress(),
        result=Result(
            key=result_key(over.attempt),
            sha256=hashlib.sha256(body).hexdigest(),
            size=len(body),
            content_type="image/png",
        ),
        findings=Findings(),
        upload_ms=0,
    )


async def verdict_on(written: Sequence[Status], *results: bytes, inbox: bytes | None = None) -> Verdict:
    store = MemoryStore()
    for number, body in enumerate(results, start=1):
        await store.put(result_key(number), body, content_type="image/png")
    if written:
        await store.put(keys.status(JOB), written[-1].to_bytes(), content_type="application/json")
    if inbox is not None:
        await store.put(keys.manifest(JOB), inbox, content_type="application/json")
    return await judge({JOB: DROPPED}, [status.to_bytes() for status in written], store)


def right() -> bytes:
    expected = DROPPED.expected()
    assert expected is not None
    return png(expected)


async def test_a_job_done_once_and_rightly_is_found_right() -> None:
    claim = claimed()
    verdict = await verdict_on([claim, completed(claim, right())], right())
    assert verdict.ok
    assert (verdict.ends["completed"], verdict.attempts[1]) == (1, 1)


async def test_what_must_not_be_is_noticed() -> None:
    claim, good, wrong = claimed(), right(), png(picture())
    end = completed(claim, good)
    found = {
        "lost": [await verdict_on([]), await verdict_on([claim])],
        "duplicated": [
            await verdict_on([claim, end, completed(claim, good)], good),  # both won the same revision
            await verdict_on([claim, end, completed(end, good)], good),  # a terminal status that changed
            await verdict_on([end], good),  # a revision that nobody wrote
        ],
        "wrong terminal status": [await verdict_on([claim, transitions.cancelled(claim, now=EPOCH)])],
        "wrong result": [
            await verdict_on([claim, end]),
            await verdict_on([claim, end], wrong),
            await verdict_on([claim, completed(claim, wrong)], wrong),
        ],
        "inbox left": [await verdict_on([claim, end], good, inbox=b"{}")],
    }
    for fault, verdicts in found.items():
        assert [[*filter(verdict.faults.get, verdict.faults)] for verdict in verdicts] == [[fault]] * len(
            verdicts
        )


@pytest.mark.seaweedfs
async def test_a_little_chaos_loses_nothing(seaweedfs_s3: S3Settings, tmp_path: Path) -> None:
    plan = Plan(seed=20, jobs=40, consumers=2, jobs_per_s=20, give_up_s=45)
    said: list[str] = []
    outcome = await unleash(plan, seaweedfs_s3, tmp_path, said.append)
    assert outcome.verdict.ok, (outcome.verdict, said)
    assert sum(outcome.verdict.ends.values()) == plan.jobs
    assert outcome.faults.total() > 10

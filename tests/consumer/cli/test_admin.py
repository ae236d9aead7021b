"""`swapdrop jobs` and `swapdrop dead-letter` on a real bucket, as people type them."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio

from storage import keys
from storage.records.status import AttemptFailure, JobError, JobWarning, LeaseInfo, State, Status
from storage.stores.port import ObjectStore
from storage.stores.s3_settings import S3Settings
from storage.upkeep.queries import read_status
from tests.support.buckets import fresh_bucket, keys_below
from tests.support.command import swapdrop
from tests.support.consumers import consumer_environment

NOW = datetime.now(UTC)
FAILED = AttemptFailure(attempt=3, code="internal", message="The machine broke.", stage="swap", at=NOW)
EXHAUSTED = JobError(code="attempts_exhausted", message="Tried 3 times.", retryable=False, attempts=(FAILED,))
LONG_AGO = NOW - timedelta(days=30)
NOT_A_JOB = JobWarning(code="not_understood", message="In `inbox/own/` lie `me.png`, `party.jpg`.")
MANIFEST = {"process_type": "detect-faces", "target": "uploads/a.png"}


@pytest_asyncio.fixture
async def bucket(moto_s3: S3Settings, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ObjectStore]:
    """A bucket of three jobs, one of them dead, which the settings point to."""
    async with fresh_bucket(moto_s3) as (store, settings):
        for name, value in consumer_environment(settings).items():
            monkeypatch.setenv(name, value)
        await put(store, "done", "completed", ended_days_ago=10)
        await put(store, "running", "processing")
        await put(store, "dead", "failed", ended_days_ago=1, error=EXHAUSTED, attempt=3)
        await store.put(keys.dead_letter("dead"), b"{}", content_type="application/json")
        await store.put(keys.new_result("done", 1, "png"), b"png", content_type="image/png")
        yield store


async def put(
    store: ObjectStore, job_id: str, state: State, *, ended_days_ago: float | None = None, **fields: object
) -> None:
    ended = None if ended_days_ago is None else NOW - timedelta(days=ended_days_ago)
    status = Status(
        job_id=job_id, status=state, created_at=NOW, updated_at=NOW, finished_at=ended, manifest=MANIFEST
    ).model_copy(update=fields)
    await store.put(keys.status(job_id), status.to_bytes(), content_type="application/json")


async def test_jobs_are_listed_by_status(bucket: ObjectStore) -> None:  # noqa: ARG001 -- the settings point to it
    listed = json.loads(swapdrop("jobs", "list", "--json").stdout)
    assert {job["job_id"]: job["code"] for job in listed} == {
        "done": None,
        "running": None,
        "dead": "attempts_exhausted",
    }
    told = swapdrop("jobs", "list", "--status", "failed").stdout
    assert "dead" in told
    assert "done" not in told
    assert "The inbox is empty." in told
    assert len(json.loads(swapdrop("jobs", "list", "--limit", "1", "--json").stdout)) == 1
    wrong = swapdrop("jobs", "list", "--status", "lost")
    assert (wrong.exit_code, "known are cancelled, completed" in wrong.stderr) == (2, True)


async def test_show_names_each_attempt_that_failed(bucket: ObjectStore) -> None:  # noqa: ARG001 -- as above
    told = swapdrop("jobs", "show", "dead").stdout
    assert "dead: failed, attempt 3 of 3" in told
    assert "swap: internal: The machine broke." in told
    unknown = swapdrop("jobs", "show", "nobody")
    assert (unknown.exit_code, "no record of a job nobody" in unknown.stderr) == (1, True)


@pytest.mark.parametrize(
    ("stage", "said"),
    [("queued", "gpu-1 has taken it; it waits for its turn"), ("swap", "gpu-1 works on it: swap, 0 %")],
)
async def test_show_tells_a_job_that_waits_for_its_turn_from_one_that_is_worked_on(
    bucket: ObjectStore, stage: str, said: str
) -> None:
    await put(bucket, "taken", "processing", stage=stage, lease=LeaseInfo(owner="gpu-1", ttl_s=90))
    assert said in swapdrop("jobs", "show", "taken").stdout


async def test_a_dead_job_is_requeued_as_a_new_one_and_its_pointer_goes(bucket: ObjectStore) -> None:
    assert "dead" in swapdrop("dead-letter", "list").stdout
    done = swapdrop("dead-letter", "requeue", "--all")
    assert done.exit_code == 0, done.stderr
    assert await keys_below(bucket, keys.INBOX) == [keys.manifest(done.stdout.strip())]
    assert await keys_below(bucket, keys.DEAD_LETTER) == []
    assert (swapdrop("dead-letter", "requeue")).exit_code == 2


async def test_a_job_that_runs_is_not_done_again(bucket: ObjectStore) -> None:
    refused = swapdrop("jobs", "retry", "running")
    assert (refused.exit_code, "has not ended" in refused.stderr) == (1, True)
    assert await keys_below(bucket, keys.INBOX) == []


async def test_what_was_sent_again_is_told_although_others_could_not_be(bucket: ObjectStore) -> None:
    told = swapdrop("jobs", "retry", "done", "running", "dead")
    assert (told.exit_code, "running has not ended" in told.stderr) == (1, True)
    assert sorted(await keys_below(bucket, keys.INBOX)) == sorted(map(keys.manifest, told.stdout.split()))
    assert len(told.stdout.split()) == 2


async def test_only_dead_letters_are_requeued(bucket: ObjectStore) -> None:
    told = swapdrop("dead-letter", "requeue", "done", "dead", "nobody")
    assert told.exit_code == 1
    assert "done is no dead letter; `swapdrop jobs retry done`" in told.stderr
    assert "nobody is no dead letter" in told.stderr
    [job_id] = told.stdout.split()
    assert job_id.startswith("dead-retry-")
    assert await keys_below(bucket, keys.INBOX) == [keys.manifest(job_id)]
    assert await keys_below(bucket, keys.DEAD_LETTER) == []


async def strand(bucket: ObjectStore, job_id: str) -> None:
    """Leave the record of a job whose entry is gone and whose owner has died."""
    lease = LeaseInfo(owner="dead", ttl_s=-10)  # so that it has lapsed already
    await put(bucket, job_id, "processing", lease=lease, attempt=1)


async def test_a_job_that_nothing_leads_to_can_be_done_again(bucket: ObjectStore) -> None:
    await strand(bucket, "stranded")
    told = swapdrop("jobs", "retry", "stranded")
    assert told.exit_code == 0, told.stderr
    assert told.stdout.startswith("stranded-retry-")
    status = await read_status(bucket, "stranded")
    assert status is not None
    assert (status.status, status.error is not None) == ("failed", True)
    assert await keys_below(bucket, keys.AUDIT) == []  # nobody keeps a log


@pytest.mark.parametrize(("words", "state"), [(("cancel",), "cancelled"), (("jobs", "retry"), "failed")])
async def test_a_job_that_a_command_ends_has_its_line_in_the_audit_log(
    bucket: ObjectStore, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], state: str
) -> None:
    monkeypatch.setenv("SWAPDROP_AUDIT", "on")
    await strand(bucket, "stranded")
    for _ in range(2):  # the second time it has ended
        swapdrop(*words, "stranded")
    [log] = await keys_below(bucket, keys.AUDIT)
    [line] = (await bucket.get(log, max_bytes=10**5)).body.splitlines()
    found = json.loads(line)
    assert (found["job_id"], found["status"], found["inputs"]) == ("stranded", state, None)
    assert set(found["decisions"].values()) <= {"open", "off"}
    assert found["consumer"].startswith(f"swapdrop-{'-'.join(words)}-")


async def test_a_job_that_nothing_leads_to_is_cancelled_at_once_with_its_parts(bucket: ObjectStore) -> None:
    await strand(bucket, "stranded")
    plan = "0" * 64
    part = keys.part("stranded", plan, 0)
    for key in (keys.manifest(part), keys.status(part), keys.scratch("stranded", plan, "0.json")):
        await bucket.put(key, b"{}", content_type="application/json")
    told = swapdrop("cancel", "stranded")
    assert (told.exit_code, told.stdout.strip()) == (0, "The job is cancelled.")
    status = await read_status(bucket, "stranded")
    assert status is not None
    assert status.status == "cancelled"
    left = await keys_below(bucket, "")
    assert not [key for key in left if key.startswith((keys.CANCEL, keys.SCRATCH)) or part in key]


async def test_a_job_that_nothing_leads_to_is_purged(bucket: ObjectStore) -> None:
    await strand(bucket, "stranded")
    await put(bucket, "old", "processing", lease=LeaseInfo(owner="dead", ttl_s=-10), updated_at=LONG_AGO)
    await put(bucket, "told", "pending", manifest=None, warnings=(NOT_A_JOB,), updated_at=LONG_AGO)
    done = swapdrop("jobs", "purge", "--older-than", "7d", "--status", "processing", "--yes")
    assert "of 1 jobs" in done.stdout
    assert await read_status(bucket, "old") is None
    assert await read_status(bucket, "stranded") is not None
    assert await read_status(bucket, "told") is not None


async def test_what_is_no_job_is_told_with_what_is_missing(bucket: ObjectStore) -> None:
    for key in ("own/me.png", "own/party.jpg", "loose.png"):
        await bucket.put(f"{keys.INBOX}{key}", key.encode(), content_type="image/png")
    told = swapdrop("jobs", "list").stdout
    assert "The inbox is empty." not in told
    assert "3 files in it are no job, or not yet:" in told
    assert "In `inbox/own/` lie `me.png`, `party.jpg`. None of them says what it is for" in told
    await put(bucket, "told", "pending", manifest=None, warnings=(NOT_A_JOB,))
    refused = swapdrop("cancel", "told")
    assert (refused.exit_code, "told is no job: In `inbox/own/` lie" in refused.stderr) == (1, True)


async def test_a_purge_tells_first_and_removes_only_what_is_old_and_ended(bucket: ObjectStore) -> None:
    told = swapdrop("jobs", "purge", "--older-than", "7d")
    assert "1 jobs would go" in told.stdout
    assert await keys_below(bucket, keys.RESULTS)
    await bucket.put(keys.manifest("done"), b"{}", content_type="application/json")
    assert "0 jobs would go" in swapdrop("jobs", "purge", "--older-than", "7d").stdout
    await bucket.delete([keys.manifest("done")])
    done = swapdrop("jobs", "purge", "--older-than", "7d", "--yes")
    assert "Removed 2 objects of 1 jobs" in done.stdout
    assert await keys_below(bucket, keys.STATUS) == [keys.status("dead"), keys.status("running")]
    assert await keys_below(bucket, keys.RESULTS) == []
    assert (swapdrop("jobs", "purge", "--older-than", "soon")).exit_code == 2

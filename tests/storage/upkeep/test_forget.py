"""Forgetting: all of it goes, nothing of anybody else's, and what stays tells that it was done."""

import json
from typing import Any

import pytest

from storage import keys
from storage.errors import InvalidManifest, ObjectNotFound
from storage.records.status import Status
from storage.stores.memory_store import MemoryStore
from storage.stores.s3_settings import S3Settings
from storage.upkeep.forget import Forgetting, forget, look_up_file, look_up_job
from tests.support.buckets import fresh_bucket
from tests.support.command import swapdrop
from tests.support.consumers import consumer_environment
from tests.support.engines import FlatEngine, picture, png
from tests.support.jobs import announce, drop_job, ended, inbox_empty, read_status, running, upload_pair


async def everything(store: MemoryStore) -> set[str]:
    return {listed.key for listed in (await store.list("")).objects}


async def forgotten(store: MemoryStore, what: Forgetting) -> dict[str, Any]:
    """Forget, and what the tombstone says."""
    await forget(store, what)
    body = (await store.get(f"forgotten/{what.id}.json", max_bytes=1000)).body
    told: dict[str, Any] = json.loads(body)
    return told


async def is_bare(store: MemoryStore, job_id: str) -> Status:
    """Check that a record tells of nothing but that its job was forgotten."""
    status = await read_status(store, job_id)
    assert status is not None
    assert status.error is not None
    assert (status.status, status.error.code, status.error.retryable) == ("failed", "forgotten", False)
    assert (status.manifest, status.result, status.faces, status.engine) == (None, None, None, None)
    assert not status.warnings
    return status


async def test_of_a_job_only_its_tombstones_stay_and_others_keep_all() -> None:
    store = MemoryStore()
    async with running(store, FlatEngine()):
        jobs = [await drop_job(store) for _ in range(2)]
        before = [await ended(store, job) for job in jobs]
        await inbox_empty(store)
    mine, other = jobs
    await store.put(keys.scratch(mine, "plan", "0.mp4"), b"a piece", content_type="video/mp4")
    await store.put(f"{keys.result_folder(mine)}9-zombie.png", b"late", content_type="image/png")
    others = {key for key in await everything(store) if other in key}
    manifest = before[1].manifest or {}
    others |= {manifest["source"], manifest["target"]}
    told = await forgotten(store, await look_up_job(store, mine))
    assert await everything(store) == others | {keys.status(mine), f"forgotten/{mine}.json"}
    status = await is_bare(store, mine)
    assert (status.rev, status.created_at) == (before[0].rev + 1, before[0].created_at)
    assert set(told) == {"version", "id", "at", "jobs"}
    assert told["jobs"] == [mine]


async def test_a_forgotten_job_that_is_announced_again_is_not_done() -> None:
    store, engine = MemoryStore(), FlatEngine()
    async with running(store, engine):
        references = await upload_pair(store)
        job = await announce(store, dict(references))
        await ended(store, job)
        await inbox_empty(store)
        await forgotten(store, await look_up_job(store, job))
        await announce(store, {**references, "job_id": job})
        await inbox_empty(store)
    await is_bare(store, job)
    assert engine.swaps == 1


async def test_a_dropped_folder_goes_from_the_archive_and_from_the_inbox() -> None:
    store = MemoryStore()
    for role in ("source", "target"):
        await store.put(f"inbox/us/{role}.png", png(picture()), content_type="image/png")
    async with running(store, FlatEngine()):
        await inbox_empty(store)
    (job,) = [keys.job_of_status(entry.key) for entry in (await store.list("status/")).objects]
    await store.put("inbox/them/source.png", b"another's", content_type="image/png")
    for role in ("source", "target"):  # as if it had not been cleared away yet
        await store.copy(keys.archive(job, f"{role}.png"), f"inbox/us/{role}.png", size=0)
    await forgotten(store, await look_up_job(store, job))
    assert await everything(store) == {keys.status(job), f"forgotten/{job}.json", "inbox/them/source.png"}


async def test_a_folder_that_another_job_is_by_now_stays() -> None:
    store = MemoryStore()
    for role in ("source", "target"):
        await store.put(f"inbox/us/{role}.png", png(picture()), content_type="image/png")
    async with running(store, FlatEngine()):
        await inbox_empty(store)
    (job,) = [keys.job_of_status(entry.key) for entry in (await store.list("status/")).objects]
    for role in ("source", "target"):
        await store.put(f"inbox/us/{role}.png", b"others", content_type="image/png")
    await forgotten(store, await look_up_job(store, job))
    assert {"inbox/us/source.png", "inbox/us/target.png"} <= await everything(store)


async def test_a_job_that_nobody_has_taken_never_begins() -> None:
    store = MemoryStore()
    job = await drop_job(store)
    await forgotten(store, await look_up_job(store, job))
    await is_bare(store, job)
    assert await everything(store) == {keys.status(job), f"forgotten/{job}.json"}


@pytest.mark.parametrize("status", ["pending", "processing"])
async def test_a_job_that_has_not_ended_is_left_alone(status: str) -> None:
    store = MemoryStore()
    moment = "2026-11-30T12:00:00Z"
    record = Status.model_validate(
        {"job_id": "busy", "status": status, "created_at": moment, "updated_at": moment}
    )
    await store.put(keys.status("busy"), record.to_bytes(), content_type="application/json")
    with pytest.raises(InvalidManifest, match="swapdrop cancel busy"):
        await look_up_job(store, "busy")


@pytest.mark.parametrize("job_id", ["nobody", "not/a/job", ""])
async def test_what_is_not_there_is_said(job_id: str) -> None:
    with pytest.raises(ObjectNotFound, match="There is no job"):
        await look_up_job(MemoryStore(), job_id)


async def test_with_a_file_go_the_results_of_all_jobs_that_used_it_and_no_other_file() -> None:
    store = MemoryStore()
    references = await upload_pair(store)
    name = references["source"].removeprefix(keys.UPLOADS)
    other = await upload_pair(store)
    async with running(store, FlatEngine()):
        by_key = await announce(store, dict(references))
        by_name = await announce(store, {**references, "source": name})
        by_id = await announce(store, {**references, "source": name.partition(".")[0]})
        untouched = await announce(store, {**other, "target": references["target"]})
        records = [await ended(store, job) for job in (by_key, by_name, by_id, untouched)]
        await inbox_empty(store)
    assert [record.status for record in records] == ["completed"] * 4
    told = await forgotten(store, await look_up_file(store, name))
    assert set(told["jobs"]) == {by_key, by_name, by_id}
    left = await everything(store)
    assert references["source"] not in left
    assert {references["target"], *other.values()} <= left
    assert len([key for key in left if key.startswith(keys.RESULTS)]) == 1
    for job in (by_key, by_name, by_id):
        await is_bare(store, job)
    again = await read_status(store, untouched)
    assert again == records[3]


async def test_a_file_that_is_not_there_and_was_never_used_is_said() -> None:
    with pytest.raises(ObjectNotFound, match="no job used it"):
        await look_up_file(MemoryStore(), f"{'0' * 32}.png")
    with pytest.raises(ObjectNotFound, match="is no file below uploads/"):
        await look_up_file(MemoryStore(), "status/some.json")


async def test_results_of_others_that_were_used_are_named() -> None:
    store = MemoryStore()
    async with running(store, FlatEngine()):
        references = await upload_pair(store)
        detect = {"process_type": "detect-faces", "target": references["target"]}
        detected = await ended(store, await announce(store, detect))
        assert detected.result is not None
        mapped = {
            "process_type": "multi-image",
            "target": references["target"],
            "face_mappings": {"face_0": references["source"]},
            "detection": detected.result.key,
        }
        job = await announce(store, mapped)
        assert (await ended(store, job)).status == "completed"
        await inbox_empty(store)
    what = await look_up_job(store, job)
    assert what.made_of == (detected.job_id,)
    await forget(store, what)
    assert detected.result.key in await everything(store)


async def test_the_command_tells_first_and_does_it_with_yes(moto_s3: S3Settings) -> None:
    async with fresh_bucket(moto_s3) as (store, settings):
        environment = consumer_environment(settings)
        references = await upload_pair(store)
        job = await announce(store, dict(references))
        told = swapdrop("forget", job, environment=environment)
        assert references["source"] in told.stdout.split()
        assert "add --yes" in told.stdout
        await store.head(references["source"])
        done = swapdrop("forget", job, "--yes", environment=environment)
        assert done.exit_code == 0, done.stderr
        left = {entry.key for entry in (await store.list("")).objects}
        assert left == {keys.status(job), f"forgotten/{job}.json"}
        missing = swapdrop("forget", f"{'0' * 32}.png", environment=environment)
        assert missing.exit_code == 1
        assert "There is no file" in missing.stderr

"""What people see of a job that they follow or that is not there, and where its result goes."""

import asyncio
import hashlib
from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from pathlib import Path
from unittest.mock import create_autospec

import pytest

from consumer.cli.jobs import download_result, ends_of
from consumer.cli.progress import ProgressReporter
from pipeline.marks.provenance import xmp_packet
from pipeline.signing.manifest import ASSERTION
from storage import keys
from storage.lease import transitions
from storage.lease.outcome import Findings
from storage.records.status import Progress, Result, Status
from storage.stores.memory_store import MemoryStore
from storage.stores.s3_settings import S3Settings
from tests.support.buckets import fresh_bucket
from tests.support.command import Ended, swapdrop
from tests.support.consumers import consumer_environment
from tests.support.requests import MARK

NOW = datetime(2026, 1, 1, tzinfo=UTC)
BODY = b"a new result" + xmp_packet(MARK)
SIDECAR = b"a new manifest, " + ASSERTION.encode()


async def test_a_job_that_is_taken_and_not_begun_is_shown_as_one_that_waits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fresh = transitions.new_record("job", now=NOW, created_at=NOW, max_attempts=3, manifest=None)
    claimed = transitions.claimed(fresh, now=NOW, owner="gpu-1", ttl_s=90)
    begun = transitions.beaten(claimed, now=NOW, stage="swap", progress=Progress())
    given_back = transitions.released(begun, now=NOW)
    ended = transitions.cancelled(given_back, now=NOW)

    async def follow(*_: object) -> AsyncGenerator[Status, None]:
        for status in (claimed, begun, given_back, ended):
            yield status

    monkeypatch.setattr("consumer.cli.jobs.follow", follow)
    reporter = create_autospec(ProgressReporter, instance=True)
    assert [status async for status in ends_of(MemoryStore(), ["job"], reporter)] == [ended]
    assert [call.args[0] for call in reporter.move.call_args_list] == [
        "waiting for a consumer",
        "taken, waits for its turn",
        "processing: swap",
        "pending: queued",
        "cancelled: queued",
    ]


async def finished(store: MemoryStore, extension: str, *, sidecar: bool = False) -> Status:
    """A job that is done, whose result has this extension."""
    key, beside = (f"{keys.result_folder('job')}1-{'a' * 24}.{each}" for each in (extension, "c2pa"))
    await store.put(key, BODY, content_type="image/png")
    await store.put(beside, SIDECAR, content_type="application/c2pa")
    result = Result(
        key=key,
        sha256=hashlib.sha256(BODY).hexdigest(),
        size=len(BODY),
        content_type="image/png",
        sidecar=beside if sidecar else None,
    )
    fresh = transitions.new_record("job", now=NOW, created_at=NOW, max_attempts=3, manifest=None)
    claimed = transitions.claimed(fresh, now=NOW, owner="me", ttl_s=90)
    status = transitions.completed(
        claimed, now=NOW, progress=Progress(), result=result, findings=Findings(), upload_ms=0
    )
    await store.put(keys.status("job"), status.to_bytes(), content_type="application/json")
    return status


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> MemoryStore:
    """What the command finds where the settings name a bucket."""
    store = MemoryStore()
    monkeypatch.setattr("consumer.cli.jobs.with_bucket", lambda work: asyncio.run(work(store)))
    return store


def fetched(output: Path, *words: str) -> Ended:
    return swapdrop("result", "job", "-o", output, *words)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


async def test_a_result_replaces_an_earlier_one_and_no_other_file_but_by_force(
    bucket: MemoryStore, tmp_path: Path
) -> None:
    await finished(bucket, "png")
    portrait = tmp_path / "portrait.png"
    portrait.write_bytes(b"the only one")
    refused = fetched(portrait)
    assert refused.exit_code == 1
    assert f"There is something else at {portrait}" in refused.stderr
    assert "(file_exists)" in refused.stderr
    assert portrait.read_bytes() == b"the only one"
    assert "name it" in fetched(tmp_path / "out.jpg").stderr
    assert names(tmp_path) == ["portrait.png"]
    (tmp_path / "out.png").write_bytes(b"an older result" + xmp_packet(MARK))
    for output, words in ((tmp_path / "out.png", []), (portrait, ["--force"])):
        assert fetched(output, *words).exit_code == 0
        assert output.read_bytes() == BODY


async def test_a_results_signature_comes_beside_it_under_its_whole_name_or_nothing_comes(
    bucket: MemoryStore, tmp_path: Path
) -> None:
    await finished(bucket, "mkv", sidecar=True)
    output, beside = tmp_path / "out.mkv", tmp_path / "out.mkv.c2pa"
    beside.write_bytes(b"mine")
    assert f"There is something else at {beside}" in fetched(output).stderr
    assert names(tmp_path) == ["out.mkv.c2pa"]
    assert beside.read_bytes() == b"mine"
    piped = fetched(Path("-"))
    assert piped.exit_code == 1
    assert not piped.stdout
    assert "signature" in piped.stderr
    for words in (["--force"], []):
        assert fetched(output, *words).exit_code == 0
        assert (output.read_bytes(), beside.read_bytes()) == (BODY, SIDECAR)


@pytest.mark.parametrize("lies_there", [SIDECAR, b"mine"])
async def test_an_unsigned_result_leaves_no_signature_of_the_one_that_it_replaces(
    bucket: MemoryStore, tmp_path: Path, lies_there: bytes
) -> None:
    """By which it would be taken for one that was changed."""
    await finished(bucket, "mkv")
    (tmp_path / "out.mkv.c2pa").write_bytes(lies_there)
    assert fetched(tmp_path / "out.mkv").exit_code == 0
    assert names(tmp_path) == ["out.mkv", *(["out.mkv.c2pa"] if lies_there == b"mine" else [])]


async def test_a_disk_that_is_full_is_told_with_the_file_that_was_to_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And not by the hidden name that it has until it is whole."""
    store = MemoryStore()
    status = await finished(store, "png")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("storage.inputs.spool.SpooledBytes._write_file", full)
    with pytest.raises(OSError, match="No space left") as told:
        await download_result(store, status, tmp_path / "out.png")
    assert told.value.filename == str(tmp_path / "out.png")


async def test_a_job_that_nobody_sent_is_told_alike_by_every_command(moto_s3: S3Settings) -> None:
    async with fresh_bucket(moto_s3) as (store, settings):
        environment = consumer_environment(settings)
        for command in ("status", "watch", "cancel", "result"):
            told = swapdrop(command, "nosuch", environment=environment)
            assert (told.exit_code, told.stderr) == (1, "There is no job nosuch in this bucket.\n"), command
        await store.put(keys.manifest("waits"), b"{}", content_type="application/json")
        told = swapdrop("result", "waits", environment=environment)
        assert "the job is not started" in told.stderr

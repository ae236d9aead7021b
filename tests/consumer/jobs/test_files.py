"""The files of a job: what is told while they come, what is kept of them, and waits for disk space."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from consumer.client.local import open_local_jobs
from consumer.config.settings import Settings
from consumer.jobs.context import JobContext
from consumer.jobs.whereabouts import JobPlace
from storage.errors import InputTooLarge
from storage.records.manifest import read_manifest
from storage.records.status import Progress, Stage
from tests.support.jobs import until

SIZES = {"small.bin": 10, "large.bin": 3000}
DISK_BYTES = 16 << 20


@pytest.fixture
def told() -> list[tuple[Stage, Progress]]:
    """What is told of the job."""
    return []


@pytest.fixture
async def context(tmp_path: Path, told: list[tuple[Stage, Progress]]) -> AsyncIterator[JobContext]:
    """A job on local files, the larger one of which is too large for memory."""
    for name, size in SIZES.items():
        (tmp_path / name).write_bytes(bytes(size))
    settings = Settings(engine="mesh", work_dir=tmp_path, max_input_bytes=1024, disk_budget_bytes=DISK_BYTES)
    manifest = read_manifest({"process_type": "detect-faces", "target": "small.bin"})
    async with (
        open_local_jobs(settings, folder=tmp_path) as jobs,
        jobs.context(
            manifest, output_id="", report=lambda stage, progress: told.append((stage, progress))
        ) as context,
    ):
        yield context


async def test_bytes_of_all_files_are_told_together_and_each_is_remembered(
    context: JobContext, told: list[tuple[Stage, Progress]]
) -> None:
    fetched = await context.fetch(*SIZES, "small.bin", limit=5000)
    assert {name: file.size for name, file in fetched.items()} == SIZES
    assert [stage for stage, _ in told] == ["download"] * 3
    assert (told[-1][1].done, told[-1][1].total, told[-1][1].unit) == (3010, 3010, "bytes")
    assert context.files.hashes == {name: hashlib.sha256(bytes(n)).hexdigest() for name, n in SIZES.items()}
    assert context.files.input_bytes == 3010
    assert "download" in context.timings.ms


async def test_a_file_above_the_limit_is_refused_and_not_remembered(context: JobContext) -> None:
    with pytest.raises(InputTooLarge):
        await context.fetch("large.bin")
    assert (context.files.hashes, context.files.input_bytes) == ({}, 0)


async def test_a_job_that_waits_for_the_disk_says_so_and_goes_on_once_there_is_room(
    context: JobContext,
) -> None:
    async with context.services.workspaces.open() as another:
        await another.reserve(DISK_BYTES)
        waiting = asyncio.create_task(context.disk(DISK_BYTES))
        await until(lambda: context.place is JobPlace.WAITING)
        another.release(DISK_BYTES)
        await waiting
    assert context.place is JobPlace.ELSEWHERE
    assert context.workspace.held_bytes == DISK_BYTES

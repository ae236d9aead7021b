"""A further kind of job is one module and one line, and then works from the bucket and on a terminal."""

import json
from pathlib import Path

import pytest

from consumer.client.local import open_local_jobs
from consumer.config.settings import Settings
from consumer.jobs.context import JobContext
from consumer.jobs.kinds import KINDS
from storage import keys
from storage.errors import InvalidManifest
from storage.lease.outcome import Output
from storage.records.manifest import read_manifest
from storage.records.status import JobWarning
from storage.stores.memory_store import MemoryStore
from tests.support.engines import FlatEngine
from tests.support.jobs import announce, ended, inbox_empty, running

TEXT = b"the quick brown fox"


# The module.
async def shout(context: JobContext) -> Output:
    """Answer with the target in capital letters; a job that nothing else here knows of."""
    target = context.manifest.target
    file = (await context.fetch(target))[target]
    context.progress.report("swap", 0, 1, unit="texts")
    async with context.memory(file.size):
        body = await context.on_device(file.read().upper)
    context.leave_device()
    context.note(warnings=[JobWarning(code="loud", message="This is loud.")])
    return Output(body=body, extension="txt", content_type="text/plain")


# The line.
WITH_SHOUT = {**KINDS, "shout": shout}


async def test_a_new_kind_works_from_the_bucket() -> None:
    store, target = MemoryStore(), keys.new_upload("txt")
    await store.put(target, TEXT, content_type="text/plain")
    job = await announce(store, {"process_type": "shout", "target": target})
    async with running(store, FlatEngine(), kinds=WITH_SHOUT):
        status = await ended(store, job)
        await inbox_empty(store)
    assert status.status == "completed", status.error
    assert status.result is not None
    assert (await store.get(status.result.key, max_bytes=100)).body == TEXT.upper()
    assert [warning.code for warning in status.warnings] == ["loud"]


async def test_a_new_kind_works_on_a_terminal(tmp_path: Path) -> None:
    (tmp_path / "fox.txt").write_bytes(TEXT)
    manifest = read_manifest(json.dumps({"process_type": "shout", "target": "fox.txt"}))
    async with (
        open_local_jobs(Settings(engine="mesh"), folder=tmp_path, kinds=WITH_SHOUT) as jobs,
        jobs.context(manifest, output_id="") as context,
    ):
        output = await context.run()
    assert output.body == TEXT.upper()
    assert [warning.code for warning in context.known.warnings] == ["loud"]


async def test_a_kind_that_nobody_does_is_refused_with_those_that_are_done(tmp_path: Path) -> None:
    manifest = read_manifest({"process_type": "whisper", "target": "fox.txt"})
    async with open_local_jobs(Settings(engine="mesh"), folder=tmp_path) as jobs:
        with pytest.raises(InvalidManifest, match=r"`whisper` is no kind of job.*`detect-faces`"):
            await jobs.context(manifest, output_id="").run()

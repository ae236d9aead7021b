"""What people see of a job that they follow, or of one that there is not."""

from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from unittest.mock import create_autospec

import pytest

from consumer.cli.jobs import ends_of
from consumer.cli.progress import ProgressReporter
from storage import keys
from storage.lease import transitions
from storage.records.status import Progress, Status
from storage.stores.memory_store import MemoryStore
from storage.stores.s3_settings import S3Settings
from tests.support.buckets import fresh_bucket
from tests.support.command import swapdrop
from tests.support.consumers import consumer_environment

NOW = datetime(2026, 1, 1, tzinfo=UTC)


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


async def test_a_job_that_nobody_sent_is_told_alike_by_every_command(moto_s3: S3Settings) -> None:
    async with fresh_bucket(moto_s3) as (store, settings):
        environment = consumer_environment(settings)
        for command in ("status", "watch", "cancel", "result"):
            told = swapdrop(command, "nosuch", environment=environment)
            assert (told.exit_code, told.stderr) == (1, "There is no job nosuch in this bucket.\n"), command
        await store.put(keys.manifest("waits"), b"{}", content_type="application/json")
        told = swapdrop("result", "waits", environment=environment)
        assert "the job is not started" in told.stderr

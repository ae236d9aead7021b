"""SIGTERM to real processes at each stage of a job: exit code 0 in time, and no job left in between.

`make soak` stops them at every stage in every way; the fast tests do so where it is quick.
"""

import asyncio
import os
import signal
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pytest

from consumer.children import python_command
from storage import keys
from storage.records.status import Status
from storage.stores.s3_settings import S3Settings
from tests.support.buckets import ended, fresh_bucket
from tests.support.consumers import consumer_environment, run_consumer
from tests.support.engines import FlatEngine
from tests.support.held_consumer import STAGES
from tests.support.jobs import drop_job, read_status, running, until

_SOAK = "SOAK" in os.environ
_FOR_EVER = 300.0
_PATIENCE_S = 60.0
_AT_THE_END = ("upload", "finish")  # a write is on its way: it cannot be known whether it will be taken
_BEFORE = tuple(stage for stage in STAGES if stage not in _AT_THE_END)

pytestmark = pytest.mark.seaweedfs
soak = pytest.mark.skipif(not _SOAK, reason="takes a minute; `make soak`")


@dataclass(frozen=True, kw_only=True)
class Stopped:
    """What became of a consumer, of its job, and of the job once another consumer had a chance at it."""

    stage: str
    exit_code: int
    status: Status | None
    later: Status


async def stopped(
    stages: Iterable[str],
    server: S3Settings,
    folder: Path,
    *,
    hold_s: float,
    signals: int = 1,
    **settings: object,
) -> list[Stopped]:
    """Stop one consumer at each stage, all at once, on buckets of their own."""
    return await asyncio.gather(
        *(
            _stopped_at(stage, server, folder, hold_s=hold_s, signals=signals, settings=settings)
            for stage in stages
        )
    )


async def _stopped_at(
    stage: str, server: S3Settings, folder: Path, *, hold_s: float, signals: int, settings: dict[str, object]
) -> Stopped:
    async with fresh_bucket(server) as (store, bucket):
        environment = consumer_environment(bucket, lease_ttl_s=4, **settings)
        job = await drop_job(store)
        exit_code = await _run_and_stop(stage, folder, environment, hold_s=hold_s, signals=signals)
        status = await read_status(store, job)
        async with running(store, FlatEngine()):
            later = await ended(store, job)
        assert not (await store.list(keys.INBOX)).objects
        return Stopped(stage=stage, exit_code=exit_code, status=status, later=later)


async def _run_and_stop(
    stage: str, folder: Path, environment: dict[str, str], *, hold_s: float, signals: int
) -> int:
    """Start a consumer, signal it at its stage, and return its exit code."""
    reached = folder / f"{stage}.reached"
    command = python_command("tests.support.held_consumer", stage, str(hold_s), str(reached))
    with run_consumer(environment, folder / f"{stage}.log", command) as consumer:
        process = consumer.process
        await until(lambda: reached.exists() or process.poll() is not None)
        for _ in range(signals):
            process.send_signal(signal.SIGTERM)
            await asyncio.sleep(0.2)
        return await asyncio.to_thread(process.wait, _PATIENCE_S)


def check_given_back(each: Stopped) -> None:
    """The consumer has ended in order, its job is as good as new, and the next consumer finishes it."""
    assert (each.stage, each.exit_code) == (each.stage, 0)
    if each.status is not None:  # else it was not even claimed
        assert (each.stage, each.status.status, each.status.lease) == (each.stage, "pending", None)
        assert each.status.max_attempts - each.status.attempt == 3
    assert (each.stage, each.later.status) == (each.stage, "completed")


@pytest.mark.parametrize(
    "stages", [("open", "decode", "swap"), pytest.param(_BEFORE, marks=soak)], ids=["some", "all"]
)
async def test_a_job_that_cannot_be_finished_is_given_back_from_every_stage(
    stages: tuple[str, ...], seaweedfs_s3: S3Settings, tmp_path: Path
) -> None:
    for each in await stopped(stages, seaweedfs_s3, tmp_path, hold_s=_FOR_EVER, drain_grace_s=0.5):
        check_given_back(each)


@pytest.mark.parametrize(
    "stages", [_AT_THE_END, pytest.param(_BEFORE[1:], marks=soak)], ids=["writes", "work"]
)
async def test_a_job_that_can_be_finished_within_the_grace_is(
    stages: tuple[str, ...], seaweedfs_s3: S3Settings, tmp_path: Path
) -> None:
    for each in await stopped(stages, seaweedfs_s3, tmp_path, hold_s=1, drain_grace_s=30):
        assert each.exit_code == 0
        assert each.status is not None
        assert (each.stage, each.status.status, each.status.attempt) == (each.stage, "completed", 1)


@soak
async def test_a_second_sigterm_gives_the_job_back_at_once_from_every_stage(
    seaweedfs_s3: S3Settings, tmp_path: Path
) -> None:
    for each in await stopped(
        _BEFORE, seaweedfs_s3, tmp_path, hold_s=_FOR_EVER, signals=2, drain_grace_s=300
    ):
        check_given_back(each)


@soak
async def test_a_write_that_hangs_does_not_keep_the_process_and_its_job_is_done_by_another(
    seaweedfs_s3: S3Settings, tmp_path: Path
) -> None:
    for each in await stopped(_AT_THE_END, seaweedfs_s3, tmp_path, hold_s=_FOR_EVER, drain_grace_s=0.5):
        assert (each.stage, each.exit_code, each.later.status) == (each.stage, 0, "completed")

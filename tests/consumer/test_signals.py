"""Real signals to a real process on a real S3 server."""

import asyncio
import signal
import subprocess
import sys
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from consumer.children import python_command
from storage.stores.port import ObjectStore
from storage.stores.s3_settings import S3Settings
from tests.support.consumers import ConsumerProcess, consumer_environment, run_consumer
from tests.support.jobs import drop_job, ended, inbox_empty, reached, read_status


def slow_consumer(
    bucket: S3Settings, folder: Path, *, swap_s: float
) -> AbstractContextManager[ConsumerProcess]:
    command = python_command("tests.support.slow_consumer", str(swap_s))
    return run_consumer(consumer_environment(bucket), folder / "log", command)


async def test_sigterm_within_a_job_finishes_it_and_exits_zero(
    bucket: S3Settings, store: ObjectStore, tmp_path: Path
) -> None:
    job = await drop_job(store)
    with slow_consumer(bucket, tmp_path, swap_s=1.0) as process:
        await reached(store, job, lambda status: status.status == "processing")
        exit_code = await asyncio.to_thread(process.terminate)
        assert exit_code == 0, process.output()
    status = await ended(store, job)
    assert (status.status, status.attempt) == ("completed", 1)
    await inbox_empty(store)


async def test_a_second_signal_gives_the_job_back_uncounted_and_exits_zero(
    bucket: S3Settings, store: ObjectStore, tmp_path: Path
) -> None:
    job = await drop_job(store)
    with slow_consumer(bucket, tmp_path, swap_s=60) as process:
        await reached(store, job, lambda status: status.status == "processing")
        process.process.send_signal(signal.SIGINT)
        exit_code = await asyncio.to_thread(process.terminate)
        assert exit_code == 0, process.output()
    status = await read_status(store, job)
    assert status is not None
    assert (status.status, status.lease) == ("pending", None)
    assert status.max_attempts - status.attempt == 3


@pytest.mark.parametrize("words", [("run",), ("run", "--devices", "cpu,cpu"), ("runpod",)], ids=" ".join)
@pytest.mark.parametrize("module", ["typer", "pydantic"])
def test_a_signal_that_comes_before_all_is_imported_ends_the_process_with_zero(
    words: tuple[str, ...], module: str
) -> None:
    with subprocess.Popen(
        [sys.executable, "-X", "importtime", "-m", "consumer", *words],
        env=consumer_environment(S3Settings(bucket="never-asked")),
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        while process.stderr.readline().rpartition("|")[2].strip() != module:
            assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
    assert process.returncode == 0

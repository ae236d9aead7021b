"""Real signals to a real process on a real S3 server."""

import asyncio
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from storage.stores.s3_settings import S3Settings
from storage.stores.s3_store import S3Store, open_s3_store
from tests.support.consumers import ConsumerProcess, consumer_environment
from tests.support.jobs import drop_job, ended, inbox_empty, reached, read_status
from tests.support.s3_servers import plain_client


@pytest.fixture
def bucket(moto_s3: S3Settings, request: pytest.FixtureRequest) -> S3Settings:
    """A bucket of the test's own: consumers empty every inbox they see."""
    name = f"signals-{abs(hash(request.node.name))}"
    plain_client(moto_s3).create_bucket(Bucket=name)
    return replace(moto_s3, bucket=name)


@pytest.fixture
async def store(bucket: S3Settings) -> AsyncGenerator[S3Store, None]:
    async with open_s3_store(bucket) as store:
        yield store


@contextmanager
def consumer(bucket: S3Settings, folder: Path, *, swap_s: float) -> Iterator[ConsumerProcess]:
    log = folder / "consumer.log"
    command = [sys.executable, "-m", "tests.support.slow_consumer", str(swap_s)]
    with log.open("wb") as sink:
        process = subprocess.Popen(
            command, env=consumer_environment(bucket), stdout=sink, stderr=subprocess.STDOUT
        )
        try:
            yield ConsumerProcess(process, log)
        finally:
            process.kill()
            process.wait(30)


async def test_sigterm_within_a_job_finishes_it_and_exits_zero(
    bucket: S3Settings, store: S3Store, tmp_path: Path
) -> None:
    job = await drop_job(store)
    with consumer(bucket, tmp_path, swap_s=1.0) as process:
        await reached(store, job, lambda status: status.status == "processing")
        exit_code = await asyncio.to_thread(process.terminate)
        assert exit_code == 0, process.output()
    status = await ended(store, job)
    assert (status.status, status.attempt) == ("completed", 1)
    await inbox_empty(store)


async def test_a_second_signal_gives_the_job_back_uncounted_and_exits_zero(
    bucket: S3Settings, store: S3Store, tmp_path: Path
) -> None:
    job = await drop_job(store)
    with consumer(bucket, tmp_path, swap_s=60) as process:
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
    bucket: S3Settings, words: tuple[str, ...], module: str
) -> None:
    with subprocess.Popen(
        [sys.executable, "-X", "importtime", "-m", "consumer", *words],
        env=consumer_environment(bucket),
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        while process.stderr.readline().rpartition("|")[2].strip() != module:
            assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
    assert process.returncode == 0

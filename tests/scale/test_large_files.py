"""A file that no memory should hold goes through a consumer, in and out; `make soak` sends ten times more."""

import hashlib
import os
import re
import signal
from pathlib import Path

import pytest

from storage import keys
from storage.records.status import Status
from storage.stores.port import ObjectStore
from storage.stores.s3_settings import S3Settings
from tests.support.buckets import drop, ended, fresh_bucket
from tests.support.consumers import consumer_environment
from tests.support.copying import files_below
from tests.support.failpoints import ForkedConsumer, forked_consumer

pytestmark = [pytest.mark.seaweedfs, pytest.mark.timeout(600)]

_LARGE_BYTES = 2_000_000_000 if "SOAK" in os.environ else 200_000_000
_SMALL_BYTES = 1_000
_MORE_BYTES = 100_000_000
_PATIENCE_S = 500


def write_noise(path: Path, size: int) -> str:
    """A file that neither a disk nor a store can make smaller; returns its sha256."""
    piece = os.urandom(1_000_000)
    digest = hashlib.sha256()
    with path.open("wb") as file:
        for number in range(-(-size // len(piece))):
            part = (number.to_bytes(8, "big") + piece)[: min(len(piece), size - number * len(piece))]
            digest.update(part)
            file.write(part)
    return digest.hexdigest()


def most_memory_bytes(consumer: ForkedConsumer) -> int:
    """The most memory that a process has ever held."""
    status = Path(f"/proc/{consumer.process.pid}/status").read_text(encoding="ascii")
    found = re.search(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE)
    assert found is not None
    return int(found[1]) * 1024


async def copied(store: ObjectStore, folder: Path, size: int) -> tuple[Status, str]:
    """Have a file of `size` copied by a consumer; returns its record and what its result must be."""
    file, target = folder / f"{size}.bin", keys.new_upload("bin")
    sha256 = write_noise(file, size)
    await store.put_file(target, file, content_type="application/octet-stream")
    file.unlink()
    job = await drop(store, None, target, process_type="copy")
    return await ended(store, job, within_s=_PATIENCE_S), sha256


async def test_a_large_file_takes_no_more_memory_than_a_small_one(
    seaweedfs_s3: S3Settings, tmp_path: Path
) -> None:
    async with fresh_bucket(seaweedfs_s3) as (store, settings):
        environment = consumer_environment(settings, poll_min_s=0.05, poll_max_s=0.1)
        with forked_consumer(environment, tmp_path / "consumer") as consumer:
            small, _ = await copied(store, tmp_path, _SMALL_BYTES)
            before = most_memory_bytes(consumer)
            large, sha256 = await copied(store, tmp_path, _LARGE_BYTES)
            after = most_memory_bytes(consumer)
            consumer.send(signal.SIGTERM)
            assert await consumer.exit_code() == 0, consumer.output()
        for status in (small, large):
            assert status.status == "completed", status.error
            assert status.result is not None
            await store.delete([status.result.key])
        assert large.result is not None
        assert (large.result.size, large.result.sha256) == (_LARGE_BYTES, sha256)
        assert after - before <= _MORE_BYTES
        assert not files_below(consumer.temp)

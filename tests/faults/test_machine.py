"""Consumers on machines that have run out: no byte of disk, no memory."""

import signal
from pathlib import Path

import pytest

from storage import keys
from storage.stores.s3_settings import S3Settings
from tests.support.buckets import fresh_bucket, keys_below
from tests.support.consumers import consumer_environment
from tests.support.copying import files_below
from tests.support.engines import FlatEngine, picture, png
from tests.support.failpoints import Conditions, forked_consumer
from tests.support.jobs import drop_job, ended, inbox_empty, reached, running

pytestmark = pytest.mark.seaweedfs

_QUICK = {"settle_s": 0, "poll_min_s": 0.05, "poll_max_s": 0.1}
_MIB = 2**20


async def test_a_disk_that_takes_no_byte_costs_no_picture_job(
    seaweedfs_s3: S3Settings, tmp_path: Path
) -> None:
    async with fresh_bucket(seaweedfs_s3) as (store, settings):
        job = await drop_job(store)
        environment = consumer_environment(settings, **_QUICK)
        with forked_consumer(environment, tmp_path, Conditions(may_write_files=False)) as consumer:
            status = await ended(store, job)
            await inbox_empty(store)
            consumer.send(signal.SIGTERM)
            assert await consumer.exit_code() == 0
            assert not files_below(consumer.temp)
    assert (status.status, status.attempt) == ("completed", 1)


async def test_a_picture_too_large_for_this_machines_memory_is_left_to_a_larger_one(
    seaweedfs_s3: S3Settings, tmp_path: Path
) -> None:
    huge = png(picture(6000, 6000))  # a few KB on the way, more than 100 MB in memory
    async with fresh_bucket(seaweedfs_s3) as (store, settings):
        job = await drop_job(store, target=huge)
        environment = consumer_environment(settings, **_QUICK)
        small = Conditions(max_memory_bytes=350 * _MIB)
        with forked_consumer(environment, tmp_path, small) as consumer:
            status = await reached(store, job, lambda status: status.error is not None)
            assert status.error is not None
            assert "memory" in status.error.message
            follower = await drop_job(store)
            assert (await ended(store, follower)).status == "completed"  # it lives, and works on
            consumer.send(signal.SIGTERM)
            assert await consumer.exit_code() == 0, consumer.output()
            assert not files_below(consumer.temp)
        async with running(store, FlatEngine(), **_QUICK):
            status = await ended(store, job)
            await inbox_empty(store)
        assert (status.status, status.result is not None) == ("completed", True)
        assert len(await keys_below(store, keys.RESULTS)) == 2

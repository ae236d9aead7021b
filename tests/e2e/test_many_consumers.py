"""Several real consumers on one bucket: nothing done twice, nothing lost, whoever dies."""

import asyncio
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

from consumer.children import python_command
from storage import keys
from storage.stores.s3_store import S3Settings
from tests.support.buckets import (
    ASTRONAUT,
    HOPPER,
    all_ended,
    drop,
    ended,
    fresh_bucket,
    inbox_is_empty,
    keys_below,
    upload,
    wait_for_stage,
)
from tests.support.consumers import consumer_environment, run_consumer
from tests.support.jobs import announce, upload_pair

JOBS = 200


async def test_two_consumers_do_200_jobs_once_each(seaweedfs_s3: S3Settings, tmp_path: Path) -> None:
    async with fresh_bucket(seaweedfs_s3) as (store, settings):
        jobs = [await announce(store, pair) for pair in [await upload_pair(store)] * JOBS]
        with ExitStack() as stack:
            environment = consumer_environment(settings)
            # Who does a job is decided before it is swapped, so the engine may be one that takes no time.
            command = python_command("tests.support.slow_consumer", "0")
            consumers = [
                stack.enter_context(run_consumer(environment, tmp_path / f"log{number}", command))
                for number in range(2)
            ]
            statuses = await all_ended(store, jobs)
            assert await inbox_is_empty(store)
            assert [consumer.terminate() for consumer in consumers] == [0, 0]
        assert Counter(status.status for status in statuses) == {"completed": JOBS}
        assert {status.attempt for status in statuses} == {1}
        results = await keys_below(store, keys.RESULTS)
        assert sorted(results) == sorted(status.result.key for status in statuses if status.result)
        shares = [
            sum(line["ending"] == "finished" for line in consumer.events("job")) for consumer in consumers
        ]
        assert sum(shares) == JOBS
        assert min(shares) > 0


async def test_a_killed_consumers_job_is_finished_by_another(
    seaweedfs_s3: S3Settings, tmp_path: Path
) -> None:
    async with fresh_bucket(seaweedfs_s3) as (store, settings):
        source = await upload(store, ASTRONAUT)
        late = keys.new_upload("jpg")
        job = await drop(store, source, late)
        environment = consumer_environment(settings, lease_ttl_s=3)
        with run_consumer(environment, tmp_path / "killed") as consumer:
            # It waits for its input with the lease in hand, which is where it dies.
            first = await wait_for_stage(store, job, "processing")
            consumer.kill()
        assert first.lease is not None
        await store.put(late, HOPPER, content_type="image/jpeg")
        with run_consumer(environment, tmp_path / "heir") as heir:
            status = await ended(store, job)
            assert status.status == "completed", status.error
            assert status.attempt == 2
            assert status.error is None
            assert await inbox_is_empty(store)
            assert heir.terminate() == 0
        assert status.result is not None
        assert await keys_below(store, keys.RESULTS) == [status.result.key]


async def test_a_drained_consumer_gives_its_waiting_job_back_uncounted(
    seaweedfs_s3: S3Settings, tmp_path: Path
) -> None:
    async with fresh_bucket(seaweedfs_s3) as (store, settings):
        late = keys.new_upload("jpg")
        job = await drop(store, await upload(store, ASTRONAUT), late)
        environment = consumer_environment(settings, drain_grace_s=0.5)
        with run_consumer(environment, tmp_path / "drained") as consumer:
            await wait_for_stage(store, job, "processing")
            assert await asyncio.to_thread(consumer.terminate) == 0
        await wait_for_stage(store, job, "pending", within_s=1)
        await store.put(late, HOPPER, content_type="image/jpeg")
        with run_consumer(environment, tmp_path / "heir"):
            status = await ended(store, job)
        assert status.status == "completed"
        assert status.max_attempts - status.attempt >= 2

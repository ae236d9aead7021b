"""Real consumers fed by real queues: each job once, whatever the queue repeats or loses."""

import asyncio
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from storage import keys
from storage.stores.port import ObjectStore
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
)
from tests.support.cloudflare_queue import TOKEN, cloudflare_queue
from tests.support.consumers import ConsumerProcess, consumer_environment, run_consumer
from tests.support.sqs_queues import CREDENTIALS, sqs_queue

JOBS = 6
NEVER_S = 3600
LOST_IS_FOUND_S = 2


def finished(consumer: ConsumerProcess) -> Counter[str]:
    """How often each job was worked on to its end."""
    return Counter(line["job_id"] for line in consumer.events("job"))


async def messages_gone(left: Callable[[], int]) -> None:
    """Wait longer than a message rests that could not be dealt with at once."""
    async with asyncio.timeout(60):
        while await asyncio.to_thread(left):  # noqa: ASYNC110 -- what is waited for has no event
            await asyncio.sleep(0.1)


async def small_pair(store: ObjectStore) -> tuple[str, str]:
    return await upload(store, ASTRONAUT), await upload(store, HOPPER, "jpg")


async def test_s3_events_of_the_inbox_through_sqs_start_jobs_once(
    moto_s3: S3Settings, tmp_path: Path
) -> None:
    with sqs_queue(moto_s3) as queue:
        async with fresh_bucket(moto_s3) as (store, settings):
            await asyncio.to_thread(queue.announce_inbox, settings)
            source, target = await small_pair(store)
            environment = consumer_environment(settings, queue=queue.url, sweep_s=NEVER_S, lease_ttl_s=3)
            with run_consumer(environment | CREDENTIALS, tmp_path / "log") as consumer:
                jobs = [await drop(store, source, target) for _ in range(JOBS)]
                for job in jobs[:3]:
                    record = {"bucket": {"name": settings.bucket}, "object": {"key": keys.manifest(job)}}
                    queue.send({"Records": [{"eventName": "ObjectCreated:Put", "s3": record}]})
                raw = {"job_id": "raw", "process_type": "single-image", "source": source, "target": target}
                queue.send(raw)
                for name, key in (("source", source), ("target", target)):
                    await store.copy(key, f"{keys.INBOX}us & them/{name}.png", size=0)
                statuses = await all_ended(store, [*jobs, "raw"])
                assert Counter(status.status for status in statuses) == {"completed": JOBS + 1}
                assert await inbox_is_empty(store)
                await messages_gone(queue.left)
                assert await asyncio.to_thread(consumer.terminate) == 0
            assert len(finished(consumer)) == JOBS + 2
            assert set(finished(consumer).values()) == {1}
            assert len(await keys_below(store, keys.RESULTS)) == JOBS + 2
            assert queue.dead() == []


async def test_r2_events_through_a_cloudflare_queue_start_jobs_and_the_sweep_finds_lost_ones(
    moto_s3: S3Settings, tmp_path: Path
) -> None:
    async with cloudflare_queue() as queue, fresh_bucket(moto_s3) as (store, settings):
        source, target = await small_pair(store)
        wanted = {"queue": queue.url, "queue_token": TOKEN, "sweep_s": LOST_IS_FOUND_S, "lease_ttl_s": 3}
        environment = consumer_environment(settings, **wanted)
        with run_consumer(environment, tmp_path / "log") as consumer:
            jobs = [await drop(store, source, target) for _ in range(JOBS)]
            for job in [*jobs[: JOBS // 2], *jobs[:2]]:
                event = {
                    "action": "PutObject",
                    "bucket": settings.bucket,
                    "object": {"key": keys.manifest(job)},
                }
                queue.send(event, "json")
            statuses = await all_ended(store, jobs)
            assert Counter(status.status for status in statuses) == {"completed": JOBS}
            assert await inbox_is_empty(store)
            await messages_gone(lambda: len(queue.messages))
            queue.failures = [(503, {})] * 1000
            late = await drop(store, source, target)
            assert (await ended(store, late)).status == "completed"
            assert await asyncio.to_thread(consumer.terminate) == 0
        assert finished(consumer) == Counter([*jobs, late])
        assert len(await keys_below(store, keys.RESULTS)) == JOBS + 1
        assert TOKEN not in consumer.output()
        assert "queue_unreachable" in consumer.output()

"""Consumers that stop past their lease and come back, or whose heartbeats no longer get through."""

import asyncio
import json
import signal
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from pipeline.media.pictures.decode import Limits, decode
from storage import keys
from storage.records.status import Status
from storage.stores.port import ObjectStore
from storage.stores.s3_settings import S3Settings
from tests.support.buckets import fresh_bucket, keys_below
from tests.support.consumers import consumer_environment
from tests.support.engines import FlatEngine, picture
from tests.support.failpoints import Conditions, Failpoint, ForkedConsumer, forked_consumer
from tests.support.fault_proxy import Delay, Rule, fault_proxy
from tests.support.jobs import SOURCE_BGR, drop_job, ended, inbox_empty, reached, read_status, running

pytestmark = pytest.mark.seaweedfs

_HEIR = {"lease_ttl_s": 20, "settle_s": 0, "poll_min_s": 0.05, "poll_max_s": 0.1}
_OWNER = {**_HEIR, "lease_ttl_s": 2}  # soon over, and yet long enough for a busy machine
STOPS = {
    "before the result": Failpoint(op="put", key=keys.RESULTS, when="before", do="stop"),
    "between the result and the finish": Failpoint(op="put", key=keys.RESULTS, when="after", do="stop"),
    "before the finish": Failpoint(op="put", key=keys.STATUS, nth=2, when="before", do="stop"),
    "before the inbox is cleared": Failpoint(op="delete", key=keys.INBOX, when="before", do="stop"),
}


@dataclass(frozen=True, kw_only=True)
class Ended:
    """A record as it lies in the bucket, to the byte, and the result it names."""

    record: bytes
    result: bytes

    @property
    def status(self) -> Status:
        return Status.from_bytes(self.record)


async def what_stands(store: ObjectStore, job: str) -> Ended:
    record = (await store.get(keys.status(job), max_bytes=1 << 20)).body
    result = Status.from_bytes(record).result
    assert result is not None
    return Ended(record=record, result=(await store.get(result.key, max_bytes=1 << 20)).body)


async def left(consumer: ForkedConsumer, job: str) -> dict[str, object]:
    """Wait for the canonical line with which a consumer leaves a job."""
    async with asyncio.timeout(60):
        while True:
            for line in consumer.output().splitlines():
                said = json.loads(line) if line.startswith("{") else {}
                if said.get("event") == "job" and said.get("job_id") == job:
                    return dict(said)
            await asyncio.sleep(0.05)


@pytest.mark.parametrize(
    "where",
    [
        pytest.param("before the result", marks=pytest.mark.faults),
        "between the result and the finish",
        "before the finish",
        pytest.param("before the inbox is cleared", marks=pytest.mark.faults),
    ],
)
async def test_a_zombie_changes_nothing_of_what_its_heir_has_ended(
    where: str, seaweedfs_s3: S3Settings, tmp_path: Path
) -> None:
    expected = picture()
    expected[10:34, 20:44] = SOURCE_BGR
    async with fresh_bucket(seaweedfs_s3) as (store, settings):
        job = await drop_job(store)
        environment = consumer_environment(settings, **_OWNER)
        with forked_consumer(environment, tmp_path, Conditions(failpoint=STOPS[where])) as zombie:
            await zombie.struck()
            async with running(store, FlatEngine(), **_HEIR):
                await ended(store, job)
                await inbox_empty(store)
            before = await what_stands(store, job)
            zombie.send(signal.SIGCONT)
            said = await left(zombie, job)
            follower = await drop_job(store)
            assert (await ended(store, follower)).status == "completed"  # it lives, and works on
            zombie.send(signal.SIGTERM)
            assert await zombie.exit_code() == 0, zombie.output()
        assert await what_stands(store, job) == before
        assert np.array_equal(decode(before.result, Limits()).bgr, expected)
        if where == "before the inbox is cleared":
            assert (before.status.attempt, said["ending"]) == (1, "finished")
            return
        assert (before.status.attempt, said["ending"], said["reason"]) == (2, "abandoned", "lost")
        assert before.status.result is not None
        assert "/2-" in before.status.result.key


async def test_an_owner_whose_heartbeats_do_not_get_through_gives_up_before_another_begins(
    seaweedfs_s3: S3Settings, tmp_path: Path
) -> None:
    async with fresh_bucket(seaweedfs_s3) as (store, settings), fault_proxy(settings) as proxy:
        job = await drop_job(store)
        proxy.rules.append(Rule(do=Delay(60), op="put", key=f"{keys.STATUS}*", nth=2, count=None))
        environment = consumer_environment(proxy.settings, **{**_OWNER, "lease_ttl_s": 3})
        with forked_consumer(environment, tmp_path, Conditions(swap_s=8)) as owner:
            claimed = await reached(store, job, lambda status: status.status == "processing")
            async with running(store, FlatEngine(), **_HEIR):
                said = await left(owner, job)
                stood = await read_status(store, job)
                status = await ended(store, job)
                await inbox_empty(store)
        assert (said["ending"], said["reason"]) == ("abandoned", "lost")
        assert stood == claimed  # nobody else had begun when it gave up
        assert (status.status, status.attempt) == ("completed", 2)
        assert not proxy.seen("put", f"{keys.RESULTS}*")
        [result] = await keys_below(store, keys.RESULTS)
        assert result.startswith(f"{keys.result_folder(job)}2-")


@pytest.mark.faults
async def test_wall_clocks_ten_minutes_apart_neither_steal_nor_strand_a_job(
    seaweedfs_s3: S3Settings, tmp_path: Path
) -> None:
    async with fresh_bucket(seaweedfs_s3) as (store, settings):
        environment = consumer_environment(settings, **{**_OWNER, "lease_ttl_s": 3})
        slow = Conditions(wall_offset_s=-600, swap_s=7)
        fast = Conditions(wall_offset_s=600)
        job = await drop_job(store)
        with forked_consumer(environment, tmp_path / "slow", slow) as owner:
            await reached(store, job, lambda status: status.status == "processing")
            with forked_consumer(environment, tmp_path / "fast", fast) as other:
                assert (await ended(store, job)).attempt == 1  # alive for two leases, and not robbed
                second = await drop_job(store)
                await reached(store, second, lambda status: status.status != "pending")
                owner.send(signal.SIGKILL)
                status = await ended(store, second)
                await inbox_empty(store)
                other.send(signal.SIGTERM)
                assert await other.exit_code() == 0
        assert status.status == "completed"
        assert status.attempt <= 2

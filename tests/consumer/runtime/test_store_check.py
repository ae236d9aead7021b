"""A consumer finds out by itself, before its first job, whether the store can be worked with."""

import asyncio
from pathlib import Path

import pytest

from consumer.app import EXIT_DRAINED, EXIT_SICK, Consumer
from consumer.runtime.store_check import StoreCheck
from storage import keys
from storage.errors import StoreDenied
from storage.stores.memory_store import MemoryStore
from storage.stores.s3_settings import S3Settings
from tests.support.buckets import fresh_bucket, keys_below
from tests.support.engines import FlatEngine, OneEngine
from tests.support.fault_proxy import BROKEN, Rule, Unconditional, fault_proxy
from tests.support.jobs import drop_job, inbox_empty, quick_settings, until
from tests.support.stores import Fault, FaultStore


def consumer_of(s3: S3Settings, cache: Path) -> Consumer:
    settings = quick_settings(
        bucket=s3.bucket,
        endpoint_url=s3.endpoint_url,
        access_key_id=s3.access_key_id,
        secret_access_key=s3.secret_access_key,
        cache_dir=cache,
    )
    return Consumer(settings, registry=OneEngine(FlatEngine), listen_to_signals=False)


async def test_a_consumer_refuses_to_work_on_a_store_that_ignores_conditions(
    moto_s3: S3Settings, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    async with (
        fresh_bucket(moto_s3) as (store, settings),
        fault_proxy(settings, [Rule(do=Unconditional(), op="put", count=None)]) as proxy,
    ):
        await drop_job(store)
        consumer = consumer_of(proxy.settings, tmp_path)
        assert await asyncio.wait_for(consumer.run(), 30) == EXIT_SICK
        assert await keys_below(store, keys.STATUS) == []
        assert await keys_below(store, "scratch/") == []
        assert "ignores If-Match and If-None-Match" in consumer.health().message
        said = capfd.readouterr().out
        assert "store_unusable" in said
        assert settings.bucket in said
        assert len(proxy.calls) == 7


async def test_a_store_that_is_away_at_the_start_is_waited_for(moto_s3: S3Settings, tmp_path: Path) -> None:
    async with (
        fresh_bucket(moto_s3) as (store, settings),
        fault_proxy(settings, [Rule(do=BROKEN, count=9)]) as proxy,
    ):
        await drop_job(store)
        consumer = consumer_of(proxy.settings, tmp_path)
        running = asyncio.create_task(consumer.run())
        await until(lambda: "answers with an error (HTTP 500, InternalError)" in consumer.health().message)
        await inbox_empty(store)
        assert consumer.health().ready
        consumer.stop()
        assert await running == EXIT_DRAINED


async def test_a_consumer_that_waits_for_its_store_can_be_stopped(
    moto_s3: S3Settings, tmp_path: Path
) -> None:
    async with fault_proxy(moto_s3, [Rule(do=BROKEN, count=None)]) as proxy:
        consumer = consumer_of(proxy.settings, tmp_path)
        running = asyncio.create_task(consumer.run())
        await until(lambda: "answers with an error (HTTP 500, InternalError)" in consumer.health().message)
        consumer.stop()
        assert await asyncio.wait_for(running, 30) == EXIT_DRAINED


async def test_why_a_store_refuses_is_told_until_it_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("consumer.runtime.store_check._FIRST_WAIT_S", 0.2)
    store = FaultStore(MemoryStore(), [Fault(op="put", nth=1, error=StoreDenied())])
    check = StoreCheck(store, "lab", key_pause_s=0)
    passing = asyncio.create_task(check.passed())
    await until(lambda: "refused these credentials" in (check.problem or ""))
    assert await passing
    assert check.problem is None

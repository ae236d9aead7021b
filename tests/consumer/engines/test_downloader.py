"""Waiting for model files: it never gives up, never tells the same twice, and lets go when told to."""

import asyncio
import threading
import time
from collections.abc import Iterator

import pytest
import structlog

from consumer.devices.worker import WorkerThread
from consumer.engines.downloader import ModelDownloader
from consumer.engines.pool import EnginePool
from models.errors import ModelMissing, ModelUnavailable
from models.store.download import DownloadProgress
from tests.support.engines import Cupboard, FlatEngine
from tests.support.jobs import until

SOON_S = 0.01


def no_download(_progress: DownloadProgress) -> None: ...


@pytest.fixture
def registry() -> Cupboard:
    return Cupboard()


@pytest.fixture
def pool(registry: Cupboard) -> Iterator[EnginePool]:
    device = WorkerThread(name="device-0")
    yield EnginePool(registry, device)
    device.close()


async def test_it_looks_until_the_engine_is_there_and_then_ends(registry: Cupboard, pool: EnginePool) -> None:
    running = asyncio.create_task(ModelDownloader(pool, no_download, retry_s=SOON_S).run())
    await until(lambda: registry.polls > 3)
    registry.put("auto", FlatEngine, fallback=True)
    await until(lambda: pool.info is not None)
    assert not running.done()
    registry.put("auto", FlatEngine)
    await asyncio.wait_for(running, 30)


@pytest.mark.parametrize(
    "error", [ModelUnavailable(), OSError("stale file handle")], ids=["known", "unforeseen"]
)
async def test_a_look_that_fails_is_told_once_and_never_ends_it(
    registry: Cupboard, pool: EnginePool, error: Exception
) -> None:
    registry.holds["auto"] = error
    with structlog.testing.capture_logs() as lines:
        running = asyncio.create_task(ModelDownloader(pool, no_download, retry_s=SOON_S).run())
        await until(lambda: registry.polls > 3)
        registry.put("auto", FlatEngine)
        await asyncio.wait_for(running, 30)
    assert len([line for line in lines if line["event"] == "model_unavailable"]) == 1


async def test_a_download_that_fails_is_tried_again_and_each_reason_told_once(pool: EnginePool) -> None:
    reasons = ["no network", "no network", "disk full", "no network"]
    left = reasons.copy()

    def fail(_progress: DownloadProgress) -> None:
        raise ModelMissing(left.pop(0) if left else "no network")

    with structlog.testing.capture_logs() as lines:
        running = asyncio.create_task(ModelDownloader(pool, fail, retry_s=SOON_S).run())
        await until(lambda: not left)
        running.cancel()
    told = [line["reason"] for line in lines if line["event"] == "model_unavailable"]
    assert sorted(told) == sorted({*reasons, "The model file face.onnx is missing."})


async def test_looking_goes_on_while_a_download_takes_its_time_and_a_drain_ends_both(
    registry: Cupboard, pool: EnginePool
) -> None:
    over = threading.Event()

    def endless(progress: DownloadProgress) -> None:
        done = 0
        try:
            while True:
                progress.advance("face.onnx", done, 100_000_000)
                done += 1_000_000
                time.sleep(SOON_S)
        finally:
            over.set()

    keeping = ModelDownloader(pool, endless, retry_s=SOON_S)
    running = asyncio.create_task(keeping.run())
    await until(lambda: registry.polls > 3)
    assert keeping.downloading is not None
    assert "face.onnx is being downloaded" in keeping.downloading
    assert "of 100 MB" in keeping.downloading
    running.cancel()
    await until(over.is_set)
    with pytest.raises(asyncio.CancelledError):
        await running

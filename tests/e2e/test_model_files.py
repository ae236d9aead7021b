"""A consumer whose model files are not here yet, for real: processes, a bucket, health over HTTP."""

import asyncio
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
import pytest

from consumer.telemetry.health import wait_until_ready
from models.embedded import HAND_FILES, embedded_weights
from pipeline.media.pictures.decode import Limits, decode
from storage.stores.port import ObjectStore
from storage.stores.s3_settings import S3Settings
from tests.support.buckets import ASTRONAUT, HOPPER, drop, ended, fresh_bucket, upload
from tests.support.consumers import consumer_environment, run_consumer
from tests.support.engines import picture, png
from tests.support.model_files import ENGINE, SWAPPER, OwnModels
from tests.support.ports import free_port

BOX = (240, 200, 160, 200)
SOURCE = png(picture(640, 640, colour=(40, 160, 90), faces=(BOX,)))
TARGET = png(picture(640, 640, colour=(10, 20, 200), faces=(BOX,)))


@pytest.fixture
def own(tmp_path: Path, inswapper_files: dict[str, Path]) -> OwnModels:
    return OwnModels(tmp_path, inswapper_files)


async def ask(url: str, path: str) -> tuple[int, dict[str, Any]]:
    async with aiohttp.ClientSession(trust_env=False) as session, session.get(f"{url}{path}") as answer:
        return answer.status, await answer.json()


async def answering(url: str, word: str, *, of: str = "message") -> dict[str, Any]:
    """Wait until the health's field `of` holds `word`; raises TimeoutError."""
    async with asyncio.timeout(30):
        while True:
            try:
                _, body = await ask(url, "/healthz")
            except aiohttp.ClientError:
                body = {}
            if word in str(body.get(of)):
                return body
            await asyncio.sleep(0.05)


async def drop_rectangles(store: ObjectStore) -> str:
    """A job whose result shows the network's own colours: correction would bring plain areas back."""
    options = {"color_correction": False}
    return await drop(store, await upload(store, SOURCE), await upload(store, TARGET), options=options)


async def test_without_models_it_lives_names_the_file_and_is_ready_soon_after_the_file_is_there(
    seaweedfs_s3: S3Settings, own: OwnModels, tmp_path: Path
) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    async with fresh_bucket(seaweedfs_s3) as (store, settings):
        environment = consumer_environment(
            settings, **own.settings, engine="inswapper", models_retry_s=0.3, health_port=port
        )
        with run_consumer(environment, tmp_path / "log") as consumer:
            await answering(url, SWAPPER)
            alive, _ = await ask(url, "/healthz")
            ready, body = await ask(url, "/readyz")
            assert (alive, ready, body["status"], body["engine"]) == (200, 503, "degraded", None)
            assert "`swapdrop models pull inswapper_128_fp16` gets them all" in body["message"]
            assert set(body["missing_files"]) == set(ENGINE)
            assert body["missing_files"][SWAPPER][0].startswith(str(own.models_dir))

            needs_it = await drop_rectangles(store)
            portraits = await upload(store, ASTRONAUT), await upload(store, HOPPER, "jpg")
            does_not = await drop(store, *portraits, options={"engine": "mesh"})
            refused, done = await ended(store, needs_it), await ended(store, does_not)
            assert refused.error is not None
            assert (refused.error.code, refused.attempt) == ("model_unavailable", 1)
            assert SWAPPER in refused.error.message
            assert str(tmp_path) not in refused.error.message
            assert (done.status, done.engine and done.engine.name) == ("completed", "mesh")

            own.bring()
            await wait_until_ready(url)
            status = await ended(store, await drop_rectangles(store))
            assert status.engine is not None
            assert status.engine.name == "inswapper_128_fp16"
            made_with = {name: own.sha256(name) for name in ENGINE} | embedded_weights(HAND_FILES)
            assert status.engine.models == made_with
            assert status.result is not None
            assert await changed_where(store, status.result.key) == "in the box only"
            assert consumer.terminate() == 0
    assert consumer.output().count('"event": "model_unavailable"') == 1
    assert "Traceback" not in consumer.output()


async def test_missing_models_come_out_of_the_operators_bucket_by_themselves(
    seaweedfs_s3: S3Settings, own: OwnModels, tmp_path: Path
) -> None:
    port = free_port()
    async with fresh_bucket(seaweedfs_s3) as (store, settings):
        for name in ENGINE:
            body = own.paths[name].read_bytes()
            await store.put(f"models/{name}", body, content_type="application/octet-stream")
        environment = consumer_environment(
            settings,
            **{**own.settings, "offline": False},
            engine="auto",
            models_retry_s=0.3,
            health_port=port,
        )
        with run_consumer(environment, tmp_path / "log") as consumer:
            url = f"http://127.0.0.1:{port}"
            await wait_until_ready(url)  # with mesh, until then
            await answering(url, "inswapper_128_fp16", of="engine")
            status = await ended(store, await drop_rectangles(store))
            assert (status.status, status.engine and status.engine.name) == (
                "completed",
                "inswapper_128_fp16",
            )
            assert consumer.terminate() == 0
    assert {path.name for path in own.models_dir.rglob("*.onnx")} == set(ENGINE)


async def changed_where(store: ObjectStore, key: str) -> str:
    """Where a result differs from its target."""
    after = decode((await store.get(key, max_bytes=10**7)).body, Limits()).bgr
    changed = (after != decode(TARGET, Limits()).bgr).any(axis=2)
    x, y, width, height = BOX
    inside = changed[y : y + height, x : x + width].mean()
    around = np.array(changed)
    around[y - height : y + 2 * height, x - width : x + 2 * width] = False
    return "in the box only" if inside > 0.5 and not around.any() else f"{inside:.0%} of the box and beyond"

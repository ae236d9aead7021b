"""The main job, for real: a consumer process, a bucket over HTTP, real models, real files."""

import json
from pathlib import Path

import numpy as np

from pipeline.media.pictures.decode import Limits, decode
from storage import keys
from storage.records.status import Status
from storage.stores.port import ObjectStore
from storage.stores.s3_store import S3Settings
from tests.support.buckets import (
    ASTRONAUT,
    HOPPER,
    drop,
    ended,
    fresh_bucket,
    inbox_is_empty,
    keys_below,
    upload,
)
from tests.support.consumers import consumer_environment, run_consumer
from tests.support.faces import scaled
from tests.support.pictures import png, save, scene, to_image
from tests.support.scenes import grid, tiles

FACELESS = save(to_image(scene(320, 240)), "PNG")
BOMB = png((65_000, 65_000), depth=8, colour=2, rows=b"\0" * 195_001)


async def result_of(store: ObjectStore, status: Status) -> bytes:
    assert status.result is not None, status.error
    stored = await store.get(status.result.key, max_bytes=status.result.size)
    return stored.body


async def test_a_swap_changes_the_face_and_nothing_else_in_both_directions(
    seaweedfs_s3: S3Settings, tmp_path: Path
) -> None:
    async with fresh_bucket(seaweedfs_s3) as (store, settings):
        astronaut, hopper = await upload(store, ASTRONAUT), await upload(store, HOPPER, "jpg")
        jobs = [
            (await drop(store, hopper, astronaut), ASTRONAUT),
            (await drop(store, astronaut, hopper, options={"output_format": "png"}), HOPPER),
        ]
        with run_consumer(consumer_environment(settings), tmp_path / "log") as consumer:
            for job_id, target in jobs:
                status = await ended(store, job_id)
                before = decode(target, Limits()).bgr
                after = decode(await result_of(store, status), Limits()).bgr
                assert status.faces is not None
                (face,) = status.faces
                assert face.swapped
                assert face.similarity is not None
                assert face.similarity.to_source < face.similarity.source_to_target_before
                x, y, width, height = (round(value) for value in face.box)
                changed = (before != after).any(axis=2)
                assert changed[y : y + height, x : x + width].mean() > 0.5
                margin = round(0.15 * max(width, height))
                changed[y - margin : y + height + margin, x - margin : x + width + margin] = False
                assert not changed.any()
            assert await inbox_is_empty(store)
            assert consumer.terminate() == 0


async def test_a_dropped_folder_becomes_a_job_and_is_archived(
    seaweedfs_s3: S3Settings, tmp_path: Path
) -> None:
    async with fresh_bucket(seaweedfs_s3) as (store, settings):
        await store.put("inbox/holiday/face.png", ASTRONAUT, content_type="image/png")
        await store.put("inbox/holiday/media.jpg", HOPPER, content_type="image/jpeg")
        await store.put(
            "inbox/holiday/options.json", b'{"many_faces": true}', content_type="application/json"
        )
        with run_consumer(consumer_environment(settings), tmp_path / "log"):
            assert await inbox_is_empty(store, within_s=40)
        (key,) = await keys_below(store, keys.STATUS)
        status = await ended(store, key.removeprefix(keys.STATUS).removesuffix(".json"))
        assert status.status == "completed"
        assert status.job_id.startswith("holiday-")
        assert status.manifest is not None
        assert status.manifest["options"]["many_faces"] is True
        archived = await keys_below(store, keys.ARCHIVE)
        assert [name.rpartition("/")[2] for name in archived] == ["face.png", "media.jpg", "options.json"]
        assert np.array_equal(
            decode((await store.get(archived[0], max_bytes=10**7)).body, Limits()).bgr,
            decode(ASTRONAUT, Limits()).bgr,
        )


async def test_faces_are_detected_chosen_and_swapped_each_with_its_own_source(
    seaweedfs_s3: S3Settings, tmp_path: Path
) -> None:
    """Detect six people, then name two of them by that detection in a target of half the size."""
    six = grid(tiles(), 3)
    async with fresh_bucket(seaweedfs_s3) as (store, settings):
        target = await upload(store, save(to_image(six), "PNG"))
        half = await upload(store, save(to_image(scaled(six, 0.5)), "JPEG", quality=80), "jpg")
        astronaut, hopper = await upload(store, ASTRONAUT), await upload(store, HOPPER, "jpg")
        with run_consumer(consumer_environment(settings), tmp_path / "log") as consumer:
            detect = await drop(store, None, target, process_type="detect-faces")
            detected = await ended(store, detect)
            found = json.loads(await result_of(store, detected))
            assert (found["total_faces"], found["faces"][5]["position_description"]) == (6, "bottom right")
            swap = await drop(
                store,
                None,
                half,
                process_type="multi-image",
                face_mappings={"face_5": astronaut, "face_0": hopper},
                detection=detected.result.key if detected.result else None,
            )
            status = await ended(store, swap)
            assert status.faces is not None, status.error
            assert [face.source for face in status.faces] == ["face_0", None, None, None, None, "face_5"]
            for face in status.faces:
                assert face.swapped is (face.source is not None)
                if face.similarity is not None:
                    assert face.similarity.to_source < face.similarity.source_to_target_before
            assert status.result is not None
            assert (status.result.content_type, status.result.faces_swapped) == ("image/jpeg", 2)
            assert await inbox_is_empty(store)
            assert consumer.terminate() == 0


async def test_bad_jobs_fail_with_their_code_and_the_next_job_runs(
    seaweedfs_s3: S3Settings, tmp_path: Path
) -> None:
    async with fresh_bucket(seaweedfs_s3) as (store, settings):
        good = await upload(store, ASTRONAUT)
        expected = {
            await drop(store, good, await upload(store, FACELESS)): ("no_face_in_target", "face"),
            await drop(store, await upload(store, FACELESS), good): ("no_face_in_source", "face"),
            await drop(store, good, await upload(store, BOMB)): ("input_too_large", "65000 x 65000"),
            await drop(store, good, await upload(store, ASTRONAUT[:-5000])): ("media_corrupt", "damaged"),
            await drop(store, good, await upload(store, b"<html>no</html>")): ("unsupported_media", "HTML"),
            await drop(store, good, "uploads/00000000000000000000000000000000.png"): (
                "input_not_found",
                "uploads/",
            ),
            await drop(store, good, "https://127.0.0.1/target.png"): ("input_forbidden", "127.0.0.1"),
            await drop(store, good, "http://example.com/target.png"): ("input_forbidden", "https"),
            await drop(store, good, "../etc/passwd"): ("input_forbidden", ""),
            await drop(store, good, good, options={"sharpness": 3}): ("invalid_manifest", "sharpness"),
            await drop(store, good, good, process_type="single-movie"): ("invalid_manifest", ""),
        }
        misnamed = await drop(store, good, await upload(store, HOPPER, "png"))
        environment = consumer_environment(settings, missing_grace_s=1)
        with run_consumer(environment, tmp_path / "log") as consumer:
            for job_id, (code, word) in expected.items():
                status = await ended(store, job_id)
                assert (status.status, status.error and status.error.code) == ("failed", code), status.error
                assert status.error is not None
                assert word.lower() in status.error.message.lower()
                assert status.result is None
            assert (await ended(store, misnamed)).status == "completed"
            last = await drop(store, good, good)
            assert (await ended(store, last)).status == "completed"
            assert await inbox_is_empty(store)
            assert consumer.terminate() == 0
        assert "Traceback" not in consumer.output()

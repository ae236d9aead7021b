"""The visible label through whole jobs: on every result of every kind where it is asked for, else on none."""

from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np
import pytest

from consumer.jobs import swap_video
from pipeline.face import Bgr
from pipeline.media.pictures.decode import Limits, decode
from pipeline.media.target import open_target
from pipeline.media.video.segments import plan_id, plan_segments
from storage import keys
from storage.records.status import Result, Status
from storage.stores.memory_store import MemoryStore
from tests.support.animations import in_every_format
from tests.support.engines import FlatEngine, picture, png
from tests.support.jobs import announce, drop_job, ended, running
from tests.support.reels import ReelEngine, frames_of, reel, still

GROUND = (200, 120, 40)
FACE = (8, 8, 24, 24)
TARGET = picture(200, 120, colour=GROUND, faces=(FACE,))


async def done(target: bytes, *, label: str, **settings: object) -> tuple[Status, bytes]:
    store = MemoryStore()
    async with running(store, FlatEngine(), label=label, **settings):
        status = await ended(store, await drop_job(store, target=target))
    assert status.result is not None, status.error
    return status, (await store.get(status.result.key, max_bytes=10**7)).body


def is_labelled(bgr: Bgr, corner: str = "bottom-right") -> bool:
    """Whether there are dark plate and white letters in a corner of what was one colour."""
    vertical, horizontal = corner.split("-")
    height, width = (side // 2 for side in bgr.shape[:2])
    part = bgr[:height] if vertical == "top" else bgr[-height:]
    grey = cv2.cvtColor(
        np.ascontiguousarray(part[:, :width] if horizontal == "left" else part[:, -width:]), 6
    )
    return bool(grey.max() > 200 and grey.min() < 70)


async def test_a_picture_is_labelled_where_the_settings_say_so() -> None:
    _, plain = await done(png(TARGET), label="off")
    _, body = await done(png(TARGET), label="bottom-right")
    unlabelled, labelled = (decode(each, Limits()).bgr for each in (plain, body))
    assert not is_labelled(unlabelled)
    assert is_labelled(labelled)
    np.testing.assert_array_equal(labelled[:60], unlabelled[:60])


async def test_a_label_spares_the_face_that_was_swapped() -> None:
    """Whose box is where it was asked for."""
    target = picture(200, 120, colour=GROUND, faces=((12, 98, 12, 12),))
    _, body = await done(png(target), label="bottom-left")
    found = decode(body, Limits()).bgr
    assert is_labelled(found, "bottom-right")
    assert not is_labelled(found, "bottom-left")


async def test_words_of_ones_own_and_another_size_are_painted() -> None:
    _, short = await done(png(TARGET), label="bottom-right", label_text="AI", label_size=0.1)
    _, long = await done(png(TARGET), label="bottom-right", label_text="by us", label_size=0.1)
    assert short != long


@pytest.mark.parametrize("form", ["gif", "png", "webp"])
async def test_every_frame_of_an_animation_is_labelled(form: str) -> None:
    frames = [picture(200, 120, colour=GROUND, faces=((8 + 2 * number, 8, 24, 24),)) for number in range(3)]
    _, body = await done(in_every_format(frames, [40] * 3)[form], label="bottom-right")
    assert [is_labelled(frame.bgr) for frame in open_target(body, Limits()).frames()] == [True] * 3


async def video_done(store: MemoryStore, clip: Path, *, label: str) -> Result:
    async with running(store, ReelEngine(), label=label):
        target, source = keys.new_upload("mp4"), keys.new_upload("png")
        await store.put(target, clip.read_bytes(), content_type="video/mp4")  # noqa: ASYNC240 -- a small file
        await store.put(source, png(picture(colour=(10, 200, 30))), content_type="image/png")
        manifest = {"process_type": "single-video", "target": target, "source": source}
        status = await ended(store, await announce(store, manifest))
    assert status.result is not None, status.error
    return status.result


async def test_every_frame_of_a_video_is_labelled_and_so_are_its_poster_and_its_preview(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(plan_segments.__kwdefaults__ or {}, "segment_s", 1.0)
    store = MemoryStore()
    result = await video_done(store, reel(tmp_path / "clip.mp4", {0: still(8, 8)}), label="bottom-right")
    assert result.poster is not None
    assert result.preview is not None
    video, poster, preview = [
        (await store.get(key, max_bytes=10**7)).body for key in (result.key, result.poster, result.preview)
    ]
    frames = frames_of(video, tmp_path)
    assert [is_labelled(frame) for frame in frames] == [True] * 40
    assert is_labelled(decode(poster, Limits()).bgr)
    assert all(is_labelled(frame) for frame in frames_of(preview, tmp_path))


async def test_segments_of_another_label_are_not_taken_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plans: list[str] = []

    def noted(*parts: Mapping[str, object]) -> str:
        plans.append(plan_id(*parts))
        return plans[-1]

    monkeypatch.setattr(swap_video, "plan_id", noted)
    clip = reel(tmp_path / "clip.mp4", {0: still(8, 8)}, frames=8)
    for label in ("off", "bottom-right", "bottom-left", "bottom-left"):
        await video_done(MemoryStore(), clip, label=label)
    assert [plans.index(each) for each in plans] == [0, 1, 2, 2]

"""Ids hidden in results through whole jobs, by a stand-in for the network, and where they lead."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from consumer.app import Consumer
from consumer.config.group import SettingsError
from consumer.config.settings import Settings
from consumer.engines.registry import WATERMARK_DECODER, WATERMARK_ENCODER, open_registry
from pipeline.media.packets import picture_claim
from pipeline.media.pictures.decode import Limits, decode
from pipeline.media.sniff import MEDIA_TYPES, sniff
from pipeline.media.target import open_target
from pipeline.media.video.packets import video_claim
from pipeline.media.video.segments import plan_segments
from pipeline.watermark.embed import Watermarker
from pipeline.watermark.ids import id_of
from storage import keys
from storage.records.status import Status
from storage.stores.memory_store import MemoryStore
from tests.support.animations import in_every_format
from tests.support.engines import FlatEngine, picture, png
from tests.support.jobs import SOURCE_BGR, announce, drop_job, ended, quick_settings, running
from tests.support.model_files import entry
from tests.support.reels import ReelEngine, frames_of, reel, still
from tests.support.standins.watermark import build_decoder, build_encoder, hidden, watermarker

FACE = (8, 8, 16, 16)
TARGET = picture(320, 180, faces=(FACE,))


@pytest.fixture
def hider(tmp_path: Path) -> Watermarker:
    return watermarker(tmp_path)


async def done(
    target: bytes,
    hider: Watermarker | None,
    **settings: Any,  # noqa: ANN401 -- any setting
) -> tuple[Status, bytes, MemoryStore]:
    store = MemoryStore()
    async with running(store, FlatEngine(), watermarker=hider, **settings):
        status = await ended(store, await drop_job(store, target=target))
    assert status.result is not None, status.error
    return status, (await store.get(status.result.key, max_bytes=10**7)).body, store


async def test_the_id_in_a_picture_is_in_its_marks_in_the_record_and_in_the_audit_log(
    tmp_path: Path, hider: Watermarker
) -> None:
    status, body, store = await done(png(TARGET), hider, audit=True)
    assert status.result is not None
    marks, claim = status.result.marks, picture_claim(body, sniff(body))
    assert marks is not None
    assert claim is not None
    assert marks.watermark == claim.watermark == id_of(marks.output_id)
    assert hidden(decode(body, Limits()).bgr, tmp_path) == marks.watermark[1:]
    (log,) = (await store.list(keys.AUDIT)).objects
    line = json.loads((await store.get(log.key, max_bytes=10**6)).body)
    assert (line["watermark"], line["job_id"]) == (marks.watermark, status.job_id)


async def test_without_the_network_all_beside_the_face_stays_and_no_id_is_told(tmp_path: Path) -> None:
    status, body, _ = await done(png(TARGET), None)
    assert status.result is not None
    assert status.result.marks is not None
    assert status.result.marks.watermark is None
    assert b"watermark" not in body
    np.testing.assert_array_equal(decode(body, Limits()).bgr[40:], TARGET[40:])
    assert hidden(decode(body, Limits()).bgr, tmp_path) == "0000000"


async def test_a_picture_that_is_too_small_has_none_and_says_so(hider: Watermarker) -> None:
    status, body, _ = await done(png(picture(64, 48)), hider)
    (said,) = [warning for warning in status.warnings if warning.code == "not_watermarked"]
    assert said.message == "The result has no watermark: one of its sides has less than 64 pixels."
    assert status.result is not None
    assert status.result.marks is not None
    assert status.result.marks.watermark is None
    assert b"watermark" not in body


async def test_label_and_watermark_go_together(tmp_path: Path, hider: Watermarker) -> None:
    status, body, _ = await done(png(TARGET), hider, label="top-left", label_size=0.02, label_text="AI")
    assert status.result is not None
    assert status.result.marks is not None
    assert status.result.marks.watermark is not None
    assert hidden(decode(body, Limits()).bgr, tmp_path) == status.result.marks.watermark[1:]


@pytest.mark.parametrize("form", ["png", "webp"])
async def test_of_an_animation_the_first_frame_is_marked_and_no_other(
    form: str, tmp_path: Path, hider: Watermarker
) -> None:
    frames = [picture(320, 180, faces=((8 + 2 * number, 8, 16, 16),)) for number in range(3)]
    status, body, _ = await done(in_every_format(frames, [40] * 3)[form], hider)
    assert status.result is not None
    assert status.result.marks is not None
    assert status.result.marks.watermark is not None
    first, *others = [hidden(frame.bgr, tmp_path) for frame in open_target(body, Limits()).frames()]
    assert first == status.result.marks.watermark[1:]
    assert others == ["0000000"] * 2


async def test_of_a_moving_target_the_picture_that_comes_of_it_is_marked(
    tmp_path: Path, hider: Watermarker
) -> None:
    """Which is its first changed frame, not its first."""
    frames = [picture(320, 180, faces=()), *[picture(320, 180, faces=(FACE,))] * 2]
    store = MemoryStore()
    async with running(store, FlatEngine(), watermarker=hider):
        target = in_every_format(frames, [40, 50, 60])["png"]
        status = await ended(store, await drop_job(store, target=target, output_format="jpeg"))
    assert status.result is not None, status.error
    assert status.result.marks is not None
    body = (await store.get(status.result.key, max_bytes=10**7)).body
    assert status.result.marks.watermark is not None
    assert hidden(decode(body, Limits()).bgr, tmp_path) == status.result.marks.watermark[1:]


async def test_the_first_frame_of_each_segment_is_marked_with_one_id_whatever_attempt_made_it(
    tmp_path: Path, hider: Watermarker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(plan_segments.__kwdefaults__ or {}, "segment_s", 1.0)
    clip = reel(tmp_path / "clip.mp4", {0: still(8, 8)}, frames=40, size=(320, 180), keyframes=20)
    store = MemoryStore()
    target, source = keys.new_upload("mp4"), keys.new_upload("png")
    await store.put(target, clip.read_bytes(), content_type="video/mp4")
    await store.put(source, png(picture(colour=SOURCE_BGR)), content_type="image/png")
    job = {"process_type": "single-video", "target": target, "source": source}
    async with running(store, ReelEngine(), watermarker=hider):
        status = await ended(store, await announce(store, {**job, "options": {"video_quality": 5}}))
    assert status.result is not None, status.error
    marks = status.result.marks
    assert marks is not None
    assert marks.watermark is not None
    assert marks.watermark != id_of(marks.output_id)  # which another attempt would have another of
    (tmp_path / "result.mp4").write_bytes((await store.get(status.result.key, max_bytes=10**7)).body)
    claim = video_claim(tmp_path / "result.mp4", MEDIA_TYPES["mp4"])
    assert claim is not None
    assert claim.watermark == marks.watermark
    frames = frames_of((tmp_path / "result.mp4").read_bytes(), tmp_path)
    assert len(frames) == 40
    found = [hidden(frames[number], tmp_path) for number in (0, 20)]
    assert found == [marks.watermark[1:]] * 2
    assert status.result.poster is not None
    poster = (await store.get(status.result.poster, max_bytes=10**7)).body
    said = picture_claim(poster, sniff(poster))
    assert said is not None
    assert said.watermark is None  # it is another frame, or one that was encoded twice


@pytest.fixture
def with_models(tmp_path: Path) -> dict[str, Any]:
    """Settings of an operator who has the files."""
    folder = tmp_path / "models"
    folder.mkdir()
    files = build_encoder(folder / WATERMARK_ENCODER), build_decoder(folder / WATERMARK_DECODER)
    (tmp_path / "own.toml").write_text("\n".join(entry(path.name, path, "mit") for path in files))
    return {"catalogue": tmp_path / "own.toml", "models_dir": folder, "cache_dir": tmp_path / "cache"}


def test_the_settings_decide_and_auto_hides_where_the_file_is(
    tmp_path: Path, with_models: dict[str, Any]
) -> None:
    without = {"models_dir": tmp_path / "none", "cache_dir": tmp_path / "cache"}

    def hides(**changes: Any) -> Watermarker | None:  # noqa: ANN401 -- any setting
        return open_registry(Settings(engine="mesh", **changes)).watermarker()

    assert hides(**with_models) is not None
    assert hides(**with_models, watermark="on") is not None
    assert hides(**with_models, watermark="off") is None
    assert hides(**without) is None
    settings = quick_settings(bucket="some-bucket", watermark="on", **without)
    with pytest.raises(SettingsError, match=r"SWAPDROP_WATERMARK=on needs a file.*models pull rivagan_enc"):
        Consumer(settings)

"""Videos that cannot be done, or not here, and what their senders are told."""

from pathlib import Path

import pytest

from storage.stores.memory_store import MemoryStore
from tests.support.buckets import upload
from tests.support.copying import files_below
from tests.support.engines import picture, png
from tests.support.jobs import ended, error_of, running
from tests.support.reels import ReelEngine, reel, still
from tests.support.video_jobs import drop_video, video_done


async def test_a_video_without_a_face_is_refused(tmp_path: Path) -> None:
    clip = reel(tmp_path / "clip.mp4", {}, frames=12)
    assert error_of(await video_done(MemoryStore(), clip)) == (
        "no_face_in_target",
        "No face was found in the target video; send one that shows the face larger and sharper.",
    )


async def test_a_video_as_source_says_that_the_two_may_be_the_wrong_way_round(tmp_path: Path) -> None:
    store = MemoryStore()
    clip = reel(tmp_path / "clip.mp4", {0: still(8, 20)}, frames=12)
    code, message = error_of(
        await video_done(store, clip, source=await upload(store, clip.read_bytes(), "mp4"))
    )
    assert code == "unsupported_media"
    assert "the wrong way round" in message


async def test_a_picture_as_target_says_which_kind_of_job_it_is_for(tmp_path: Path) -> None:
    store = MemoryStore()
    (tmp_path / "clip.mp4").write_bytes(png(picture()))
    code, message = error_of(await video_done(store, tmp_path / "clip.mp4"))
    assert code == "unsupported_media"
    assert "`single-image`" in message


async def test_an_encoder_that_this_machine_has_not_is_named(tmp_path: Path) -> None:
    clip = reel(tmp_path / "clip.mp4", {0: still(8, 20)}, frames=12)
    code, message = error_of(await video_done(MemoryStore(), clip, options={"video_encoder": "hevc_nvenc"}))
    assert code == "model_unavailable"
    assert "hevc_nvenc" in message


@pytest.mark.parametrize(
    "limits", [{"max_video_frames": 11}, {"max_video_seconds": 0.2}, {"max_video_pixels": 8192}]
)
async def test_a_video_larger_than_the_operator_allows_is_refused(
    tmp_path: Path, limits: dict[str, float]
) -> None:
    store = MemoryStore()
    job = await drop_video(store, reel(tmp_path / "clip.mp4", {0: still(8, 20)}, frames=12))
    async with running(store, ReelEngine(), **limits):
        assert error_of(await ended(store, job))[0] == "input_too_large"


async def test_a_video_larger_than_the_disk_budget_is_refused_and_gives_all_of_it_back(
    tmp_path: Path,
) -> None:
    store = MemoryStore()
    clip = reel(tmp_path / "clip.mp4", {0: still(8, 20)}, frames=25, size=(3840, 2160))
    job = await drop_video(store, clip)
    small = await drop_video(store, reel(tmp_path / "small.mp4", {0: still(8, 20)}, frames=12))
    work = tmp_path / "work"
    async with running(store, ReelEngine(), work_dir=work, disk_budget_bytes=16 << 20):
        assert error_of(await ended(store, job))[0] == "input_too_large"
        assert (await ended(store, small)).status == "completed"
    assert not files_below(work)

"""What comes of a video: which frames and sound, marked and signed, and what is put beside it."""

import io
from dataclasses import replace
from pathlib import Path

import av
import pytest

from pipeline.marks.provenance import is_marked, xmp_packet
from pipeline.media.pictures.decode import Limits, decode
from pipeline.media.sniff import MEDIA_TYPES
from pipeline.media.video.packets import append_xmp, video_claim
from pipeline.signing.reading import read_signature
from storage import keys
from storage.records.status import Status
from storage.stores.memory_store import MemoryStore
from tests.support.certificates import hierarchy
from tests.support.engines import picture, png
from tests.support.jobs import SOURCE_BGR, body_of, ended, inbox_empty, running
from tests.support.reels import ReelEngine, across, colour_at, frames_of, reel, seen, still
from tests.support.video_jobs import drop_video, near, result_of, video_done
from tests.support.videos import MARK, shown


async def test_a_video_says_what_its_target_says_of_its_own_making(tmp_path: Path) -> None:
    store = MemoryStore()
    clip = reel(tmp_path / "clip.mp4", {0: seen(still(40, 20), 0, 20)}, frames=20)
    append_xmp(clip, xmp_packet(replace(MARK, system="generator", output_id="before")))
    status = await video_done(store, clip)
    assert status.result is not None
    (tmp_path / "result.mp4").write_bytes(await body_of(store, status.result.key))
    claim = video_claim(tmp_path / "result.mp4", MEDIA_TYPES["mp4"])
    assert claim is not None
    assert claim.system == "swapdrop"
    assert [(each.system, each.output_id) for each in claim.earlier] == [("generator", "before")]
    assert status.result.marks is not None
    assert [each.system for each in status.result.marks.earlier] == ["generator"]


async def test_a_result_comes_with_a_marked_poster_and_a_small_preview(tmp_path: Path) -> None:
    store = MemoryStore()
    clip = reel(tmp_path / "clip.mp4", {0: seen(still(40, 20), 30, 200)}, frames=160, size=(640, 360))
    status = await video_done(store, clip)
    assert status.result is not None
    poster = await body_of(store, status.result.poster)
    preview = await body_of(store, status.result.preview)
    shows = decode(poster, Limits()).bgr
    assert shows.shape == (360, 640, 3)
    assert near(colour_at(shows, (40, 20)), SOURCE_BGR)
    assert is_marked(poster, "swapdrop")
    assert is_marked(preview, "swapdrop")
    (tmp_path / "preview.mp4").write_bytes(preview)
    with av.open(str(tmp_path / "preview.mp4")) as file:
        stream = file.streams.video[0]
        assert (stream.codec_context.name, stream.width, stream.height) == ("h264", 480, 270)
        assert 90 <= stream.frames <= 101
        assert not file.streams.audio
        assert file.metadata["comment"].startswith("Altered")
    assert all(keys.is_secret_result(str(key)) for key in (status.result.poster, status.result.preview))


async def test_trim_keeps_the_part_and_its_sound(tmp_path: Path) -> None:
    store = MemoryStore()
    path = across()
    clip = reel(tmp_path / "clip.mp4", {0: path}, frames=60)
    status = await video_done(store, clip, options={"trim": {"start": 1.0, "end": 2.0}})
    frames = frames_of(await result_of(store, status), tmp_path)
    assert len(frames) == 20
    for number, frame in enumerate(frames, start=20):
        corner = path(number)
        assert corner is not None
        assert near(colour_at(frame, corner), SOURCE_BGR), number


async def test_without_keep_fps_the_result_has_thirty_frames_a_second(tmp_path: Path) -> None:
    store = MemoryStore()
    clip = reel(tmp_path / "clip.mp4", {0: still(8, 20)}, frames=40)
    status = await video_done(store, clip, options={"keep_fps": False})
    assert status.result is not None
    assert (status.result.frames, status.result.duration_s) == (60, 2.0)


async def test_without_keep_audio_the_result_is_silent(tmp_path: Path) -> None:
    store = MemoryStore()
    clip = reel(tmp_path / "clip.mp4", {0: still(8, 20)}, frames=12)
    body = await result_of(store, await video_done(store, clip, options={"keep_audio": False}))
    with av.open(io.BytesIO(body)) as file:
        assert [stream.type for stream in file.streams] == ["video"]


async def test_options_for_pictures_are_told_to_have_no_effect(tmp_path: Path) -> None:
    clip = reel(tmp_path / "clip.mp4", {0: still(8, 20)}, frames=12)
    status = await video_done(MemoryStore(), clip, options={"output_format": "png", "video_quality": 30})
    ignored = [warning.message for warning in status.warnings if warning.code == "option_ignored"]
    assert ignored == ["`output_format` is not for `single-video` and has no effect here."]


async def test_a_dropped_folder_with_a_video_is_a_video_job(tmp_path: Path) -> None:
    clip = reel(tmp_path / "clip.mp4", {0: still(8, 20)}, frames=12)
    store = MemoryStore()
    source = png(picture(colour=SOURCE_BGR))
    for folder, face in (("one", "source.png"), ("several", "face_0.png")):
        await store.put(f"inbox/{folder}/{face}", source, content_type="image/png")
        await store.put(f"inbox/{folder}/target.mp4", clip.read_bytes(), content_type="video/mp4")
    async with running(store, ReelEngine()):
        await inbox_empty(store)
    found = [
        Status.from_bytes(await body_of(store, listed.key))
        for listed in (await store.list(keys.STATUS)).objects
    ]
    assert [(status.status, (status.manifest or {})["process_type"]) for status in found] == [
        ("completed", "single-video"),
        ("completed", "multi-video"),
    ]


@pytest.mark.parametrize("extension", ["mp4", "mov", "mkv", "webm"])
async def test_every_container_is_signed_as_it_was_joined(tmp_path: Path, extension: str) -> None:
    made = hierarchy()
    written = made.write(tmp_path)
    settings = {name.removeprefix("SWAPDROP_").lower(): path for name, path in written.items()}
    store = MemoryStore()
    clip = reel(tmp_path / f"clip.{extension}", {0: seen(still(40, 20), 0, 20)}, frames=30)
    encoder = "libvpx-vp9" if extension == "webm" else "libx264"
    job = await drop_video(store, clip, options={"video_encoder": encoder})
    async with running(store, ReelEngine(), **settings):
        status = await ended(store, job)
    assert status.result is not None, status.error
    assert status.result.key.endswith(extension)
    assert (status.result.sidecar is not None) == (extension in {"mkv", "webm"})
    path = tmp_path / f"result.{extension}"
    path.write_bytes(await body_of(store, status.result.key))
    if status.result.sidecar is not None:
        assert keys.is_secret_result(status.result.sidecar)
        path.with_suffix(".c2pa").write_bytes(await body_of(store, status.result.sidecar))
    assert video_claim(path, MEDIA_TYPES[extension]) is not None
    assert len(shown(path)) == 30
    signature = read_signature(path, MEDIA_TYPES[extension], anchors=made.root.pem)
    assert signature is not None
    assert (signature.state, signature.faults) == ("trusted", ())
    body = path.read_bytes()
    flipped = len(body) // 2
    path.write_bytes(body[:flipped] + bytes((body[flipped] ^ 1,)) + body[flipped + 1 :])
    changed = read_signature(path, MEDIA_TYPES[extension], anchors=made.root.pem)
    assert changed is not None
    assert changed.state == "invalid"

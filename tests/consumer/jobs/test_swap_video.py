"""Videos through the whole consumer, with people whose colours tell who they are and who they became."""

import io
import threading
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any
from weakref import WeakSet

import av
import pytest

from consumer.jobs.context import JobContext
from consumer.jobs.video.cast import known_cast
from pipeline.marks.provenance import is_marked, xmp_packet
from pipeline.media.pictures.decode import Limits, decode
from pipeline.media.sniff import MEDIA_TYPES
from pipeline.media.target import FRAMES_IN_FLIGHT
from pipeline.media.video.frame import YuvFrame
from pipeline.media.video.packets import append_xmp, video_claim
from pipeline.media.video.read import VideoReader
from pipeline.media.video.segments import plan_segments
from pipeline.signing.reading import read_signature
from pipeline.tracks.tracker import WINDOW
from storage import keys
from storage.errors import StoreUnavailable
from storage.records.detection import read_detection
from storage.records.status import Segments, Status
from storage.stores.memory_store import MemoryStore
from storage.stores.port import ObjectStore
from tests.support.certificates import hierarchy
from tests.support.consumers import alive
from tests.support.copying import files_below
from tests.support.engines import person_bgr, picture, png
from tests.support.jobs import (
    SOURCE_BGR,
    announce,
    drop_job,
    ended,
    inbox_empty,
    reached,
    running,
    start,
    until,
)
from tests.support.reels import ReelEngine, across, colour_at, frames_of, reel, seen, still
from tests.support.segment_rigs import KilledOnce, Slow
from tests.support.stores import CountingStore
from tests.support.videos import MARK, shown, sounds

BLUE = (220, 40, 20)
NEAR = 25
"""How far a colour may be from what it was, after two encoders."""


@pytest.fixture(autouse=True)
def short_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    """Segments of a second, of which clips of a test have several."""
    assert plan_segments.__kwdefaults__ is not None
    monkeypatch.setitem(plan_segments.__kwdefaults__, "segment_s", 1.0)


async def upload(store: ObjectStore, body: bytes, extension: str = "mp4") -> str:
    key = keys.new_upload(extension)
    await store.put(key, body, content_type="application/octet-stream")
    return key


async def colour_source(store: ObjectStore, colour: tuple[int, int, int] = SOURCE_BGR) -> str:
    return await upload(store, png(picture(colour=colour)), "png")


async def drop_video(store: ObjectStore, clip: Path, **manifest: object) -> str:
    """Announce a single-video job on a clip."""
    target = await upload(store, clip.read_bytes(), clip.suffix[1:])  # noqa: ASYNC240 -- a small file
    document = {"process_type": "single-video", "target": target, **manifest}
    if document["process_type"] == "single-video" and "source" not in document:
        document["source"] = await colour_source(store)
    return await announce(store, document)


async def done(store: ObjectStore, clip: Path, **manifest: object) -> Status:
    job = await drop_video(store, clip, **manifest)
    async with running(store, ReelEngine()):
        status = await ended(store, job)
        await inbox_empty(store)
    return status


async def body_of(store: ObjectStore, key: str | None) -> bytes:
    assert key is not None
    return (await store.get(key, max_bytes=10**8)).body


async def result_of(store: ObjectStore, status: Status) -> bytes:
    assert status.result is not None, status.error
    return await body_of(store, status.result.key)


def near(colour: tuple[int, int, int], wanted: tuple[int, int, int]) -> bool:
    return max(abs(one - other) for one, other in zip(colour, wanted, strict=True)) <= NEAR


def error_of(status: Status) -> tuple[str, str]:
    assert status.error is not None, status.status
    return status.error.code, status.error.message


def segments_done(status: Status) -> int:
    return status.progress.segments.done if status.progress.segments else 0


async def test_a_job_holds_a_few_frames_at_once_however_many_there_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(plan_segments.__kwdefaults__ or {}, "segment_s", 60.0)
    held: WeakSet[YuvFrame] = WeakSet()
    most = total = 0
    plain = VideoReader.planned

    def planned(self: VideoReader, start: int, end: int | None) -> Iterator[YuvFrame]:
        nonlocal most, total
        for frame in plain(self, start, end):
            held.add(frame)
            total += 1
            most = max(most, len(held))
            yield frame

    monkeypatch.setattr(VideoReader, "planned", planned)
    store = MemoryStore()
    status = await done(store, reel(tmp_path / "clip.mp4", {0: across()}, frames=200))
    assert status.status == "completed", status.error
    assert total > 2 * 200
    # Decoded ahead, on the device, held by the tracker, on the way to the encoder; one more in each hand.
    assert WINDOW < most <= WINDOW + 3 * FRAMES_IN_FLIGHT + 4


async def test_the_largest_person_is_swapped_in_every_frame_and_nobody_else(tmp_path: Path) -> None:
    store = MemoryStore()
    main, other = across(), seen(still(100, 60), 12, 30)
    clip = reel(tmp_path / "clip.mp4", {0: main, 2: other}, frames=50)
    status = await done(store, clip)
    body = await result_of(store, status)
    frames = frames_of(body, tmp_path)
    assert len(frames) == 50
    for number, frame in enumerate(frames):
        corner = main(number)
        assert corner is not None
        assert near(colour_at(frame, corner), SOURCE_BGR), number
        if (place := other(number)) is not None:
            assert near(colour_at(frame, place), person_bgr(2)), number
    result = status.result
    assert result is not None
    assert (result.content_type, result.frames, result.duration_s) == ("video/mp4", 50, 2.5)
    assert (result.width, result.height, result.faces_swapped) == (160, 96, 1)
    assert status.faces is not None
    assert [(face.face_id, face.swapped, face.source) for face in status.faces] == [
        ("face_0", True, "source"),
        ("face_1", False, None),
    ]
    assert status.faces[0].similarity is not None
    assert status.faces[0].similarity.to_source < status.faces[0].similarity.to_target_before
    assert (status.progress.unit, status.progress.done, status.progress.total) == ("frames", 50, 50)
    assert status.progress.segments == Segments(done=2, total=2)
    (tmp_path / "result.mp4").write_bytes(body)
    assert sounds(tmp_path / "result.mp4") == sounds(clip)


async def test_a_video_says_what_its_target_says_of_its_own_making(tmp_path: Path) -> None:
    store = MemoryStore()
    clip = reel(tmp_path / "clip.mp4", {0: seen(still(40, 20), 0, 20)}, frames=20)
    append_xmp(clip, xmp_packet(replace(MARK, system="generator", output_id="before")))
    status = await done(store, clip)
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
    status = await done(store, clip)
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


async def test_with_many_faces_everybody_is_swapped(tmp_path: Path) -> None:
    store = MemoryStore()
    clip = reel(tmp_path / "clip.mp4", {0: still(8, 20), 2: still(100, 40)}, frames=24)
    status = await done(store, clip, options={"many_faces": True})
    frames = frames_of(await result_of(store, status), tmp_path)
    assert all(
        near(colour_at(frame, place), SOURCE_BGR) for frame in frames for place in ((8, 20), (100, 40))
    )
    assert status.result is not None
    assert status.result.faces_swapped == 2


async def test_mapped_people_get_their_sources_by_the_order_in_which_they_appear(tmp_path: Path) -> None:
    store = MemoryStore()
    clip = reel(tmp_path / "clip.mp4", {0: still(100, 40), 2: seen(still(8, 20), 25, 60)}, frames=45)
    mappings = {"face_0": await colour_source(store), "face_1": await colour_source(store, BLUE)}
    status = await done(store, clip, process_type="multi-video", face_mappings=mappings)
    last = frames_of(await result_of(store, status), tmp_path)[-1]
    assert near(colour_at(last, (100, 40)), SOURCE_BGR)
    assert near(colour_at(last, (8, 20)), BLUE)


async def test_a_mapping_with_a_detection_goes_onto_whom_the_sender_pointed_at(tmp_path: Path) -> None:
    store = MemoryStore()
    one, two = still(8, 20), seen(still(100, 40), 25, 60)
    clip = reel(tmp_path / "clip.mp4", {0: one, 2: two}, frames=45)
    target = await upload(store, clip.read_bytes())
    async with running(store, ReelEngine()):
        found = await ended(store, await announce(store, {"process_type": "detect-faces", "target": target}))
        assert found.result is not None, found.error
        record = read_detection(await body_of(store, found.result.key))
        status = await ended(
            store,
            await announce(
                store,
                {
                    "process_type": "multi-video",
                    "target": target,
                    "face_mappings": {"face_1": await colour_source(store)},
                    "detection": found.result.key,
                },
            ),
        )
    assert (record.media.kind, record.media.frames, record.media.duration_s) == ("video", 45, 2.25)
    assert [face.track is not None and face.track.first_s for face in record.faces] == [0, 1.25]
    frames = frames_of(await result_of(store, status), tmp_path)
    assert near(colour_at(frames[-1], (100, 40)), SOURCE_BGR)
    assert near(colour_at(frames[-1], (8, 20)), person_bgr(0))


async def test_a_mapping_to_nobody_names_it(tmp_path: Path) -> None:
    store = MemoryStore()
    clip = reel(tmp_path / "clip.mp4", {0: still(8, 20)}, frames=12)
    mappings = {"face_3": await colour_source(store)}
    code, message = error_of(await done(store, clip, process_type="multi-video", face_mappings=mappings))
    assert code == "face_not_found"
    assert "face_3" in message


async def test_trim_keeps_the_part_and_its_sound(tmp_path: Path) -> None:
    store = MemoryStore()
    path = across()
    clip = reel(tmp_path / "clip.mp4", {0: path}, frames=60)
    status = await done(store, clip, options={"trim": {"start": 1.0, "end": 2.0}})
    frames = frames_of(await result_of(store, status), tmp_path)
    assert len(frames) == 20
    for number, frame in enumerate(frames, start=20):
        corner = path(number)
        assert corner is not None
        assert near(colour_at(frame, corner), SOURCE_BGR), number


async def test_without_keep_fps_the_result_has_thirty_frames_a_second(tmp_path: Path) -> None:
    store = MemoryStore()
    clip = reel(tmp_path / "clip.mp4", {0: still(8, 20)}, frames=40)
    status = await done(store, clip, options={"keep_fps": False})
    assert status.result is not None
    assert (status.result.frames, status.result.duration_s) == (60, 2.0)


async def test_without_keep_audio_the_result_is_silent(tmp_path: Path) -> None:
    store = MemoryStore()
    clip = reel(tmp_path / "clip.mp4", {0: still(8, 20)}, frames=12)
    body = await result_of(store, await done(store, clip, options={"keep_audio": False}))
    with av.open(io.BytesIO(body)) as file:
        assert [stream.type for stream in file.streams] == ["video"]


async def test_a_video_without_a_face_is_refused(tmp_path: Path) -> None:
    clip = reel(tmp_path / "clip.mp4", {}, frames=12)
    assert error_of(await done(MemoryStore(), clip)) == (
        "no_face_in_target",
        "No face was found in the target video.",
    )


async def test_a_video_as_source_says_that_the_two_may_be_the_wrong_way_round(tmp_path: Path) -> None:
    store = MemoryStore()
    clip = reel(tmp_path / "clip.mp4", {0: still(8, 20)}, frames=12)
    code, message = error_of(await done(store, clip, source=await upload(store, clip.read_bytes())))
    assert code == "unsupported_media"
    assert "the wrong way round" in message


async def test_a_picture_as_target_says_which_kind_of_job_it_is_for(tmp_path: Path) -> None:
    store = MemoryStore()
    (tmp_path / "clip.mp4").write_bytes(png(picture()))
    code, message = error_of(await done(store, tmp_path / "clip.mp4"))
    assert code == "unsupported_media"
    assert "`single-image`" in message


async def test_an_encoder_that_this_machine_has_not_is_named(tmp_path: Path) -> None:
    clip = reel(tmp_path / "clip.mp4", {0: still(8, 20)}, frames=12)
    code, message = error_of(await done(MemoryStore(), clip, options={"video_encoder": "hevc_nvenc"}))
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


async def test_options_for_pictures_are_told_to_have_no_effect(tmp_path: Path) -> None:
    clip = reel(tmp_path / "clip.mp4", {0: still(8, 20)}, frames=12)
    status = await done(MemoryStore(), clip, options={"output_format": "png", "video_quality": 30})
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


async def test_a_job_that_was_given_back_goes_on_where_it_was(tmp_path: Path) -> None:
    store = MemoryStore()
    clip = reel(tmp_path / "clip.mp4", {0: across()}, frames=100)
    undisturbed = await result_of(store, await done(store, clip))
    job = await drop_video(store, clip)
    gate = _Gate(at=50)
    consumer, task = start(store, gate.engine)
    await until(lambda: gate.engine.swaps >= 50)
    await reached(store, job, lambda status: segments_done(status) >= 2)
    consumer.stop()
    consumer.stop()
    gate.go.set()
    await task
    released = await reached(store, job, lambda status: status.status == "pending")
    assert released.progress.segments is not None
    assert released.progress.segments.made == 0
    engine = ReelEngine()
    async with running(store, engine):
        status = await ended(store, job)
        await inbox_empty(store)
    assert (status.status, status.attempt, status.max_attempts) == ("completed", 2, 4)
    segments = status.progress.segments
    assert segments is not None
    assert (segments.done, segments.total) == (5, 5)
    assert segments.reused == released.progress.segments.done >= 2
    assert engine.swaps == 100 - 20 * segments.reused
    for name, body in (("one", undisturbed), ("two", await result_of(store, status))):
        (tmp_path / f"{name}.mp4").write_bytes(body)
    assert shown(tmp_path / "one.mp4") == shown(tmp_path / "two.mp4")
    assert not (await store.list(keys.SCRATCH)).objects


async def test_processes_of_a_job_that_is_given_back_or_cancelled_are_gone(tmp_path: Path) -> None:
    store, cancelled = MemoryStore(), MemoryStore()
    clip = reel(tmp_path / "clip.mp4", {0: across()}, frames=100)
    for bucket in (store, cancelled):
        job = await drop_video(bucket, clip)
        consumer, task = start(bucket, Slow, video_processes=2, lease_ttl_s=4, work_dir=tmp_path / "work")
        await reached(bucket, job, lambda status: segments_done(status) >= 1)
        pids = consumer._processes.pids
        assert len([*filter(alive, pids)]) == 2
        if bucket is cancelled:
            await bucket.put(keys.cancel(job), b"", content_type="text/plain")
            assert (await ended(bucket, job)).status == "cancelled"
        consumer.stop()
        consumer.stop()
        assert await task == 0
        assert not [*filter(alive, pids)]
        assert not files_below(tmp_path / "work")
    async with running(store, ReelEngine):
        [status] = [
            await ended(store, listed.key.split("/")[1].removesuffix(".json"))
            for listed in (await store.list(keys.STATUS)).objects
        ]
    assert (status.status, status.max_attempts - status.attempt) == ("completed", 2)
    assert status.progress.segments is not None
    assert status.progress.segments.reused >= 1


async def test_a_process_that_is_killed_costs_no_attempt_where_segments_were_made(tmp_path: Path) -> None:
    store = MemoryStore()
    people = {0: across(), 2: seen(still(100, 60), 76, 90)}
    clip = reel(tmp_path / "clip.mp4", people, frames=100)
    job = await drop_video(store, clip, options={"many_faces": True})
    async with running(store, partial(KilledOnce, tmp_path), video_processes=2, max_attempts=1):
        status = await ended(store, job)
    assert (status.status, status.attempt, status.max_attempts) == ("completed", 2, 2)
    assert (tmp_path / "killed").exists()


async def test_processes_start_while_people_are_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, started = MemoryStore(), list[int]()

    async def looking(context: JobContext, *about: Any) -> Any:  # noqa: ANN401 -- passed on
        started.append(len(context.services.processes.pids))
        return await known_cast(context, *about)

    monkeypatch.setattr("consumer.jobs.swap_video.known_cast", looking)
    job = await drop_video(store, reel(tmp_path / "clip.mp4", {0: across()}, frames=60))
    async with running(store, ReelEngine, video_processes=2):
        assert (await ended(store, job)).status == "completed"
    assert started == [2]


async def test_a_segment_that_is_not_whole_is_made_anew(tmp_path: Path) -> None:
    store = MemoryStore()
    clip = reel(tmp_path / "clip.mp4", {0: across()}, frames=60)
    job = await drop_video(store, clip)
    gate = _Gate(at=50)
    consumer, task = start(store, gate.engine)
    await reached(store, job, lambda status: segments_done(status) == 2)
    consumer.stop()
    consumer.stop()
    gate.go.set()
    await task
    [first, *_] = [
        listed.key for listed in (await store.list(keys.SCRATCH)).objects if listed.key.endswith("/0.mp4")
    ]
    await store.put(first, b"no video", content_type="video/mp4")
    async with running(store, ReelEngine()):
        status = await ended(store, job)
    assert status.progress.segments == Segments(done=3, total=3, reused=1)


async def test_a_passing_fault_after_a_segment_costs_no_attempt(tmp_path: Path) -> None:
    store = MemoryStore()
    clip = reel(tmp_path / "clip.mp4", {0: across()}, frames=60)
    job = await drop_video(store, clip)
    faults = iter((30, 65))
    due = next(faults)

    def fail_twice() -> None:
        nonlocal due
        if engine.swaps == due:
            due = next(faults, 0)
            raise StoreUnavailable

    engine = ReelEngine(on_swap=fail_twice)
    async with running(store, engine, max_attempts=1):
        status = await ended(store, job)
    assert (status.status, status.attempt, status.max_attempts) == ("completed", 3, 3)


async def test_a_cancel_is_heeded_in_the_middle_and_leaves_nothing(tmp_path: Path) -> None:
    store = MemoryStore()
    job = await drop_video(store, reel(tmp_path / "clip.mp4", {0: across()}, frames=100))
    gate = _Gate(at=50)
    work = tmp_path / "work"
    async with running(store, gate.engine, lease_ttl_s=1, work_dir=work):
        await until(lambda: gate.engine.swaps >= 50)
        assert (await store.list(keys.SCRATCH)).objects
        await store.put(keys.cancel(job), b"", content_type="text/plain")
        gate.go.set()
        gate.slow()
        status = await ended(store, job)
        await inbox_empty(store)
    assert status.status == "cancelled"
    assert {listed.key for listed in (await store.list("")).objects if "uploads/" not in listed.key} == {
        keys.status(job)
    }
    assert not files_below(work)


async def test_a_picture_does_not_wait_for_the_end_of_a_video(tmp_path: Path) -> None:
    store = MemoryStore()
    long = await drop_video(store, reel(tmp_path / "clip.mp4", {0: across()}, frames=60))
    engine = ReelEngine(swap_s=0.02)
    async with running(store, engine):
        await until(lambda: engine.swaps >= 3)
        short = await drop_job(store)
        assert (await ended(store, short)).status == "completed"
        assert engine.swaps < 60
        assert (await ended(store, long)).status == "completed"


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


async def test_segments_of_one_request_are_never_taken_for_another(tmp_path: Path) -> None:
    clip = reel(tmp_path / "clip.mp4", {0: still(8, 20), 2: still(100, 40)}, frames=12)
    other = reel(tmp_path / "other.mp4", {0: still(8, 20), 2: still(100, 42)}, frames=12)
    plans: list[str] = []
    memory = MemoryStore()
    source, blue = await colour_source(memory), await colour_source(memory, BLUE)
    for target, manifest in (
        (clip, {"source": source}),
        (clip, {"source": blue}),
        (other, {"source": source}),
        (clip, {"source": source, "options": {"many_faces": True}}),
        (clip, {"source": source, "options": {"mouth_mask": True}}),
        (clip, {"source": source, "options": {"swap_strength": 0.2}}),
        (clip, {"source": source, "options": {"video_quality": 19}}),
        (clip, {"source": source, "options": {"keep_fps": False}}),
        (clip, {"source": source, "options": {"trim": {"end": 0.3}}}),
        (clip, {"source": source}),
    ):
        store = CountingStore(memory)
        assert (await done(store, target, **manifest)).status == "completed"
        plans += {key.split("/")[2] for op, key in store.calls if op == "put_file" and key.endswith("/0.mp4")}
    assert len(set(plans)) == len(plans) - 1
    assert plans[0] == plans[-1]


class _Gate:
    """An engine that stops within a swap until it is let on, and may be made slow from then on."""

    def __init__(self, *, at: int) -> None:
        self.go = threading.Event()
        self._at = at
        self._pause_s = 0.0
        self.engine = ReelEngine(on_swap=self._wait)

    def slow(self) -> None:
        self._pause_s = 0.2

    def _wait(self) -> None:
        if self.engine.swaps >= self._at:
            self.go.wait(30)
            threading.Event().wait(self._pause_s)


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

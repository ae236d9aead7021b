"""Who becomes whom in a video, told by their colours."""

from pathlib import Path

from storage.records.detection import read_detection
from storage.records.status import Segments
from storage.stores.memory_store import MemoryStore
from tests.support.buckets import upload
from tests.support.engines import person_bgr
from tests.support.jobs import SOURCE_BGR, announce, body_of, ended, error_of, running
from tests.support.reels import ReelEngine, across, colour_at, frames_of, reel, seen, still
from tests.support.video_jobs import BLUE, colour_source, near, result_of, video_done
from tests.support.videos import sounds


async def test_the_largest_person_is_swapped_in_every_frame_and_nobody_else(tmp_path: Path) -> None:
    store = MemoryStore()
    main, other = across(), seen(still(100, 60), 12, 30)
    clip = reel(tmp_path / "clip.mp4", {0: main, 2: other}, frames=50)
    status = await video_done(store, clip)
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


async def test_with_many_faces_everybody_is_swapped(tmp_path: Path) -> None:
    store = MemoryStore()
    clip = reel(tmp_path / "clip.mp4", {0: still(8, 20), 2: still(100, 40)}, frames=24)
    status = await video_done(store, clip, options={"many_faces": True})
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
    status = await video_done(store, clip, process_type="multi-video", face_mappings=mappings)
    last = frames_of(await result_of(store, status), tmp_path)[-1]
    assert near(colour_at(last, (100, 40)), SOURCE_BGR)
    assert near(colour_at(last, (8, 20)), BLUE)


async def test_a_mapping_with_a_detection_goes_onto_whom_the_sender_pointed_at(tmp_path: Path) -> None:
    store = MemoryStore()
    one, two = still(8, 20), seen(still(100, 40), 25, 60)
    clip = reel(tmp_path / "clip.mp4", {0: one, 2: two}, frames=45)
    target = await upload(store, clip.read_bytes(), "mp4")
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
    code, message = error_of(
        await video_done(store, clip, process_type="multi-video", face_mappings=mappings)
    )
    assert code == "face_not_found"
    assert "face_3" in message

"""Detecting faces as a job of its own, and mappings bound to what it found."""

import base64
import json
from typing import Any

import cv2
import numpy as np
import pytest

from consumer.jobs.progress import JobProgress
from pipeline.face import Array, Bgr, Face, FoundFaces
from pipeline.media.pictures.decode import Limits, decode
from pipeline.steps import Steps
from storage import keys
from storage.records.status import Status
from storage.stores.memory_store import MemoryStore
from storage.stores.port import ObjectStore
from tests.support.animations import animate
from tests.support.calls import counted
from tests.support.engines import FlatEngine, person_bgr, picture, png
from tests.support.jobs import announce, ended, running
from tests.support.pictures import to_image

GREEN, BLUE = (10, 200, 30), (220, 40, 20)
LEFT, RIGHT, ABOVE = (4, 24, 12, 12), (40, 26, 14, 14), (20, 4, 12, 12)
TWO = picture(faces=(LEFT, RIGHT), people=(0, 2))
THREE = picture(faces=(LEFT, RIGHT, ABOVE), people=(0, 2, 4))
"""The same picture, in which somebody is now found above the two: every number has changed."""


async def upload(store: ObjectStore, body: bytes, content_type: str = "image/png") -> str:
    key = keys.new_upload("png")
    await store.put(key, body, content_type=content_type)
    return key


async def drop_detect(store: ObjectStore, target: bytes, **manifest: object) -> str:
    key = await upload(store, target)
    return await announce(store, {"process_type": "detect-faces", "target": key, **manifest})


async def detection_of(store: ObjectStore, status: Status) -> dict[str, Any]:
    assert status.result is not None, status.error
    stored = await store.get(status.result.key, max_bytes=1 << 20)
    found: dict[str, Any] = json.loads(stored.body)
    return found


async def drop_bound(store: ObjectStore, target: bytes, detection: str, *names: str) -> str:
    """Announce a job that makes the named faces of a stored detection green."""
    source = await upload(store, png(picture(colour=GREEN)))
    return await announce(
        store,
        {
            "process_type": "multi-image",
            "target": await upload(store, target),
            "face_mappings": dict.fromkeys(names, source),
            "detection": detection,
        },
    )


async def test_the_result_describes_every_face_and_the_record_lists_them_unswapped() -> None:
    store = MemoryStore()
    job = await drop_detect(store, png(TWO))
    async with running(store, FlatEngine()):
        status = await ended(store, job)
    assert status.status == "completed", status.error
    assert status.result is not None
    assert status.result.key.startswith(f"{keys.result_folder(job)}1-")
    assert keys.is_secret_result(status.result.key)
    assert (status.result.content_type, status.result.width, status.result.height) == (
        "application/json",
        64,
        48,
    )
    assert status.result.faces_swapped is None
    assert status.faces is not None
    assert [(face.face_id, face.box, face.swapped, face.source) for face in status.faces] == [
        ("face_0", LEFT, False, None),
        ("face_1", RIGHT, False, None),
    ]
    assert status.engine is not None
    assert set(status.timings_ms) == {"download", "decode", "detect", "encode", "upload"}
    found = await detection_of(store, status)
    assert found["media"] == {"kind": "picture", "width": 64, "height": 48}
    assert (found["version"], found["total_faces"]) == (1, 2)
    face = found["faces"][1]
    assert (face["face_id"], face["x"], face["y"], face["width"], face["height"]) == ("face_1", *RIGHT)
    assert (face["center_x"], face["center_y"], len(face["kps"])) == (47, 33, 5)
    assert face["position_description"] == "bottom right"
    assert face["embedding"] == list(person_bgr(2))
    head, _, body = face["preview"].partition(",")
    assert head == "data:image/jpeg;base64"
    shown = cv2.imdecode(np.frombuffer(base64.b64decode(body), np.uint8), cv2.IMREAD_COLOR)
    assert shown is not None
    assert shown.shape[0] == shown.shape[1]


async def test_a_picture_without_a_face_is_a_result_and_not_an_error() -> None:
    store = MemoryStore()
    job = await drop_detect(store, png(picture(faces=())))
    async with running(store, FlatEngine()):
        status = await ended(store, job)
    assert (status.status, status.faces) == ("completed", ())
    found = await detection_of(store, status)
    assert (found["total_faces"], found["faces"]) == (0, [])


async def test_of_an_animation_the_first_frame_is_looked_at_and_that_is_said() -> None:
    frames = [to_image(bgr) for bgr in (TWO, picture(faces=()), picture(faces=()))]
    store = MemoryStore()
    job = await drop_detect(store, animate(frames, "PNG", [100, 100, 100]))
    async with running(store, FlatEngine()):
        status = await ended(store, job)
    assert "first_frame_only" in [warning.code for warning in status.warnings]
    assert (await detection_of(store, status))["total_faces"] == 2


async def test_of_an_animation_that_fades_in_the_frame_is_looked_at_in_which_mappings_count() -> None:
    frames = [to_image(bgr) for bgr in (picture(faces=()), TWO, THREE)]
    body = animate(frames, "PNG", [100, 100, 100], default_image=True)
    store = MemoryStore()
    job = await drop_detect(store, body)
    async with running(store, FlatEngine()):
        status = await ended(store, job)
        found = await detection_of(store, status)
        assert [face["x"] for face in found["faces"]] == [LEFT[0], RIGHT[0]]
        assert any("frame 1 of 2" in warning.message for warning in status.warnings)
        assert status.result is not None
        bound = await ended(store, await drop_bound(store, body, status.result.key, "face_1"))
    assert bound.faces is not None, bound.error
    assert [(face.face_id, face.box) for face in bound.faces if face.swapped] == [("face_1", RIGHT)]


async def test_an_animation_without_a_face_is_looked_through_to_its_end() -> None:
    store = MemoryStore()
    frames = [to_image(picture(colour=(200, shade, 40), faces=())) for shade in (10, 60, 120)]
    job = await drop_detect(store, animate(frames, "GIF", [100, 100, 100]))
    async with running(store, FlatEngine()):
        status = await ended(store, job)
    assert (status.status, status.faces) == ("completed", ()), status.error
    assert any("None of the target's 3 frames" in warning.message for warning in status.warnings)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (png(TWO)[:-30], "media_corrupt"),
        (b"no picture at all", "unsupported_media"),
        (b"\0\0\0\x18ftypisom\0\0\0\0isomiso2", "media_corrupt"),
        (png(picture(400, 300)), "input_too_large"),
    ],
)
async def test_a_bad_target_fails_with_its_code(body: bytes, code: str) -> None:
    store = MemoryStore()
    job = await drop_detect(store, body)
    async with running(store, FlatEngine(), max_pixels=100_000):
        status = await ended(store, job)
    assert status.error is not None
    assert status.error.code == code
    assert status.error.message.startswith("The target cannot be used.")


async def test_options_of_swaps_are_said_to_have_no_effect_and_need_no_model() -> None:
    store = MemoryStore()
    options = {
        "many_faces": True,
        "swap_strength": 0.2,
        "pixel_boost": 512,
        "use_face_enhancer": True,
        "enhancer_strength": 0.5,
        "mouth_mask": True,
        "color_correction": False,
        "output_format": "png",
        "image_quality": 10,
        "keep_audio": False,
    }
    job = await drop_detect(store, png(TWO), options=options)
    plain = await drop_detect(store, png(TWO), detection="results/x/1.json")
    async with running(store, FlatEngine()):
        status, other = await ended(store, job), await ended(store, plain)
    assert status.status == "completed", status.error
    ignored = [warning.message for warning in status.warnings if warning.code == "option_ignored"]
    assert sorted(message.split("`")[1] for message in ignored) == sorted(options)
    assert [warning.code for warning in other.warnings] == ["field_ignored"]


async def test_faces_below_the_operators_floor_are_not_there_for_any_kind_of_job() -> None:
    """The upper face is 12 px: without it the two others are counted from 0 again."""
    target = picture(faces=((4, 20, 16, 16), (40, 22, 18, 18), (20, 2, 12, 12)))
    store = MemoryStore()
    detect = await drop_detect(store, png(target))
    source = await upload(store, png(picture(colour=GREEN)))
    body = await upload(store, png(target))
    multi = await announce(
        store, {"process_type": "multi-image", "target": body, "face_mappings": {"face_0": source}}
    )
    everybody = await announce(store, {"source": source, "target": body, "options": {"many_faces": True}})
    small = await announce(
        store, {"source": source, "target": await upload(store, png(picture(faces=((2, 2, 9, 9),))))}
    )
    async with running(store, FlatEngine(), min_face_px=14):
        found = await ended(store, detect)
        assert found.faces is not None
        assert [face.box[:2] for face in found.faces] == [(4, 20), (40, 22)]
        mapped, all_of_them = await ended(store, multi), await ended(store, everybody)
        none = await ended(store, small)
    assert mapped.faces is not None
    assert [(face.box[:2], face.swapped) for face in mapped.faces] == [((4, 20), True), ((40, 22), False)]
    assert all_of_them.result is not None
    assert all_of_them.result.faces_swapped == 2
    assert none.error is not None
    assert none.error.code == "no_face_in_target"
    assert "at least 14 pixels" in none.error.message


async def test_a_face_that_does_not_count_does_not_join_two_rows() -> None:
    """The two stand in two rows; a narrow face between them, which is too small, reaches into both."""
    upper, lower, narrow = (40, 4, 16, 16), (4, 13, 16, 16), (26, 2, 6, 34)
    store = MemoryStore()
    job = await drop_detect(store, png(picture(faces=(upper, lower, narrow))))
    async with running(store, FlatEngine(), min_face_px=10):
        status = await ended(store, job)
    assert status.faces is not None
    assert [face.box for face in status.faces] == [upper, lower]


async def test_faces_found_with_too_little_certainty_do_not_count() -> None:
    store = MemoryStore()
    job = await drop_detect(store, png(TWO))
    async with running(store, FlatEngine(), min_face_score=0.95):
        status = await ended(store, job)
    assert status.faces == ()


async def test_a_mapping_follows_the_person_of_the_detection_and_not_the_number() -> None:
    store = MemoryStore()
    job = await drop_detect(store, png(TWO))
    async with running(store, FlatEngine()):
        detected = await ended(store, job)
        assert detected.result is not None
        bound = await ended(store, await drop_bound(store, png(THREE), detected.result.key, "face_1"))
    assert bound.status == "completed", bound.error
    assert bound.faces is not None
    assert [(face.face_id, face.box, face.source) for face in bound.faces if face.swapped] == [
        ("face_2", RIGHT, "face_1")
    ]
    assert bound.result is not None
    body = (await store.get(bound.result.key, max_bytes=1 << 20)).body
    expected = THREE.copy()
    expected[26:40, 40:54] = GREEN
    assert np.array_equal(decode(body, Limits()).bgr, expected)


class OtherModel(FlatEngine):
    """An engine with another identity model, in whose embeddings the two people seem to have swapped."""

    @property
    def identity_model(self) -> str:
        return "sha256:01"

    def embed(self, picture: Bgr, face: Face) -> Array | None:
        embedding = super().embed(picture, face)
        return None if embedding is None else np.array([0, 100 - embedding[1], 255], np.float32)


async def test_embeddings_of_another_model_are_not_compared_and_that_is_said() -> None:
    store = MemoryStore()
    job = await drop_detect(store, png(TWO))
    async with running(store, FlatEngine()):
        detected = await ended(store, job)
    assert detected.result is not None
    async with running(store, OtherModel()):
        bound = await ended(store, await drop_bound(store, png(THREE), detected.result.key, "face_1"))
    assert bound.faces is not None, bound.error
    assert [face.box for face in bound.faces if face.swapped] == [RIGHT]
    assert "bound_by_place" in [warning.code for warning in bound.warnings]


async def test_a_detection_that_does_not_tell_its_model_is_compared_as_ever() -> None:
    """As a detection of a version before this one: in a mirrored picture only identity tells who is who."""
    store = MemoryStore()
    job = await drop_detect(store, png(TWO))
    async with running(store, FlatEngine()):
        found = await detection_of(store, await ended(store, job))
        assert found.pop("identity_model") == "sha256:00"
        key = await upload(store, json.dumps(found).encode(), "application/json")
        mirrored = png(np.ascontiguousarray(TWO[:, ::-1]))
        bound = await ended(store, await drop_bound(store, mirrored, key, "face_1"))
    assert bound.faces is not None, bound.error
    assert [face.face_id for face in bound.faces if face.swapped] == ["face_0"]
    assert "bound_by_place" not in [warning.code for warning in bound.warnings]


async def test_the_faces_of_a_video_and_more_than_can_be_bound_are_refused() -> None:
    store = MemoryStore()
    job = await drop_detect(store, png(TWO))
    async with running(store, FlatEngine()):
        found = await detection_of(store, await ended(store, job))
        crowd = [found["faces"][0] | {"face_id": f"face_{number}"} for number in range(1001)]
        for changes, words in (
            ({"media": found["media"] | {"kind": "video"}}, "is of a video"),
            ({"faces": crowd, "total_faces": len(crowd)}, "has 1001 faces"),
        ):
            key = await upload(store, json.dumps(found | changes).encode(), "application/json")
            status = await ended(store, await drop_bound(store, png(TWO), key, "face_0"))
            assert status.error is not None
            assert status.error.code == "invalid_manifest"
            assert words in status.error.message


async def test_who_is_gone_since_the_detection_or_never_was_in_it_is_named() -> None:
    store = MemoryStore()
    job = await drop_detect(store, png(TWO))
    async with running(store, FlatEngine()):
        detected = await ended(store, job)
        assert detected.result is not None
        without = png(picture(faces=(LEFT,), people=(0,)))
        key = detected.result.key
        gone = await ended(store, await drop_bound(store, without, key, "face_0", "face_1"))
        never = await ended(store, await drop_bound(store, png(TWO), key, "face_0", "face_4"))
    for status, name in ((gone, "face_1"), (never, "face_4")):
        assert status.error is not None
        assert status.error.code == "face_not_found"
        assert name in status.error.message
        assert status.result is None


async def test_what_is_no_detection_or_cannot_be_had_fails_with_its_code() -> None:
    store = MemoryStore()
    picture_key = await upload(store, png(TWO))
    foreign = f"{keys.STATUS}x.json"
    missing = f"{keys.RESULTS}look-1/1-{'a' * 24}.json"
    expected = {picture_key: "invalid_manifest", foreign: "input_forbidden", missing: "input_not_found"}
    jobs = {key: await drop_bound(store, png(TWO), key, "face_0") for key in expected}
    async with running(store, FlatEngine()):
        for key, code in expected.items():
            status = await ended(store, jobs[key])
            assert status.error is not None
            assert status.error.code == code
            assert "detection" in status.error.message or key in status.error.message


async def test_a_detection_may_be_larger_than_a_picture_may() -> None:
    store = MemoryStore()
    job = await drop_detect(store, png(THREE))
    async with running(store, FlatEngine(), max_input_bytes=1024):
        detected = await ended(store, job)
        assert detected.result is not None
        assert detected.result.size > 1024
        bound = await ended(store, await drop_bound(store, png(THREE), detected.result.key, "face_2"))
    assert bound.status == "completed", bound.error


async def test_numbers_as_large_as_a_detection_may_have_are_no_fault_of_ours() -> None:
    store = MemoryStore()
    job = await drop_detect(store, png(TWO))
    async with running(store, FlatEngine()):
        found = await detection_of(store, await ended(store, job))
        media, face, far = found["media"], found["faces"][1], 1e6
        for changes in (
            {"media": media | {"width": 10**9, "height": 10**9}},
            {"media": media | {"width": 10**9, "height": 1}},
            {"faces": [face | {"x": -far, "y": far, "width": far, "height": 0.1}], "total_faces": 1},
            {"faces": [face | {"embedding": [far] * 3}], "total_faces": 1},
            {"faces": [face | {"embedding": [0.0] * 3}], "total_faces": 1},
            {"faces": [face | {"width": 10**400}], "total_faces": 1},
        ):
            key = await upload(store, json.dumps(found | changes).encode(), "application/json")
            status = await ended(store, await drop_bound(store, png(TWO), key, "face_1"))
            code = status.error.code if status.error else status.status
            assert (status.attempt, code in {"completed", "face_not_found", "invalid_manifest"}) == (
                1,
                True,
            ), code


@pytest.mark.parametrize("crowded", ["detect", "target", "source"])
async def test_a_crowd_shows_life_while_its_faces_are_looked_for(crowded: str) -> None:
    """Thousands of faces take minutes, and what stands still for two is taken for a device that hangs."""

    class Crowd(FlatEngine):
        """Takes 50 steps where a picture is as wide as the crowd's."""

        def find_in_steps(self, picture: Bgr) -> Steps[FoundFaces]:
            found = yield from super().find_in_steps(picture)
            for _ in range(50 if picture.shape[1] == 90 else 0):
                yield
            return found

    store, crowd = MemoryStore(), png(picture(90, 48))
    with counted(JobProgress.report) as calls:
        async with running(store, Crowd()):
            if crowded == "detect":
                job = await drop_detect(store, crowd)
            else:
                files = {"source": png(picture()), "target": png(picture()), crowded: crowd}
                uploads = {name: await upload(store, body) for name, body in files.items()}
                job = await announce(store, {"process_type": "single-image", **uploads})
            status = await ended(store, job)
    assert status.status == "completed", status.error
    assert calls.total() > 50

"""Detect, choose and swap several real people with the embedded engine, through the whole consumer."""

import asyncio

import cv2
import numpy as np
import pytest

from pipeline.engines.mesh.engine import MeshEngine, open_mesh_engine
from pipeline.face import Bgr
from pipeline.media.animations.read import open_animation
from pipeline.media.pictures.decode import Limits, decode
from storage import keys
from storage.records.status import FaceOutcome, Status
from storage.stores.memory_store import MemoryStore
from storage.stores.port import ObjectStore
from tests.support.animations import animate
from tests.support.faces import astronaut, hopper, scaled
from tests.support.jobs import announce, ended, running
from tests.support.pictures import save, to_image
from tests.support.scenes import TILE, grid, tiles

SIX = grid(tiles(), 3)
COLLINS, GRACE = (save(to_image(person), "PNG") for person in (astronaut(), hopper()))


@pytest.fixture(scope="module")
def engine() -> MeshEngine:
    return open_mesh_engine()


async def upload(store: ObjectStore, body: bytes) -> str:
    key = keys.new_upload("png")
    await store.put(key, body, content_type="image/png")
    return key


async def pixels_of(store: ObjectStore, status: Status) -> Bgr:
    assert status.result is not None, status.error
    return decode((await store.get(status.result.key, max_bytes=10**7)).body, Limits()).bgr


def tile(face: FaceOutcome, side: float) -> tuple[int, int]:
    """Row and column of the square in which a face lies."""
    x, y, width, height = face.box
    return int((y + height / 2) / side), int((x + width / 2) / side)


def nearer_to_source(face: FaceOutcome) -> bool:
    seen = face.similarity
    return seen is not None and seen.to_source < seen.source_to_target_before


async def test_two_of_six_people_get_the_other_ones_face_and_four_keep_every_pixel(
    engine: MeshEngine,
) -> None:
    """face_1 is Grace Hopper, face_4 Eileen Collins with her head tilted."""
    store = MemoryStore()
    job = await announce(
        store,
        {
            "process_type": "multi-image",
            "target": await upload(store, save(to_image(SIX), "PNG")),
            "face_mappings": {"face_1": await upload(store, COLLINS), "face_4": await upload(store, GRACE)},
        },
    )
    async with running(store, engine):
        status = await ended(store, job)
    assert status.faces is not None, status.error
    assert [face.source for face in status.faces] == [None, "face_1", None, None, "face_4", None]
    done = [face for face in status.faces if face.swapped]
    assert [tile(face, TILE) for face in done] == [(0, 1), (1, 1)]
    assert all(nearer_to_source(face) for face in done)
    changed = (await pixels_of(store, status) != SIX).any(axis=2)
    assert changed[:, TILE : 2 * TILE].mean() > 0.05
    changed[:, TILE : 2 * TILE] = False
    assert not changed.any()


async def test_who_was_pointed_at_is_swapped_although_the_picture_is_now_another(engine: MeshEngine) -> None:
    """Halved, compressed, and with a person above them whom the detection did not have."""
    empty = np.full((TILE, TILE, 3), 90, np.uint8)
    before = grid([empty, empty, tiles()[0], tiles()[1]], 2)
    today = grid([empty, tiles()[3], tiles()[0], tiles()[1]], 2)
    _, halved = cv2.imencode(".jpg", scaled(today, 0.5), [cv2.IMWRITE_JPEG_QUALITY, 75])
    store = MemoryStore()
    looked = await announce(
        store,
        {
            "process_type": "detect-faces",
            "source": None,
            "target": await upload(store, save(to_image(before), "PNG")),
        },
    )
    async with running(store, engine):
        detected = await ended(store, looked)
        assert detected.result is not None, detected.error
        job = await announce(
            store,
            {
                "process_type": "multi-image",
                "target": await upload(store, halved.tobytes()),
                "face_mappings": {"face_1": await upload(store, COLLINS)},
                "detection": detected.result.key,
            },
        )
        status = await ended(store, job)
    assert status.faces is not None, status.error
    (face,) = [face for face in status.faces if face.swapped]
    assert (face.face_id, face.source) == ("face_2", "face_1")
    assert tile(face, TILE / 2) == (1, 1)
    assert nearer_to_source(face)


async def test_two_people_who_cross_in_an_animation_keep_the_faces_they_were_given(
    engine: MeshEngine,
) -> None:
    """They change sides while one of them is not to be seen; each gets the other one's face."""
    collins, grace = scaled(tiles()[0], 0.6), scaled(tiles()[1], 0.6)
    empty = np.full_like(collins, 110)
    rows = [[collins, empty, grace], [empty, collins, empty], [grace, empty, collins]]
    target = animate([to_image(grid(row, 3)) for row in rows], "PNG", [100, 100, 100])
    store = MemoryStore()
    job = await announce(
        store,
        {
            "process_type": "multi-image",
            "target": await upload(store, target),
            "face_mappings": {"face_0": await upload(store, GRACE), "face_1": await upload(store, COLLINS)},
        },
    )
    async with running(store, engine):
        status = await ended(store, job)
    assert status.result is not None, status.error
    assert (status.progress.unit, status.progress.total) == ("frames", 3)
    animation = open_animation((await store.get(status.result.key, max_bytes=10**7)).body, Limits())
    assert animation is not None
    side = collins.shape[0]
    for row, frame in zip(rows, animation.frames(), strict=True):
        for column, before in enumerate(row):
            after = frame.bgr[:, column * side : (column + 1) * side]
            if before is empty:
                assert np.array_equal(after, empty)
                continue
            given = hopper() if before is collins else astronaut()
            assert _distance(engine, after, given) < _distance(engine, before, given)


def _distance(engine: MeshEngine, one: Bgr, other: Bgr) -> float:
    """Identity distance of the only faces of two pictures."""
    faces = [(shown, engine.find_faces(shown)) for shown in (np.ascontiguousarray(one), other)]
    return engine.distance(*(engine.embed(shown, found[0]) for shown, found in faces))


async def test_the_same_job_gives_the_same_bytes_whatever_runs_beside_it(engine: MeshEngine) -> None:
    """Alone, twice at once, and among jobs of other kinds; but for the mark, which names the job."""
    store = MemoryStore()
    target, source = await upload(store, save(to_image(SIX), "PNG")), await upload(store, GRACE)
    other = await upload(store, COLLINS)
    same: dict[str, object] = {
        "process_type": "multi-image",
        "target": target,
        "face_mappings": {"face_0": source, "face_4": source, "face_3": other},
        "options": {"mouth_mask": True},
    }
    beside: list[dict[str, object]] = [
        {"source": other, "target": source, "options": {"output_format": "jpeg"}},
        {"process_type": "detect-faces", "source": None, "target": target},
        {"source": source, "target": other, "options": {"color_correction": False}},
    ]

    async def run(*manifests: dict[str, object]) -> list[Status]:
        jobs = [await announce(store, manifest) for manifest in manifests]
        return list(await asyncio.gather(*(ended(store, job) for job in jobs)))

    async with running(store, engine):
        (alone,) = await run(same)
        crowded = await run(same, *beside, same, *beside)
    assert {status.status for status in crowded} == {"completed"}
    expected = _packed_pixels(await _body(store, alone))
    again = [status for status in crowded if status.manifest and status.manifest.get("face_mappings")]
    assert len(again) == 2
    for status in again:
        assert _packed_pixels(await _body(store, status)) == expected
        assert status.faces == alone.faces
    for one, two in zip(crowded[1:4], crowded[5:], strict=True):
        assert one.faces == two.faces


async def _body(store: ObjectStore, status: Status) -> bytes:
    assert status.result is not None, status.error
    return (await store.get(status.result.key, max_bytes=10**7)).body


def _packed_pixels(png: bytes) -> bytes:
    """A PNG's compressed pixels, from the first IDAT on: the chunks before hold the mark."""
    return png[png.index(b"IDAT") :]

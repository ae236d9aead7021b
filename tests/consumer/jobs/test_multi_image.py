"""Several faces, each with a source of its own, through the whole consumer with an engine of known result."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import numpy as np
import pytest

from pipeline.engines.base import BlendOptions
from pipeline.face import Bgr, Face, Source
from pipeline.media.pictures.decode import Limits, Picture, PictureFile, decode
from storage import keys
from storage.records.status import FaceOutcome, Status
from storage.stores.memory_store import MemoryStore
from storage.stores.port import ObjectStore
from tests.support.engines import FlatEngine, picture, png
from tests.support.jobs import announce, drop_job, ended, error_of, inbox_empty, running
from tests.support.stores import CountingStore, Op, WrappedStore

T = TypeVar("T")
GREEN, BLUE = (10, 200, 30), (220, 40, 20)
BOXES = ((4, 4, 12, 12), (24, 6, 16, 14), (46, 4, 12, 12))  # face_0, face_1, face_2
THREE = picture(faces=BOXES, people=(0, 1, 2))


async def upload(store: ObjectStore, body: bytes) -> str:
    key = keys.new_upload("png")
    await store.put(key, body, content_type="image/png")
    return key


async def upload_colour(store: ObjectStore, colour: tuple[int, int, int]) -> str:
    """A source picture whose face swaps in as one colour."""
    return await upload(store, png(picture(colour=colour)))


async def drop_multi(store: ObjectStore, target: bytes, mappings: dict[str, str], **manifest: object) -> str:
    """Announce a job that puts an uploaded source onto each face it is mapped to."""
    return await announce(
        store,
        {
            "process_type": "multi-image",
            "target": await upload(store, target),
            "face_mappings": mappings,
            **manifest,
        },
    )


async def result_of(store: ObjectStore, status: Status) -> Bgr:
    assert status.result is not None, status.error
    return decode((await store.get(status.result.key, max_bytes=1 << 20)).body, Limits()).bgr


def painted(target: Bgr, *colours: tuple[tuple[int, int, int, int], tuple[int, int, int]]) -> Bgr:
    """The target with boxes in the colours that a swap gives them."""
    expected = target.copy()
    for (x, y, width, height), colour in colours:
        expected[y : y + height, x : x + width] = colour
    return expected


def told(status: Status) -> list[tuple[str, bool, str | None]]:
    assert status.faces is not None, status.error
    return [(face.face_id, face.swapped, face.source) for face in status.faces]


async def test_each_face_gets_its_own_source_and_who_is_not_mapped_keeps_every_pixel() -> None:
    store = MemoryStore()
    mappings = {"face_2": await upload_colour(store, GREEN), "face_0": await upload_colour(store, BLUE)}
    job = await drop_multi(store, png(THREE), mappings)
    async with running(store, FlatEngine()):
        status = await ended(store, job)
    assert status.status == "completed", status.error
    assert np.array_equal(await result_of(store, status), painted(THREE, (BOXES[0], BLUE), (BOXES[2], GREEN)))
    assert told(status) == [("face_0", True, "face_0"), ("face_1", False, None), ("face_2", True, "face_2")]
    assert status.result is not None
    assert status.result.faces_swapped == 2
    assert status.faces is not None
    assert [_likeness(face) for face in status.faces] == [0, None, 0]


def _likeness(face: FaceOutcome) -> float | None:
    return face.similarity.to_source if face.similarity else None


async def test_a_mapping_to_a_face_that_is_not_there_is_named_with_how_many_there_are() -> None:
    store, engine = MemoryStore(), FlatEngine()
    source = await upload_colour(store, GREEN)
    jobs = [
        await drop_multi(store, png(THREE), {"face_1": source, "face_3": source, "face_7": source}),
        await drop_multi(store, png(picture(faces=())), {"face_0": source}),
    ]
    async with running(store, engine):
        code, message = error_of(await ended(store, jobs[0]))
        nobody = error_of(await ended(store, jobs[1]))
    assert (code, engine.swaps) == ("face_not_found", 0)
    assert message == ("The target has no face_3 and face_7: 3 faces were found there, face_0 to face_2.")
    assert nobody == ("face_not_found", "The target has no face_0: no face was found there.")


async def test_one_source_for_two_faces_is_fetched_decoded_and_prepared_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    decoded: list[PictureFile] = []
    plain = PictureFile.load

    def counting(self: PictureFile) -> Picture:
        decoded.append(self)
        return plain(self)

    monkeypatch.setattr(PictureFile, "load", counting)
    inner, engine = MemoryStore(), FlatEngine()
    store = CountingStore(inner)
    one, copy, other = [await upload_colour(inner, colour) for colour in (GREEN, GREEN, BLUE)]
    job = await drop_multi(inner, png(THREE), {"face_0": one, "face_1": one, "face_2": copy})
    async with running(store, engine):
        await ended(inner, job)
        streamed = [key for op, key in store.calls if op == "stream"]
        assert (len(decoded), engine.prepared) == (2, 1)  # the target, and one content
        assert (streamed.count(one), streamed.count(copy)) == (1, 1)
        again = await drop_multi(inner, png(THREE), {"face_0": copy, "face_1": other})
        status = await ended(inner, again)
    assert (len(decoded), engine.prepared) == (4, 2)  # another target, and the one new source
    assert np.array_equal(await result_of(inner, status), painted(THREE, (BOXES[0], GREEN), (BOXES[1], BLUE)))


async def test_sources_are_fetched_at_the_same_time() -> None:
    class Meeting(WrappedStore):
        """Lets nobody pass before three downloads have begun."""

        def __init__(self, inner: ObjectStore) -> None:
            super().__init__(inner)
            self.all_here = asyncio.Barrier(3)

        async def around(self, op: Op, key: str, call: Callable[[], Awaitable[T]]) -> T:
            if op == "stream" and key.startswith(keys.UPLOADS):
                await self.all_here.wait()
            return await call()

    store = MemoryStore()
    mappings = {"face_0": await upload_colour(store, GREEN), "face_1": await upload_colour(store, BLUE)}
    job = await drop_multi(store, png(THREE), mappings)
    async with running(Meeting(store), FlatEngine()):
        assert (await ended(store, job)).status == "completed"


async def test_a_folder_with_numbered_faces_is_such_a_job() -> None:
    store = MemoryStore()
    for name, body in (
        ("face_0.png", png(picture(colour=BLUE))),
        ("face_2.png", png(picture(colour=GREEN))),
        ("target.png", png(THREE)),
    ):
        await store.put(f"{keys.INBOX}party/{name}", body, content_type="image/png")
    async with running(store, FlatEngine()):
        await inbox_empty(store)
    [found] = (await store.list(keys.STATUS)).objects
    status = Status.from_bytes((await store.get(found.key, max_bytes=1 << 20)).body)
    assert told(status) == [("face_0", True, "face_0"), ("face_1", False, None), ("face_2", True, "face_2")]
    assert np.array_equal(await result_of(store, status), painted(THREE, (BOXES[0], BLUE), (BOXES[2], GREEN)))


class Stubborn(FlatEngine):
    """Cannot swap the faces of some people."""

    def __init__(self, *left_edges: int) -> None:
        super().__init__()
        self._left_edges = left_edges

    def swap(
        self,
        frame: Bgr,
        pairs: Sequence[tuple[Face, Source]],
        blend: BlendOptions,
        *,
        others: Sequence[Face] = (),
    ) -> list[bool]:
        can = [int(face.bbox[0]) not in self._left_edges for face, _ in pairs]
        super().swap(frame, list(itertools.compress(pairs, can)), blend, others=others)
        return can


async def test_a_face_that_cannot_be_swapped_is_told_and_the_others_are_done() -> None:
    store = MemoryStore()
    source = await upload_colour(store, GREEN)
    job = await drop_multi(store, png(THREE), {f"face_{number}": source for number in range(3)})
    async with running(store, Stubborn(BOXES[0][0], BOXES[2][0])):
        status = await ended(store, job)
    assert told(status) == [
        ("face_0", False, "face_0"),
        ("face_1", True, "face_1"),
        ("face_2", False, "face_2"),
    ]
    [message] = [warning.message for warning in status.warnings if warning.code == "faces_not_swapped"]
    assert "face_0 and face_2" in message
    assert "face_1" not in message


async def test_if_no_face_could_be_swapped_the_job_has_failed() -> None:
    store = MemoryStore()
    job = await drop_multi(store, png(THREE), {"face_1": await upload_colour(store, GREEN)})
    async with running(store, Stubborn(BOXES[1][0])):
        assert error_of(await ended(store, job))[0] == "no_face_in_target"


async def test_a_bad_source_is_named_by_the_face_it_is_for() -> None:
    store = MemoryStore()
    good = await upload_colour(store, GREEN)
    bad = {
        "no_face_in_source": png(picture(faces=())),
        "media_corrupt": png(picture())[:-30],
        "unsupported_media": b"\0\0\0\x18ftypisom\0\0\0\0isomiso2",
    }
    jobs = {
        code: await drop_multi(store, png(THREE), {"face_0": good, "face_2": await upload(store, body)})
        for code, body in bad.items()
    }
    async with running(store, FlatEngine()):
        for expected, job in jobs.items():
            code, message = error_of(await ended(store, job))
            assert code == expected
            assert "picture for face_2" in message


async def test_many_pictures_that_are_too_much_together_are_refused() -> None:
    store = MemoryStore()
    noise = np.random.default_rng(5).integers(0, 255, (24, 24, 3), np.uint8)
    sources = [png(np.roll(noise, shift)) for shift in range(6)]
    mappings = {f"face_{n}": await upload(store, body) for n, body in enumerate(sources)}
    job = await drop_multi(store, png(THREE), mappings)
    large = await drop_multi(
        store,
        png(THREE),
        {f"face_{n}": await upload_colour(store, (n, n, n)) for n in range(2)},
    )
    async with running(
        store, FlatEngine(), max_input_bytes=len(sources[0]) + 100, max_pixels=4096, max_animation_pixels=5000
    ):
        bytes_together = error_of(await ended(store, job))
        pixels_together = error_of(await ended(store, large))
    assert bytes_together[0] == pixels_together[0] == "input_too_large"
    assert "of this job" in bytes_together[1]
    assert "faces to put in" in pixels_together[1]


async def test_without_mappings_or_with_a_source_it_is_no_such_job() -> None:
    store = MemoryStore()
    job = await drop_job(store)  # single-image goes on as before
    wrong = await announce(
        store,
        {"process_type": "multi-image", "source": "uploads/a.png", "target": "uploads/b.png"},
    )
    async with running(store, FlatEngine()):
        assert (await ended(store, job)).status == "completed"
        assert error_of(await ended(store, wrong))[0] == "invalid_manifest"

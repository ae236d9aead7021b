"""A swap of a picture from its files to its result, with an engine of known result."""

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
import pytest

from consumer.jobs.detection_record import to_record, to_stored_faces
from pipeline.engines.base import BlendOptions
from pipeline.errors import (
    MediaCorrupt,
    MediaTooLarge,
    NoFaceInSource,
    NoFaceInTarget,
    OptionUnavailable,
    UnsupportedMedia,
)
from pipeline.face import Array, Bgr, Face, FoundFaces, Source
from pipeline.marks.vocabulary import DIGITAL_SOURCE_TYPE
from pipeline.media.pictures.decode import Limits, decode
from pipeline.media.pictures.png import read_png
from pipeline.media.sniff import sniff
from pipeline.steps import Steps, at_once
from pipeline.swap.request import Choice, Every, FaceFilter, Largest, Mapped, Recognised, SwapRequest
from pipeline.swap.run import SwapRun
from pipeline.swap.swapper import Swapper
from pipeline.swap.timing import Timings
from pipeline.swap.whole import SwappedFile, detect_file
from tests.support.calls import counted
from tests.support.engines import FACE_BGR, FlatEngine, picture, png
from tests.support.requests import a_files, a_request, swap

SOURCE_BGR = (10, 200, 30)
MP4 = b"\0\0\0\x18ftypisom\0\0\0\0isomiso2" + bytes(64)
TWO_FACES = ((4, 4, 10, 12), (30, 6, 20, 24))


def request(source: Bgr | bytes, target: Bgr | bytes, *, many_faces: bool = False) -> SwapRequest:
    bodies = [body if isinstance(body, bytes) else png(body) for body in (source, target)]
    return a_request(*bodies, choice=Every() if many_faces else Largest())


def run(asked: SwapRequest, swapper: Swapper | None = None) -> SwappedFile:
    return swap(asked, swapper or Swapper(FlatEngine()))


def opened(asked: SwapRequest, limits: Limits | None = None, engine: FlatEngine | None = None) -> SwapRun:
    return Swapper(engine or FlatEngine()).open(asked, limits or Limits(), Timings())


def told_progress(asked: SwapRequest, engine: FlatEngine) -> tuple[SwapRun, list[tuple[int, int]]]:
    """Swap a picture step by step; the progress after each."""
    running = opened(asked, engine=engine)
    for name in running.unprepared:
        at_once(running.prepare(name, running.load(name)))
    told = [running.progress]
    work = running.begin(running.read_frame())
    done = False
    while not done:
        done = work.step()
        told.append(running.progress)
    return running, list(dict.fromkeys(told))


def test_only_the_largest_face_changes_and_nothing_outside_of_it() -> None:
    target = picture(faces=TWO_FACES)
    expected = target.copy()
    expected[6:30, 30:50] = SOURCE_BGR
    swapped = run(request(picture(colour=SOURCE_BGR), target))
    assert np.array_equal(decode(swapped.data, Limits()).bgr, expected)
    assert [face.swapped for face in swapped.result.faces] == [False, True]
    assert swapped.result.faces[1].box == (30, 6, 20, 24)


def test_many_faces_changes_every_face() -> None:
    target = picture(faces=TWO_FACES)
    swapped = run(request(picture(colour=SOURCE_BGR), target, many_faces=True))
    assert not np.any(np.all(swapped.picture.bgr == FACE_BGR, axis=-1))
    assert [face.face_id for face in swapped.result.faces if face.swapped] == ["face_0", "face_1"]


def test_the_largest_face_of_the_source_is_the_one_put_in() -> None:
    seen: list[Face] = []

    class Remembering(FlatEngine):
        def prepare_source(self, picture: Bgr, face: Face) -> Source:
            seen.append(face)
            return super().prepare_source(picture, face)

    run(request(picture(faces=TWO_FACES), picture()), Swapper(Remembering()))
    assert [face.size for face in seen] == [(20, 24)]


def test_likeness_tells_both_distances_of_the_face_before_and_after() -> None:
    swapped = run(request(picture(colour=SOURCE_BGR), picture()))
    apart = round(float(np.linalg.norm(np.subtract(FACE_BGR, SOURCE_BGR))), 4)
    likeness = swapped.result.faces[0].likeness
    assert likeness is not None
    assert (likeness.to_source, likeness.to_target_before) == (0, apart)
    assert likeness.source_to_target_before == apart


def test_an_engine_without_identity_gives_no_likeness() -> None:
    class Anonymous(FlatEngine):
        def embed(self, picture: Bgr, face: Face) -> None:  # noqa: ARG002 -- the port's
            return None

    swapped = run(request(picture(), picture()), Swapper(Anonymous()))
    assert swapped.result.faces[0].likeness is None
    assert swapped.result.faces[0].swapped


def test_a_result_without_a_swapped_face_is_an_error_and_not_a_success() -> None:
    class Refusing(FlatEngine):
        def swap(
            self,
            frame: Bgr,  # noqa: ARG002 -- the port's
            pairs: Sequence[tuple[Face, Source]],
            blend: BlendOptions,  # noqa: ARG002 -- the port's
            *,
            others: Sequence[Face] = (),  # noqa: ARG002 -- the port's
        ) -> list[bool]:
            return [False] * len(pairs)

    with pytest.raises(NoFaceInTarget):
        run(request(picture(), picture()), Swapper(Refusing()))


def test_each_missing_face_is_blamed_on_its_own_picture() -> None:
    with pytest.raises(NoFaceInTarget):
        run(request(picture(), picture(faces=())))
    with pytest.raises(NoFaceInSource):
        run(request(picture(faces=()), picture()))


def test_one_source_for_many_targets_is_prepared_once_as_long_as_it_is_kept() -> None:
    engine = FlatEngine()
    swapper = Swapper(engine, kept_sources=2)
    red, green, blue = (request(picture(colour=c), picture()) for c in ((9, 9, 99), (9, 99, 9), (99, 9, 9)))
    for asked in (red, green, red, red):
        run(asked, swapper)
    assert engine.prepared == 2
    run(blue, swapper)  # pushes out green, used longest ago
    run(red, swapper)
    assert engine.prepared == 3
    run(green, swapper)
    assert engine.prepared == 4


def test_a_video_as_source_is_told_that_the_two_may_be_the_wrong_way_round() -> None:
    for asked in (request(MP4, picture()), request(MP4, MP4)):
        with pytest.raises(UnsupportedMedia, match="wrong way round"):
            opened(asked)


def test_a_video_as_target_is_unsupported_for_now() -> None:
    with pytest.raises(UnsupportedMedia, match=r"target .* is an MP4 video"):
        opened(request(picture(), MP4))


@pytest.mark.parametrize(("broken", "name"), [(0, "source"), (1, "target")])
def test_an_error_names_the_picture_it_is_about(broken: int, name: str) -> None:
    bodies: list[Bgr | bytes] = [picture(), picture()]
    bodies[broken] = png(picture())[:-40]
    with pytest.raises(MediaCorrupt, match=f"The {name} cannot be used"):
        opened(request(*bodies))


def test_memory_is_known_before_anything_is_decoded() -> None:
    asked = request(picture(100, 80), picture(60, 50))
    assert opened(asked).memory_bytes() == (100 * 80 + 60 * 50) * 16
    with pytest.raises(MediaTooLarge, match="source"):
        opened(asked, Limits(max_pixels=100 * 80 - 1))


def test_memory_is_that_of_the_format_asked_for_where_that_takes_more() -> None:
    asked = request(picture(100, 80), picture(60, 50))
    plain = opened(asked).memory_bytes()
    assert opened(asked).memory_bytes("png") == plain
    assert opened(asked).memory_bytes("webp") == plain + 60 * 50 * (32 - 16)
    assert opened(asked).memory_bytes("avif") == plain + 60 * 50 * (48 - 16)


def test_stages_are_timed_and_notices_of_the_engine_reach_the_result() -> None:
    timings = Timings()
    swapped = swap(request(picture(), picture()), FlatEngine(), "jpeg", timings=timings)
    assert set(timings.ms) == {"decode", "detect", "swap", "encode"}
    assert [notice.code for notice in swapped.result.notices] == ["basic_engine"]


def test_the_result_is_in_the_format_asked_for_and_marked() -> None:
    for requested, extension in ((None, "png"), ("jpeg", "jpg"), ("webp", "webp")):
        swapped = swap(request(picture(), picture()), FlatEngine(), requested)  # type: ignore[arg-type] # literals
        assert swapped.written.media.extension == extension
        assert swapped.written.size_bytes == len(swapped.data)
        assert DIGITAL_SOURCE_TYPE.encode() in swapped.data


def test_progress_counts_the_faces() -> None:
    asked = request(picture(), picture(faces=TWO_FACES), many_faces=True)
    running, told = told_progress(asked, FlatEngine())
    assert running.target.unit == "faces"
    assert told == [(0, 0), (0, 2), (1, 2), (2, 2)]


def test_faces_are_swapped_in_batches_of_the_engines_own_size_and_each_keeps_its_result() -> None:
    class EveryOther(FlatEngine):
        def swap(
            self,
            frame: Bgr,
            pairs: Sequence[tuple[Face, Source]],
            blend: BlendOptions,
            *,
            others: Sequence[Face] = (),
        ) -> list[bool]:
            super().swap(frame, pairs, blend, others=others)
            return [face.bbox[0] % 2 == 0 for face, _ in pairs]

    boxes = tuple((x, 4, 6, 8) for x in (2, 11, 20, 30, 41))
    asked = request(picture(), picture(faces=boxes), many_faces=True)
    engine = EveryOther(batch_size=2)
    running, told = told_progress(asked, engine)
    swapped = running.result()
    assert told[1:] == [(0, 5), (2, 5), (4, 5), (5, 5)]
    assert engine.swaps == 3
    assert [face.swapped for face in swapped.faces] == [True, False, True, True, False]
    assert [face.likeness is not None for face in swapped.faces] == [True, False, True, True, False]


class Blackening:
    """An enhancer that turns a face black and remembers which ones it was given."""

    name = "black"

    def __init__(self) -> None:
        self.faces: list[Face] = []
        self.others: Sequence[Face] = ()
        self.keeps_mouth = False
        self.strength = -1.0

    def enhance(
        self,
        frame: Bgr,
        face: Face,
        *,
        others: Sequence[Face] = (),
        keep_mouth: bool = False,
        strength: float = 1.0,
    ) -> bool:
        self.faces.append(face)
        self.others = others
        self.keeps_mouth = keep_mouth
        self.strength = strength
        x0, y0, x1, y1 = face.bbox.astype(int)
        frame[y0:y1, x0:x1] = 0
        return True


def enhanced(asked: SwapRequest, swapper: Swapper) -> SwappedFile:
    return run(replace(asked, blend=BlendOptions(enhance=True)), swapper)


def test_only_swapped_faces_are_enhanced_after_the_swap() -> None:
    class EveryOther(FlatEngine):
        def swap(
            self,
            frame: Bgr,
            pairs: Sequence[tuple[Face, Source]],
            blend: BlendOptions,
            *,
            others: Sequence[Face] = (),
        ) -> list[bool]:
            super().swap(frame, pairs, blend, others=others)
            return [index % 2 == 0 for index in range(len(pairs))]

    enhancer = Blackening()
    swapper = Swapper(EveryOther(batch_size=8), enhancer=enhancer)
    asked = request(picture(colour=SOURCE_BGR), picture(faces=TWO_FACES), many_faces=True)
    swapped = enhanced(asked, swapper)
    assert [face.bbox[0] for face in enhancer.faces] == [4]
    assert not swapped.picture.bgr[4:16, 4:14].any()
    assert (swapped.picture.bgr[6:30, 30:50] == SOURCE_BGR).all()


def test_the_likeness_is_that_of_the_enhanced_face() -> None:
    asked = request(picture(colour=SOURCE_BGR), picture())
    likeness = enhanced(asked, Swapper(FlatEngine(), enhancer=Blackening())).result.faces[0].likeness
    assert likeness is not None
    assert likeness.to_source == round(float(np.linalg.norm(SOURCE_BGR)), 4)


@pytest.mark.parametrize("keep", [True, False])
def test_a_mouth_that_was_not_swapped_is_not_enhanced(keep: bool) -> None:  # noqa: FBT001 -- a parameter of the test
    enhancer = Blackening()
    blend = BlendOptions(enhance=True, mouth_mask=keep)
    run(replace(request(picture(), picture()), blend=blend), Swapper(FlatEngine(), enhancer=enhancer))
    assert enhancer.keeps_mouth == keep


def test_the_enhancer_is_told_how_much_of_it_may_show() -> None:
    enhancer = Blackening()
    blend = BlendOptions(enhance=True, enhancer_strength=0.3)
    run(replace(request(picture(), picture()), blend=blend), Swapper(FlatEngine(), enhancer=enhancer))
    assert enhancer.strength == 0.3


def test_nothing_is_enhanced_unasked_and_asking_in_vain_is_an_error() -> None:
    enhancer = Blackening()
    run(request(picture(), picture()), Swapper(FlatEngine(), enhancer=enhancer))
    assert enhancer.faces == []
    with pytest.raises(OptionUnavailable, match="use_face_enhancer"):
        enhanced(request(picture(), picture()), Swapper(FlatEngine()))


def test_engine_and_enhancer_are_told_of_every_face_of_the_picture_not_only_of_the_chosen_one() -> None:
    told: list[Sequence[Face]] = []

    class Listening(FlatEngine):
        def swap(
            self,
            frame: Bgr,
            pairs: Sequence[tuple[Face, Source]],
            blend: BlendOptions,
            *,
            others: Sequence[Face] = (),
        ) -> list[bool]:
            told.append(others)
            return super().swap(frame, pairs, blend, others=others)

    enhancer = Blackening()
    asked = request(picture(), picture(faces=((4, 4, 10, 12), (30, 6, 20, 24))))
    enhanced(asked, Swapper(Listening(), enhancer=enhancer))
    for others in (*told, enhancer.others):
        assert [face.bbox[0] for face in others] == [4, 30]


def test_a_large_group_gives_the_device_back_between_its_batches() -> None:
    class Counting(FlatEngine):
        calls = 0

        def embed(self, picture: Bgr, face: Face) -> Array | None:
            self.calls += 1
            return super().embed(picture, face)

    boxes = tuple((x, 4, 6, 8) for x in (2, 11, 20, 30, 41))
    engine = Counting(batch_size=2)
    running = opened(request(picture(), picture(faces=boxes), many_faces=True), engine=engine)
    at_once(running.prepare("source", running.load("source")))
    work = running.begin(running.read_frame())
    done, before = False, 0
    while not done:
        done = work.step()
        assert engine.calls + engine.swaps - before <= 2
        before = engine.calls + engine.swaps
    assert (engine.calls, engine.swaps) == (10, 3)
    assert all(face.likeness for face in running.result().faces)


class Crowded(FlatEngine):
    """Says that there were more faces; counts what it does."""

    calls = 0

    def find_in_steps(self, picture: Bgr) -> Steps[FoundFaces]:
        found = yield from super().find_in_steps(picture)
        for _ in found.faces:
            self.calls += 1
            yield
        return replace(found, left_out=7)

    def embed(self, picture: Bgr, face: Face) -> Array | None:
        self.calls += 1
        return super().embed(picture, face)


MANY = tuple((x, 4, 6, 8) for x in (2, 11, 20, 30, 41))


def in_single_steps(asked: SwapRequest, engine: Crowded) -> SwapRun:
    """Swap a picture; no step takes more than one face."""
    running = opened(asked, engine=engine)
    for name in running.unprepared:
        at_once(running.prepare(name, running.load(name)))
    work, done = running.begin(running.read_frame()), False
    while not done:
        before = engine.calls + engine.swaps
        done = work.step()
        assert engine.calls + engine.swaps - before <= 1
    return running


@pytest.mark.parametrize("choice", [Every(), Mapped(), "stored", "recognised"])
def test_faces_are_found_and_chosen_one_a_step(choice: Choice | str) -> None:
    """A step that takes as long as there are faces is taken for a device that hangs."""
    target, engine = picture(faces=MANY, people=(0, 1, 2, 3, 4)), Crowded()
    source: bytes | dict[str, bytes] = png(picture())
    if choice == "stored":
        found = detect_file(Crowded(), png(target), Limits(), FaceFilter())
        choice = Mapped(to_stored_faces(to_record(found)))
    elif choice == "recognised":
        choice = Recognised(png(picture(faces=((10, 10, 20, 20),), people=(2,))))
    assert not isinstance(choice, str)
    if isinstance(choice, Mapped):
        source = {"face_3": png(picture())}
    running = in_single_steps(a_request(source, png(target), choice=choice), engine)
    assert engine.calls >= 5
    assert sum(face.swapped for face in running.result().faces) == (5 if choice == Every() else 1)


def test_that_faces_were_left_out_is_told() -> None:
    running = in_single_steps(request(picture(), picture(faces=MANY), many_faces=True), Crowded())
    notices = [notice for notice in running.result().notices if notice.code == "faces_left_out"]
    assert [notice.message.split(". ")[1] for notice in notices] == [
        "Only the largest count; 7 smaller ones do not."
    ]


def test_what_is_known_of_a_swap_can_be_told_although_it_came_to_nothing() -> None:
    class Refusing(FlatEngine):
        def swap(
            self,
            frame: Bgr,  # noqa: ARG002 -- the port's
            pairs: Sequence[tuple[Face, Source]],
            blend: BlendOptions,  # noqa: ARG002 -- the port's
            *,
            others: Sequence[Face] = (),  # noqa: ARG002 -- the port's
        ) -> list[bool]:
            return [False] * len(pairs)

    running = opened(request(picture(), picture(faces=TWO_FACES)), engine=Refusing())
    assert not running.faces
    at_once(running.prepare("source", running.load("source")))
    assert not running.swap(running.read_frame())
    assert [(face.source, face.swapped) for face in running.faces] == [(None, False), ("source", False)]
    assert [notice.code for notice in running.notices] == ["basic_engine"]
    assert running.engine.name == "flat"


def test_a_source_that_is_kept_is_not_opened_again() -> None:
    swapper = Swapper(FlatEngine())
    run(request(picture(), picture()), swapper)
    kept = swapper.open(request(picture(), picture()), Limits(), Timings())
    assert kept.unprepared == ()
    assert kept.swap(kept.read_frame())


def test_each_file_of_a_job_is_sniffed_once_and_walked_once() -> None:
    asked = request(picture(), png(cv2.cvtColor(picture(), cv2.COLOR_BGR2BGRA).astype(np.uint8)))
    with counted(sniff, read_png) as calls:
        run(asked)
    assert calls == {"sniff": 2, "read_png": 2}


def averaged(*colours: tuple[int, int, int], faces: bool = True) -> SwapRequest:
    several = {
        f"source_{number}": png(picture(colour=colour, faces=((20, 10, 24, 24),) if faces else ()))
        for number, colour in enumerate(colours, start=1)
    }
    return replace(a_request({"source": b""}, png(picture())), averaged=True, sources=a_files(several))


def test_several_pictures_of_one_person_are_put_in_as_their_mean_and_called_source() -> None:
    swapper = Swapper(engine := FlatEngine())
    for _ in range(2):  # the second time all of them are kept
        swapped = run(averaged((10, 200, 30), (30, 100, 50)), swapper)
        assert [face.source for face in swapped.result.faces] == ["source"]
        assert swapped.picture.bgr[20, 30].tolist() == [20, 150, 40]
    assert engine.prepared == 2


def test_a_picture_that_is_there_twice_counts_once() -> None:
    swapped = run(averaged((10, 200, 30), (30, 100, 50), (10, 200, 30)))
    assert swapped.picture.bgr[20, 30].tolist() == [20, 150, 40]


def test_of_several_pictures_of_one_person_the_one_that_cannot_be_used_is_named() -> None:
    asked = averaged((10, 200, 30), (30, 100, 50))
    faceless = a_files({"source_2": png(picture(faces=()))})
    with pytest.raises(NoFaceInSource, match="source picture 2 cannot be used"):
        run(replace(asked, sources={**asked.sources, **faceless}))

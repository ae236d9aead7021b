"""Which faces of a target are changed, as a request says; with an engine of known result."""

import numpy as np
import pytest

from pipeline.engines.base import BlendOptions
from pipeline.errors import FaceNotFound, MediaCorrupt, NoFaceInSource, NoFaceInTarget
from pipeline.media.pictures.decode import Limits
from pipeline.steps import at_once
from pipeline.swap.request import (
    Choice,
    Every,
    FaceFilter,
    Largest,
    Mapped,
    Recognised,
    SwapRequest,
)
from pipeline.swap.swapper import Swapper
from pipeline.swap.timing import Timings
from tests.support.engines import FlatEngine, picture, png
from tests.support.requests import a_request, swap

GREEN, BLUE = (10, 200, 30), (220, 40, 20)
BOXES = ((4, 4, 12, 12), (24, 6, 16, 14), (46, 4, 12, 12))
THREE = png(picture(faces=BOXES, people=(0, 2, 4)))
SOURCE = png(picture(colour=GREEN))


def reference(*people: int) -> bytes:
    """A picture of people at another place and in another size; the first is the largest."""
    boxes = ((30, 20, 20, 22), (2, 30, 8, 8), (12, 2, 8, 8))
    return png(picture(colour=(90, 90, 90), faces=boxes[: len(people)], people=people))


def changed(choice: Choice, target: bytes = THREE) -> list[str]:
    """The ids of the faces that a choice changes; a look at the pixels says the same."""
    swapped = swap(a_request(SOURCE, target, choice=choice), FlatEngine())
    for face in swapped.result.faces:
        x, y, width, height = map(int, face.box)
        inside = swapped.picture.bgr[y : y + height, x : x + width]
        assert bool((inside == GREEN).all()) is face.swapped
        assert face.source == ("source" if face.swapped else None)
    return [face.face_id for face in swapped.result.faces if face.swapped]


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        (Largest(), ["face_1"]),
        (Every(), ["face_0", "face_1", "face_2"]),
        (Recognised(reference(2)), ["face_1"]),
        (Recognised(reference(4)), ["face_2"]),
        (Recognised(reference(0, 4)), ["face_0"]),  # of several people the largest is meant
    ],
)
def test_exactly_the_faces_that_are_meant_are_changed(choice: Choice, expected: list[str]) -> None:
    assert changed(choice) == expected


def test_a_number_without_a_face_is_named() -> None:
    with pytest.raises(FaceNotFound, match=r"no face_3: 3 faces were found there, face_0 to face_2"):
        swap(a_request({"face_1": SOURCE, "face_3": SOURCE}, THREE, choice=Mapped()), FlatEngine())


def test_a_person_who_is_not_there_or_there_twice_is_not_guessed() -> None:
    with pytest.raises(FaceNotFound, match="not recognised in the target: 3 faces"):
        changed(Recognised(reference(1)))
    twins = png(picture(faces=BOXES, people=(2, 2, 4)))
    with pytest.raises(FaceNotFound, match="More than one face"):
        changed(Recognised(reference(2)), twins)
    with pytest.raises(FaceNotFound, match="no face was found there"):
        changed(Recognised(reference(2)), png(picture(faces=())))


def test_a_bad_reference_picture_is_blamed_and_not_source_or_target() -> None:
    with pytest.raises(NoFaceInSource, match="reference picture"):
        changed(Recognised(reference()))
    with pytest.raises(MediaCorrupt, match="The reference picture cannot be used"):
        changed(Recognised(reference(2)[:-30]))


def test_without_any_face_that_counts_the_floor_is_named() -> None:
    asked = a_request(SOURCE, THREE)
    high = SwapRequest(
        sources=asked.sources,
        target=asked.target,
        choice=Every(),
        blend=BlendOptions(),
        face_filter=FaceFilter(min_size_px=50, min_score=0.5),
    )
    with pytest.raises(NoFaceInTarget, match=r"at least 50 pixels and a score of 0\.5"):
        swap(high, FlatEngine())


def test_a_request_needs_as_many_sources_as_its_choice() -> None:
    with pytest.raises(ValueError, match="one source"):
        a_request({"face_0": SOURCE, "face_1": SOURCE}, THREE, choice=Every())
    with pytest.raises(ValueError, match="one source"):
        a_request({}, THREE, choice=Mapped())


def test_memory_is_that_of_the_largest_source_or_reference_and_what_is_kept_takes_none() -> None:
    target = 64 * 48 * 16
    large, small = png(picture(200, 100)), png(picture(60, 40))
    mapped = a_request({"face_0": large, "face_1": small, "face_2": large}, THREE, choice=Mapped())
    assert memory_bytes(mapped) == target + 16 * 200 * 100
    recognised = a_request(large, THREE, choice=Recognised(small))
    assert memory_bytes(recognised) == target + 16 * 200 * 100
    swapper = Swapper(FlatEngine())
    swap(a_request(large, THREE), swapper)
    assert memory_bytes(mapped, swapper) == target + 16 * 60 * 40
    assert memory_bytes(recognised, swapper) == target + 16 * 60 * 40


def memory_bytes(request: SwapRequest, swapper: Swapper | None = None) -> int:
    return (swapper or Swapper(FlatEngine())).open(request, Limits(), Timings()).memory_bytes()


def test_a_kept_source_is_used_as_if_it_had_just_been_read() -> None:
    swapper = Swapper(engine := FlatEngine())
    results = [swap(a_request(SOURCE, THREE), swapper) for _ in range(2)]
    assert engine.prepared == 1
    assert np.array_equal(results[0].picture.bgr, results[1].picture.bgr)
    assert results[0].result == results[1].result


def test_many_sources_do_not_hold_the_device_in_one_step() -> None:
    sources = {f"face_{number}": png(picture(colour=(number, 1, 1))) for number in range(3)}
    request = a_request(sources, THREE, choice=Mapped())
    engine = FlatEngine()
    run = Swapper(engine).open(request, Limits(), Timings())
    assert run.unprepared == tuple(sources)
    for prepared, name in enumerate(sources, 1):
        at_once(run.prepare(name, run.load(name)))
        assert engine.prepared == prepared


def test_each_source_of_a_mapping_goes_onto_its_face_whatever_the_order_given() -> None:
    sources = {"face_2": png(picture(colour=BLUE)), "face_0": SOURCE}
    swapped = swap(a_request(sources, THREE, choice=Mapped()), FlatEngine())
    assert (swapped.picture.bgr[8, 8] == GREEN).all()
    assert (swapped.picture.bgr[8, 50] == BLUE).all()
    assert [face.source for face in swapped.result.faces] == ["face_0", None, "face_2"]

"""Which faces of a target are changed, as a request says; with an engine of known result."""

import numpy as np
import pytest

from pipeline.engines.base import BlendOptions
from pipeline.errors import FaceNotFound, MediaCorrupt, NoFaceInSource, NoFaceInTarget
from pipeline.media.pictures.decode import Limits
from pipeline.swap.decode import decode, decoded_bytes
from pipeline.swap.picture import PictureSwapper
from pipeline.swap.request import (
    Choice,
    Every,
    FaceFilter,
    Largest,
    Mapped,
    PictureRequest,
    Recognised,
)
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
    result = swap(a_request(SOURCE, target, choice=choice), FlatEngine())
    for face in result.faces:
        x, y, width, height = map(int, face.box)
        inside = result.picture.bgr[y : y + height, x : x + width]
        assert bool((inside == GREEN).all()) is face.swapped
        assert face.source == ("source" if face.swapped else None)
    return [face.face_id for face in result.faces if face.swapped]


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
    high = PictureRequest(
        sources=asked.sources,
        target=asked.target,
        choice=Every(),
        blend=BlendOptions(),
        face_filter=FaceFilter(side_px=50, score=0.5),
    )
    with pytest.raises(NoFaceInTarget, match=r"at least 50 pixels and a score of 0\.5"):
        swap(high, FlatEngine())


def test_a_request_needs_as_many_sources_as_its_choice() -> None:
    with pytest.raises(ValueError, match="one source"):
        a_request({"face_0": SOURCE, "face_1": SOURCE}, THREE, choice=Every())
    with pytest.raises(ValueError, match="one source"):
        a_request({}, THREE, choice=Mapped())


def test_memory_counts_each_content_once_what_is_kept_not_at_all_and_the_reference_too() -> None:
    target = 64 * 48 * 16
    large, small = png(picture(200, 100)), png(picture(60, 40))
    together = 4 * (200 * 100 + 60 * 40) + 12 * 200 * 100  # pixels held, and one decoder at work
    mapped = a_request({"face_0": large, "face_1": small, "face_2": large}, THREE, choice=Mapped())
    assert decoded_bytes(mapped, Limits()) == target + together
    recognised = a_request(large, THREE, choice=Recognised(small))
    assert decoded_bytes(recognised, Limits()) == target + together
    swapper = PictureSwapper(FlatEngine())
    swap(a_request(large, THREE), swapper)
    assert decoded_bytes(mapped, Limits(), swapper.kept(mapped)) == target + 16 * 60 * 40


def test_a_kept_source_is_used_as_if_it_had_just_been_read() -> None:
    swapper = PictureSwapper(engine := FlatEngine())
    results = [swap(a_request(SOURCE, THREE), swapper) for _ in range(2)]
    assert engine.prepared == 1
    assert np.array_equal(results[0].picture.bgr, results[1].picture.bgr)
    assert results[0].notices == results[1].notices
    assert results[0].faces == results[1].faces


def test_many_sources_do_not_hold_the_device_in_one_step() -> None:
    sources = {f"face_{number}": png(picture(colour=(number, 1, 1))) for number in range(3)}
    request = a_request(sources, THREE, choice=Mapped())
    engine = FlatEngine()
    steps = PictureSwapper(engine).steps(decode(request, Limits(), Timings()), lambda *_: None)
    for prepared in (1, 2, 3):
        next(steps)
        assert engine.prepared == prepared


def test_each_source_of_a_mapping_goes_onto_its_face_whatever_the_order_given() -> None:
    sources = {"face_2": png(picture(colour=BLUE)), "face_0": SOURCE}
    result = swap(a_request(sources, THREE, choice=Mapped()), FlatEngine())
    assert (result.picture.bgr[8, 8] == GREEN).all()
    assert (result.picture.bgr[8, 50] == BLUE).all()
    assert [face.source for face in result.faces] == ["face_0", None, "face_2"]

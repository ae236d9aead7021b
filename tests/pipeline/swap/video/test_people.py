"""Whom of a video's people a source goes onto."""

import numpy as np
import pytest

from pipeline.errors import FaceNotFound, NoFaceInTarget
from pipeline.swap.request import Choice, Every, Largest, Mapped, Recognised
from pipeline.swap.video.people import PeopleChooser, Someone
from pipeline.tracks.identity import Person
from tests.support.engines import FlatEngine, face_in, person_bgr, picture


def someone(number: int, *, prominence: float = 1.0, face_id: str | None = None) -> Someone:
    return Someone(
        face_id=face_id or f"face_{number}",
        face=face_in(10, 10, 24, 24),
        person=Person(embedding=np.array(person_bgr(number), np.float32), side_px=24, sharpness=1),
        first_s=0,
        last_s=1,
        prominence=prominence,
    )


def chooser(choice: Choice) -> PeopleChooser:
    return PeopleChooser(FlatEngine(), choice)


def test_the_largest_is_who_is_largest_over_time() -> None:
    people = [someone(0, prominence=1), someone(1, prominence=5), someone(2, prominence=2)]
    assert chooser(Largest()).choose(people, ["source"], named=False) == {1: "source"}


def test_everybody_is_everybody() -> None:
    people = [someone(0), someone(1)]
    assert chooser(Every()).choose(people, ["source"], named=False) == {0: "source", 1: "source"}
    assert chooser(Every()).everybody
    assert not chooser(Largest()).everybody


@pytest.mark.parametrize("choice", [Largest(), Every()])
def test_nobody_is_an_error(choice: Choice) -> None:
    with pytest.raises(NoFaceInTarget):
        chooser(choice).choose([], ["source"], named=False)


def test_a_mapping_counts_in_the_order_of_appearance() -> None:
    people = [someone(0), someone(1)]
    assert chooser(Mapped()).choose(people, ["face_1"], named=False) == {1: "face_1"}
    with pytest.raises(FaceNotFound, match="face_7"):
        chooser(Mapped()).choose(people, ["face_7"], named=False)


def test_a_mapping_to_a_detection_goes_by_its_names() -> None:
    people = [someone(0, face_id="face_5"), someone(1, face_id="face_2")]
    assert chooser(Mapped()).choose(people, ["face_2"], named=True) == {1: "face_2"}
    with pytest.raises(FaceNotFound, match="face_0: its 2 faces are face_5 and face_2"):
        chooser(Mapped()).choose(people, ["face_0"], named=True)


def test_a_reference_picture_finds_its_person() -> None:
    asked = chooser(Recognised(b""))
    asked.learn(picture(people=(1,)))
    assert asked.choose([someone(0), someone(1), someone(2)], ["source"], named=False) == {1: "source"}
    with pytest.raises(FaceNotFound):
        asked.choose([someone(0), someone(3)], ["source"], named=False)

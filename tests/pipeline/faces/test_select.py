"""The order in which faces are counted, and which of them are meant."""

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import FaceNotFound
from pipeline.face import Array, Face
from pipeline.faces.identity import SCALE
from pipeline.faces.select import at_least, by_reading_order, by_reference, largest, nearest, reading_order
from tests.support.faces import made_up_face

faces = st.builds(
    made_up_face,
    x=st.floats(-100, 4000, width=32),
    y=st.floats(-100, 4000, width=32),
    size=st.floats(8, 900, width=32),
    score=st.floats(0.4, 1),
)


@given(st.lists(faces, max_size=12), st.randoms(use_true_random=False))
def test_the_order_does_not_depend_on_the_order_given(found: list[Face], shuffler: random.Random) -> None:
    expected = reading_order(found)
    shuffled = list(found)
    shuffler.shuffle(shuffled)
    assert [_key(face) for face in reading_order(shuffled)] == [_key(face) for face in expected]


@given(st.lists(faces, max_size=12))
def test_every_face_is_counted_once(found: list[Face]) -> None:
    assert {id(face) for face in reading_order(found)} == {id(face) for face in found}
    assert len(reading_order(found)) == len(found)


@given(st.lists(faces, max_size=12))
def test_sorting_twice_changes_nothing(found: list[Face]) -> None:
    once = reading_order(found)
    assert reading_order(once) == once


@given(
    columns=st.lists(st.integers(1, 6), min_size=1, max_size=5),
    size=st.floats(20, 400),
    seed=st.integers(0, 2**32 - 1),
)
def test_rows_survive_jitter_of_a_seventh_of_a_face(columns: list[int], size: float, seed: int) -> None:
    """Rows of any length, faces a little off their line and of uneven size, are read row by row."""
    rng = np.random.default_rng(seed)
    rows = [
        [
            made_up_face(
                x=(1.3 * column + rng.uniform(-0.14, 0.14)) * size,
                y=(1.2 * row + rng.uniform(-0.14, 0.14)) * size,
                size=size * rng.uniform(0.85, 1.15),
            )
            for column in range(count)
        ]
        for row, count in enumerate(columns)
    ]
    expected = [face for row in rows for face in row]
    shuffled = [expected[i] for i in rng.permutation(len(expected))]
    assert reading_order(shuffled) == expected


def test_a_row_that_slopes_is_still_one_row() -> None:
    """People along a table: each a little lower than the last, all in one row."""
    sloping = [made_up_face(x=300 - 130 * i, y=100 + 18 * i) for i in range(3)]
    assert reading_order(sloping) == sloping[::-1]


def test_the_largest_face_is_chosen_whatever_the_order() -> None:
    small, large = made_up_face(10, 10, 40), made_up_face(500, 10, 90)
    assert largest([small, large]) is large
    assert largest([large, small]) is large


def test_of_equally_large_faces_the_first_in_reading_order_is_chosen() -> None:
    left, right = made_up_face(100, 105), made_up_face(400, 100)
    assert largest([right, left]) is left
    assert largest([left, right]) is left


def test_there_is_no_largest_of_no_faces() -> None:
    with pytest.raises(ValueError, match="empty"):
        largest([])


def test_faces_below_a_size_or_a_score_are_left_out() -> None:
    large, small, doubtful = made_up_face(0, 0, 60), made_up_face(200, 0, 59), made_up_face(400, 0, 60, 0.4)
    found = [large, small, doubtful]
    assert at_least(found) == found
    assert at_least(found, side_px=60) == [large, doubtful]
    assert at_least(found, score=0.5) == [large, small]
    assert at_least(found, side_px=60, score=0.5) == [large]


def test_a_narrow_face_counts_by_its_shorter_side() -> None:
    bbox = np.array([0, 0, 30, 90], np.float32)
    narrow = Face(bbox=bbox, score=0.9, kps=np.zeros((5, 2), np.float32))
    assert at_least([narrow], side_px=31) == []


def test_numbers_stand_for_places_in_reading_order() -> None:
    assert by_reading_order(["face_2", "face_0"], 3) == {"face_2": 2, "face_0": 0}


@pytest.mark.parametrize(
    ("count", "sentence"),
    [
        (0, "The target has no face_1, face_2 and face_07: no face was found there."),
        (1, "The target has no face_1, face_2 and face_07: 1 face was found there, face_0."),
        (2, "The target has no face_2 and face_07: 2 faces were found there, face_0 to face_1."),
    ],
)
def test_a_number_without_a_face_is_named_with_those_that_there_are(count: int, sentence: str) -> None:
    with pytest.raises(FaceNotFound) as caught:
        by_reading_order(["face_1", "face_2", "face_07"], count)
    assert str(caught.value) == sentence


def test_a_thousand_missing_numbers_make_one_short_sentence() -> None:
    with pytest.raises(FaceNotFound, match=r"face_9 and 990 more: no face") as caught:
        by_reading_order([f"face_{i}" for i in range(1000)], 0)
    assert len(str(caught.value)) < 200


def _distances(*values: float) -> Array:
    return np.array(values, np.float32)


@pytest.mark.parametrize(
    ("size", "reference_size", "distance", "accepted"),
    [
        (60, 60, 0.57, True),
        (60, 60, 0.59, False),
        (59, 200, 0.47, True),
        (59, 200, 0.49, False),
        (200, 59, 0.49, False),
    ],
)
def test_a_person_is_recognised_up_to_a_distance_that_depends_on_the_smaller_face(
    size: float, reference_size: float, distance: float, *, accepted: bool
) -> None:
    stranger, person = made_up_face(0, 0), made_up_face(300, 0, size)
    reference = made_up_face(50, 50, reference_size)
    faces, distances = [stranger, person], _distances(0.9, distance)
    if accepted:
        assert by_reference(faces, distances, reference=reference, scale=SCALE) is person
    else:
        with pytest.raises(FaceNotFound, match="not recognised in the target: 2 faces"):
            by_reference(faces, distances, reference=reference, scale=SCALE)


def test_of_two_faces_that_are_alike_none_is_guessed() -> None:
    faces, reference = [made_up_face(0, 0), made_up_face(300, 0)], made_up_face(0, 0)
    with pytest.raises(FaceNotFound, match="More than one face"):
        by_reference(faces, _distances(0.40, 0.45), reference=reference, scale=SCALE)
    assert by_reference(faces, _distances(0.40, 0.47), reference=reference, scale=SCALE) is faces[0]


def test_nobody_is_recognised_by_unknown_distances() -> None:
    faces, reference = [made_up_face(0, 0), made_up_face(300, 0)], made_up_face(0, 0)
    for present, distances in ((faces, _distances(np.nan, np.nan)), ([], _distances())):
        with pytest.raises(FaceNotFound, match="not recognised"):
            by_reference(present, distances, reference=reference, scale=SCALE)


def test_a_face_of_unknown_distance_is_no_rival() -> None:
    assert nearest(_distances(np.nan, 0.3, np.nan), SCALE) == 1


def _key(face: Face) -> tuple[float, ...]:
    return (*face.bbox.tolist(), face.score)

"""The order in which faces are counted."""

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.faces import Face
from pipeline.select import largest, reading_order
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


def _key(face: Face) -> tuple[float, ...]:
    return (*face.bbox.tolist(), face.score)

"""Shapes of masks: where they end, how softly, and that several leave out what any one does."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.catalogue import Catalogue
from pipeline.align import Matrix, similarity_fit, transform
from pipeline.blend.masks import (
    Mask,
    combine,
    ellipse,
    face_oval,
    fill_polygons,
    mouth_left_out,
    soft_around,
    soft_within,
)
from pipeline.face import Array, Face
from tests.support.faces import made_up_face

SIZE = 256
UNMOVED: Matrix = np.eye(2, 3)
SQUARE = np.array([[20, 20], [40, 20], [40, 40], [20, 40]], np.float32)


def template(name: str) -> Matrix:
    return np.array(Catalogue.load().engines[name].template.at(SIZE), np.float64)


def test_polygons_are_filled_to_the_pixel() -> None:
    square = np.array([[2, 3], [6, 3], [6, 5], [2, 5]], np.float32)
    assert fill_polygons([square], (10, 10)).sum() == 5 * 3


def test_a_region_is_whole_inside_and_ends_where_it_should() -> None:
    weight = soft_around(SQUARE, (64, 64), 2, 5)
    assert (weight[18:43, 20:41] == 1).all()
    assert not weight[:12].any()
    assert 0 < weight[30, 15] < 1
    assert not soft_around(SQUARE + 500, (64, 64), 2, 5).any()


def test_a_region_feathered_inwards_is_nothing_outside_and_whole_in_the_middle() -> None:
    weight = soft_within(SQUARE, (64, 64), 5)
    assert not weight[:20].any()
    assert not weight[41:].any()
    assert weight[30, 30] == 1
    assert 0 < weight[30, 23] < 1


def test_the_edge_of_the_crop_is_no_rim_of_a_face_that_goes_on_beyond_it() -> None:
    weight = soft_within(SQUARE - np.float32(30), (64, 64), 5)
    assert weight[0, 0] == 1
    assert weight[0, 9] < 1


@settings(deadline=None, max_examples=60)
@given(
    middle=st.tuples(st.floats(60, 196), st.floats(60, 196)),
    axes=st.tuples(st.floats(25, 90), st.floats(25, 90)),
    angle=st.floats(-np.pi, np.pi),
    feather=st.floats(3, 20),
    outwards=st.booleans(),
    along=st.floats(-np.pi, np.pi),
)
def test_every_soft_edge_only_ever_falls_from_the_middle_outwards(
    middle: tuple[float, float],
    axes: tuple[float, float],
    angle: float,
    feather: float,
    outwards: bool,  # noqa: FBT001 -- drawn
    along: float,
) -> None:
    outline = ellipse(np.array(middle), np.array(axes), angle)
    shape = (SIZE, SIZE)
    weight = soft_around(outline, shape, 0, feather) if outwards else soft_within(outline, shape, feather)
    steps = np.arange(0, 300, 0.5, dtype=np.float32)[:, None]
    at = np.array(middle, np.float32) + steps * np.array([np.cos(along), np.sin(along)], np.float32)
    at = at[((at >= 1) & (at <= SIZE - 2)).all(axis=1)]
    seen = cv2.remap(weight, at[:, 0], at[:, 1], cv2.INTER_LINEAR).ravel()
    assert np.diff(seen).max() < 0.02  # distances on a grid are off by a fraction of a pixel
    assert seen.max() <= 1
    assert seen.min() >= 0


@pytest.mark.parametrize("name", ["inswapper_128", "ghost_1_256", "gfpgan_1.4"])
def test_the_oval_holds_eyes_nose_and_mouth_and_keeps_clear_of_the_crops_corners(name: str) -> None:
    points = template(name)
    oval = face_oval(points, SIZE)
    for x, y in points.round().astype(int):
        assert oval[y, x] > 0.9
    assert not oval[:20].any()
    assert not oval[:, :20].any()
    assert not oval[-20:, :60].any()


@given(
    x=st.floats(-50, 400),
    y=st.floats(-50, 400),
    size=st.floats(12, 900),
    turn=st.floats(-np.pi, np.pi),
)
@settings(deadline=None, max_examples=60)
def test_the_mouth_is_left_out_and_the_eyes_are_not_wherever_the_face_is(
    x: float, y: float, size: float, turn: float
) -> None:
    face = turned_face(x, y, size, turn)
    matrix = similarity_fit(face.kps, template("inswapper_128"))
    shown = mouth_left_out(face, matrix, SIZE)
    kps = transform(matrix, face.kps).round().astype(int)
    for px, py in kps[:2]:
        assert shown[py, px] == 1
    middle = (kps[3] + kps[4]) // 2
    for px, py in (kps[3], kps[4], middle):
        assert shown[py, px] == 0


def turned_face(x: float, y: float, size: float, turn: float) -> Face:
    upright = made_up_face(0, 0, size)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    kps = np.asarray(upright.kps @ rotation.T + (x, y), np.float32)
    return Face(bbox=upright.bbox + np.array([x, y, x, y], np.float32), score=1.0, kps=kps)


def test_several_masks_leave_out_what_any_one_does() -> None:
    left, top = np.ones((2, 64, 64), np.float32)
    left[:, :32] = 0
    top[:32] = 0
    shown = combine([Mask(values=it, matrix=UNMOVED) for it in (left, top)], UNMOVED, (64, 64))
    assert np.array_equal(shown, left * top)
    assert np.array_equal(combine([], UNMOVED, (4, 6)), np.ones((4, 6)))


@given(shift=st.tuples(st.integers(-40, 40), st.integers(-40, 40)), factor=st.sampled_from([0.5, 1.0, 2.0]))
@settings(deadline=None, max_examples=30)
def test_a_mask_lies_in_another_crop_where_it_lies_in_the_frame(
    shift: tuple[int, int], factor: float
) -> None:
    values: Array = np.zeros((64, 64), np.float32)
    values[20:30, 40:50] = 1
    own = np.array([[factor, 0, shift[0]], [0, factor, shift[1]]])  # from the frame to the mask
    shown = combine([Mask(values=values, matrix=own)], UNMOVED, (200, 200))
    y, x = np.nonzero(shown > 0.99)
    inside = transform(own, np.column_stack([x, y]).astype(np.float64))
    assert (inside >= (39, 19)).all()
    assert (inside <= (50, 30)).all()
    middle = (np.array([44.5, 24.5]) - shift) / factor
    if ((middle > 0) & (middle < 199)).all():
        assert shown[round(middle[1]), round(middle[0])] > 0.99


def test_beyond_its_edge_a_mask_goes_on_as_at_its_edge() -> None:
    values = np.zeros((64, 64), np.float32)
    values[:, -1] = 1
    shown = combine([Mask(values=values, matrix=UNMOVED)], UNMOVED, (64, 100))
    assert (shown[:, 63:] == 1).all()
    assert not shown[:, :62].any()

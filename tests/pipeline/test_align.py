"""Similarity fits and crops, against closed forms."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from pipeline.align import invert, rgb_input, similarity_fit, transform, warp_crop

Points = NDArray[np.float64]

points = st.lists(
    st.tuples(st.floats(-2000, 2000, width=32), st.floats(-2000, 2000, width=32)), min_size=2, max_size=12
).map(lambda pairs: np.array(pairs, np.float64))


def _similarity(angle: float, scale: float, x: float, y: float) -> NDArray[np.float64]:
    c, s = scale * np.cos(angle), scale * np.sin(angle)
    return np.array([[c, -s, x], [s, c, y]])


@given(points, st.floats(-3.1, 3.1), st.floats(0.05, 20), st.floats(-999, 999), st.floats(-999, 999))
def test_a_similarity_is_recovered_exactly(
    moving: Points, angle: float, scale: float, x: float, y: float
) -> None:
    if np.ptp(moving, axis=0).max() < 1:
        return
    true = _similarity(angle, scale, x, y)
    fitted = similarity_fit(moving, moving @ true[:, :2].T + true[:, 2])
    assert fitted == pytest.approx(true, abs=1e-4 * max(1, scale))


@given(points, st.integers(0, 2**32 - 1))
def test_no_other_similarity_fits_better(moving: Points, seed: int) -> None:
    if np.ptp(moving, axis=0).max() < 1:
        return
    fixed = np.random.default_rng(seed).normal(0, 100, moving.shape)
    x, y = moving.T
    one, nil = np.ones_like(x), np.zeros_like(x)
    system = np.block([[np.column_stack([x, -y, one, nil])], [np.column_stack([y, x, nil, one])]])
    a, b, shift_x, shift_y = np.linalg.lstsq(system, fixed.T.ravel(), rcond=None)[0]
    best = np.array([[a, -b, shift_x], [b, a, shift_y]])
    fitted = similarity_fit(moving, fixed)
    errors = [((moving @ m[:, :2].T + m[:, 2] - fixed) ** 2).sum() for m in (fitted, best)]
    assert errors[0] <= errors[1] * (1 + 1e-9) + 1e-6


def test_a_mirrored_template_is_not_matched_by_a_reflection() -> None:
    square = np.array([(0, 0), (1, 0), (1, 2), (0, 1)], np.float64)
    fitted = similarity_fit(square, square * (-1, 1))
    assert np.linalg.det(fitted[:, :2]) > 0


def test_points_that_are_all_the_same_are_refused() -> None:
    with pytest.raises(ValueError, match="all the same"):
        similarity_fit(np.full((5, 2), 7.0), np.arange(10.0).reshape(5, 2))


@given(st.floats(-3.1, 3.1), st.floats(0.05, 20), st.floats(-999, 999), st.floats(-999, 999))
def test_invert_undoes_a_transform(angle: float, scale: float, x: float, y: float) -> None:
    matrix = _similarity(angle, scale, x, y)
    there = np.array([(0, 0), (100, 0), (3, 50)], np.float64)
    assert transform(invert(matrix), transform(matrix, there)) == pytest.approx(there, abs=0.02)


@pytest.mark.parametrize("scale", [0.07, 0.3, 0.9, 1.0, 3.0])
@pytest.mark.parametrize("angle", [0.0, 0.5, -2.0])
def test_a_crop_shows_each_thing_where_the_matrix_says(scale: float, angle: float) -> None:
    """A soft spot in a large picture must appear at its transformed place, whatever the scale."""
    spot, sigma = np.array([611.3, 402.7]), 3 / scale
    y, x = np.mgrid[0:900, 0:1200]
    bump = 255 * np.exp(-((x - spot[0]) ** 2 + (y - spot[1]) ** 2) / (2 * sigma**2))
    picture = np.repeat(bump.round().astype(np.uint8)[..., None], 3, axis=2)
    matrix = _similarity(angle, scale, 0, 0)
    matrix[:, 2] = np.array([41.2, 55.9]) - matrix[:, :2] @ spot
    crop = warp_crop(picture, matrix, 100)[..., 0].astype(float)
    rows, columns = np.mgrid[0:100, 0:100]
    found = np.array([(columns * crop).sum(), (rows * crop).sum()]) / crop.sum()
    assert found == pytest.approx([41.2, 55.9], abs=0.1)


def test_shrinking_averages_instead_of_picking_pixels() -> None:
    """Fine black and white stripes are grey from afar; picked pixels would be stripes again."""
    stripes = np.zeros((1000, 1000, 3), np.uint8)
    stripes[:, ::2] = 255
    crop = warp_crop(stripes, _similarity(0, 0.093, 0, 0), 93)
    assert np.abs(crop[2:-2, 2:-2].astype(int) - 127).max() <= 20


def test_a_crop_outside_the_picture_has_the_border_that_was_asked_for() -> None:
    white = np.full((50, 50, 3), 255, np.uint8)
    away = _similarity(0, 0.5, -5000, -5000)
    assert warp_crop(white, away, 32, border=cv2.BORDER_CONSTANT).max() == 0
    assert warp_crop(white, away, 32).min() == 255


def test_a_models_input_is_rgb_and_scaled() -> None:
    crop = np.array([[[0, 51, 255]]], np.uint8)
    assert rgb_input(crop, scale=1 / 127.5, shift=-1).ravel() == pytest.approx([1, -0.6, -1], abs=1e-6)

"""The blend: exact where it should be exact."""

import numpy as np
import pytest

from pipeline.engines.mesh.patch import Patch
from pipeline.face import Array, Bgr


def _frame(height: int, width: int) -> Bgr:
    return np.random.default_rng(1).integers(0, 256, (height, width, 3), np.uint8)


def _ring(size: float, x: float, y: float) -> Array:
    angles = np.linspace(0, 2 * np.pi, 468, endpoint=False)
    points = np.column_stack([np.cos(angles), np.sin(angles), np.zeros(468)]) * size / 2
    return np.asarray(points + np.array([x, y, 0]), np.float32)


def _cut(frame: Bgr, points: Array) -> Patch:
    patch = Patch.cut(frame, points, points)
    assert patch is not None
    return patch


@pytest.mark.parametrize("size", [60, 700])
def test_the_frame_changes_exactly_where_the_mask_is_above_zero(size: int) -> None:
    frame = _frame(800, 900)
    before = frame.copy()
    patch = _cut(frame, _ring(size, 400, 390))
    alpha = np.zeros(patch.shape, np.float32)
    alpha[20:40, 15:50] = np.linspace(0.3, 1, 35)
    change = np.full((*patch.shape, 3), 40, np.float32)
    was = patch.roi.copy()
    patch.blend(255 - patch.roi, change, alpha)
    outside = patch.enlarge(alpha) == 0
    assert np.array_equal(patch.roi[outside], was[outside])
    assert (patch.roi != was)[patch.enlarge(alpha) > 0.2].any(axis=1).mean() > 0.9
    patch.roi[:] = was
    assert np.array_equal(frame, before)


def test_a_full_mask_gives_exactly_what_was_drawn_plus_the_change() -> None:
    frame = _frame(200, 200)
    patch = _cut(frame, _ring(80, 100, 100))
    drawn = np.full_like(patch.roi, 100)
    change = np.full((*patch.shape, 3), (-300, 7, 300), np.float32)
    patch.blend(drawn, change, np.ones(patch.shape, np.float32))
    assert (patch.roi == (0, 107, 255)).all()


@pytest.mark.parametrize(
    ("size", "x", "y"), [(7, 100, 100), (60, -40, 100), (60, 100, 400), (0, 50, 50), (60, 1e7, 0)]
)
def test_too_small_or_too_far_out_is_no_patch(size: int, x: float, y: float) -> None:
    points = _ring(size, x, y)
    assert Patch.cut(_frame(200, 200), points, points) is None


def test_maps_are_bounded_however_large_the_face_is() -> None:
    patch = _cut(_frame(900, 900), _ring(850, 450, 450))
    assert max(patch.shape) == 256
    assert patch.points[:, :2].min() > 0
    assert patch.points[:, :2].max() < 256
    assert patch.face_px == pytest.approx(850 * 256 / patch.roi.shape[0], rel=0.01)


@pytest.mark.parametrize("size", [12, 100, 255, 400, 1000, 3000])
def test_a_face_has_room_to_fade_out_on_every_side_where_the_frame_goes_on(size: int) -> None:
    middle = size / 2 + 100
    patch = _cut(_frame(size + 200, size + 200), _ring(size, middle, middle))
    assert patch.points[:, :2].min() > 1.4
    assert (patch.shape - patch.points[:, 1::-1]).min() > 2.4


def test_a_frame_smaller_than_the_face_is_all_patch() -> None:
    patch = _cut(_frame(64, 48), _ring(300, 20, 30))
    assert patch.roi.shape == (64, 48, 3)

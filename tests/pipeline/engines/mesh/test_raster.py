"""Triangles to pixels: an unmoved mesh must give unmoved pixels."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.embedded import TOPOLOGY, embedded_path
from pipeline.engines.mesh.raster import interpolate, paint_triangles, planes, sample
from pipeline.engines.mesh.topology import Topology
from pipeline.face import Array

MESH = Topology.load(embedded_path(TOPOLOGY))


def _face(size: float, at: float) -> Array:
    flat = MESH.mean - MESH.mean[:, :].min(axis=0)
    return np.asarray(flat / np.ptp(MESH.mean[:, 1]) * size + at, np.float32)


def test_an_unmoved_mesh_reads_every_pixel_from_where_it_is() -> None:
    points = _face(200, 10)
    ids = paint_triangles(points, MESH, (220, 200))
    x, y = interpolate(ids, planes(points, points[:, :2], MESH.triangles))
    rows, columns = np.nonzero(ids)
    assert len(rows) > 10_000
    assert np.abs(x[rows, columns] - columns).max() < 0.75  # folds and slivers; the rest is exact
    assert np.quantile(np.abs(x[rows, columns] - columns), 0.95) < 0.001
    assert np.quantile(np.abs(y[rows, columns] - rows), 0.95) < 0.001
    assert not x[ids == 0].any()


@given(
    linear=st.tuples(*[st.floats(-2, 2)] * 4),
    shift=st.tuples(st.floats(-50, 50), st.floats(-50, 50)),
)
@settings(max_examples=20)
def test_an_affine_map_is_exact_within_every_solid_triangle(
    linear: tuple[float, ...], shift: tuple[float, float]
) -> None:
    points = _face(120, 5)
    matrix = np.array(linear, np.float32).reshape(2, 2)
    values = np.asarray(points[:, :2] @ matrix + np.array(shift, np.float32), np.float32)
    ids = paint_triangles(points, MESH, (130, 120))
    found = interpolate(ids, planes(points, values, MESH.triangles))
    rows, columns = np.nonzero(ids)
    expected = np.column_stack([columns, rows]) @ matrix + np.array(shift, np.float32)
    off = np.abs(found[:, rows, columns].T - expected).max(axis=1)
    assert np.quantile(off, 0.9) < 0.01


def test_slivers_never_overshoot_their_corners_by_much() -> None:
    points = np.array([[0, 0, 0], [50, 0.01, 0], [100, 0, 0]], np.float32)
    values = np.array([[0.0], [500.0], [0.0]], np.float32)
    along_x, along_y, level = planes(points, values, np.array([[0, 1, 2]]))[0, :, 1]
    assert abs(along_x * 50 + along_y * 1 + level) < 600


def test_the_nearer_triangle_hides_the_farther_one() -> None:
    near = _face(100, 5)
    far = near.copy()
    lifted = near.copy()
    lifted[:, 2] -= 1000 * (np.arange(468) % 2 == 0)
    first, second = paint_triangles(far, MESH, (110, 100)), paint_triangles(lifted, MESH, (110, 100))
    assert ((first > 0) == (second > 0)).mean() > 0.99


@pytest.mark.parametrize("shift", [-1e9, -500, 500, 1e9])
def test_a_mesh_outside_of_the_picture_paints_nothing(shift: float) -> None:
    assert not paint_triangles(_face(100, 0) + np.float32(shift), MESH, (64, 64)).any()


def test_sampling_between_pixels_is_linear() -> None:
    values = np.array([[0, 10], [20, 30]], np.float32)
    assert sample(values, np.array([[[0.5, 0.5], [1, 0]]], np.float32)).tolist() == [[15, 10]]

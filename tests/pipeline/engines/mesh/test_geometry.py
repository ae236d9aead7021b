"""Shapes in space, against answers known in closed form."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.embedded import TOPOLOGY, embedded_path
from pipeline.blend.masks import smoothstep
from pipeline.engines.mesh.geometry import (
    Similarity,
    bend,
    eye_openness,
    mouth_openness,
    ramp,
    signed_areas,
)
from pipeline.engines.mesh.topology import EYE, MOUTH, SKIN, Topology
from pipeline.face import Array

MESH = Topology.load(embedded_path(TOPOLOGY))


def _turn(yaw: float, pitch: float) -> Array:
    """Rotation for row vectors: first nod by `pitch`, then turn by `yaw` (radians)."""
    cos, sin = np.cos(pitch), np.sin(pitch)
    nod = np.array([[1, 0, 0], [0, cos, sin], [0, -sin, cos]])
    cos, sin = np.cos(yaw), np.sin(yaw)
    return np.asarray(nod @ np.array([[cos, 0, -sin], [0, 1, 0], [sin, 0, cos]]), np.float32)


@given(
    yaw=st.floats(-1.4, 1.4),
    pitch=st.floats(-1.2, 1.2),
    scale=st.floats(0.01, 1000),
    shift=st.tuples(*[st.floats(-500, 500)] * 3),
)
def test_a_similarity_is_recovered_exactly(
    yaw: float, pitch: float, scale: float, shift: tuple[float, float, float]
) -> None:
    moved = MESH.mean @ _turn(yaw, pitch) * scale + np.array(shift, np.float32)
    fit = Similarity.fit(MESH.mean, moved.astype(np.float32))
    assert np.abs(fit.apply(MESH.mean) - moved).max() < 2e-4 * (scale + 500)
    if scale > 10:
        assert fit.scale == pytest.approx(scale, rel=1e-3)


@pytest.mark.parametrize("yaw_deg", [-50, -10, 0, 35])
@pytest.mark.parametrize("pitch_deg", [-30, 0, 20])
def test_the_pose_of_a_turned_head_is_read_back(yaw_deg: float, pitch_deg: float) -> None:
    # Pitch first, then yaw: what points ahead goes up or down by the pitch, then sideways by the yaw.
    turned = MESH.mean @ _turn(np.radians(yaw_deg), np.radians(pitch_deg))
    yaw, pitch = Similarity.fit(MESH.mean, turned).yaw_pitch_deg
    assert abs(yaw) == pytest.approx(abs(yaw_deg), abs=0.1)
    assert abs(pitch) == pytest.approx(abs(pitch_deg), abs=0.1)


def test_a_mirrored_face_is_never_fitted_by_a_reflection() -> None:
    fit = Similarity.fit(MESH.mean, MESH.mean * np.array([-1, 1, 1], np.float32))
    assert np.linalg.det(fit.rotation) == pytest.approx(1)


def test_bending_towards_the_own_shape_in_another_pose_changes_nothing() -> None:
    target = MESH.mean * 200 + 300
    source = target @ _turn(0.5, 0.1) * 3
    bent = bend(target, source.astype(np.float32), MESH.pose, np.ones(468, np.float32))
    assert np.abs(bent - target).max() < 0.01


def test_bending_keeps_the_outline_and_the_mouth_and_never_goes_far() -> None:
    target = MESH.mean * 200 + 300
    source = (target * np.array([1, 1.6, 1], np.float32)).astype(np.float32)
    bent = bend(target, source, MESH.pose, MESH.identity_weight)
    moved = np.linalg.norm(bent - target, axis=1)
    assert moved[MESH.oval].max() == 0
    assert moved[[13, 14, 61, 291]].max() < 0.01
    assert 0 < moved.max() <= 0.06 * np.ptp(target[:, 1]) + 0.01


def test_openness_counts_height_over_width() -> None:
    points = np.zeros((478, 3), np.float32)
    points[[33, 263], 0] = 10
    points[[145, 374], 1] = (3, 1)
    points[291, 0], points[14, 1] = 20, 4
    assert eye_openness(points) == pytest.approx((0.3, 0.1))
    assert mouth_openness(points) == pytest.approx(0.2)


def test_steps_are_level_outside_and_meet_in_the_middle() -> None:
    assert smoothstep(np.array([-5.0, 0, 0.5, 1, 7])).tolist() == [0, 0, 0.5, 1, 1]
    assert [ramp(x, 2, 4) for x in (1.0, 2.0, 4.0, 6.0, 9.0)] == [0, 0, 0.5, 1, 1]


def test_areas_are_signed_by_which_side_shows() -> None:
    points = np.array([[0, 0], [4, 0], [0, 3]], np.float32)
    assert signed_areas(points, np.array([[0, 1, 2], [0, 2, 1]])).tolist() == [12, -12]


def test_the_mesh_is_whole_and_mirrors_onto_itself() -> None:
    assert np.array_equal(MESH.mirror[MESH.mirror], np.arange(468))
    assert (signed_areas(MESH.mean, MESH.triangles) > 0).mean() > 0.97
    assert set(np.unique(MESH.kind)) == {SKIN, EYE, MOUTH}
    assert MESH.smoothing.sum(axis=1) == pytest.approx(1, abs=1e-5)
    assert MESH.frontal_share.sum() == pytest.approx(1, abs=1e-4)
    assert MESH.identity_weight.min() >= 0
    assert MESH.identity_weight.max() <= 1


def test_a_head_turned_aside_shows_one_cheek_less_than_the_other() -> None:
    turned = MESH.mean @ _turn(0.9, 0)
    one, other = MESH.facing(turned)[[50, 280]]
    assert min(one, other) < 0.5 < max(one, other)
    assert MESH.facing(MESH.mean)[[50, 280, 4]] == pytest.approx(1, abs=0.05)

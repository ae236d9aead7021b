"""478 points on real faces, with the shipped weights."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from models.embedded import ATTENTION_INDICES, LANDMARKS, TOPOLOGY, embedded_path
from models.session import open_session
from pipeline.face import Array, Bgr
from pipeline.faces.detect import DetectedBox
from pipeline.faces.landmarks import LandmarkModel, bounding_box, five_points
from tests.support.faces import ASTRONAUT_FACE, HOPPER_FACE, astronaut, hopper, scaled, turned

# Pupils, nose tip and mouth corners of the astronaut, read off the enlarged picture by eye, in pixels.
BY_EYE = np.array([(203, 101), (246, 103), (222, 128), (202, 140), (246, 141)], np.float32)


@pytest.fixture(scope="module")
def model() -> LandmarkModel:
    return LandmarkModel(open_session(embedded_path(LANDMARKS)), embedded_path(ATTENTION_INDICES))


def _detection(box: tuple[int, int, int, int]) -> DetectedBox:
    """What a detector would say of an upright face, give or take."""
    x0, y0, x1, y1 = box
    side, middle, center = (x1 - x0) * 1.05, (y0 + y1) / 2 + 4, (x0 + x1) / 2
    bbox = np.array([center - side / 2, middle - side / 2, center + side / 2, middle + side / 2], np.float32)
    eyes = np.array([[-0.2, -0.15], [0.2, -0.15]]) * side + (center, middle)
    return DetectedBox(
        bbox=bbox, points=np.concatenate([eyes, np.zeros((4, 2))]).astype(np.float32), score=0.9
    )


@pytest.fixture(scope="module")
def points(model: LandmarkModel) -> Array:
    return model.locate(astronaut(), _detection(ASTRONAUT_FACE)).points


def _errors(found: Array, expected: NDArray[np.floating]) -> NDArray[np.floating]:
    return np.asarray(np.linalg.norm(found[:, :2] - expected[:, :2], axis=1))


def test_the_points_lie_on_eyes_nose_and_mouth(points: Array) -> None:
    assert _errors(five_points(points), BY_EYE).max() < 4
    assert bounding_box(points) == pytest.approx(ASTRONAUT_FACE, abs=8)


def test_the_irises_lie_within_the_eyes(points: Array) -> None:
    for iris, corners in ((468, (33, 133)), (473, (362, 263))):
        low, high = sorted(points[list(corners), 0])
        assert low < points[iris, 0] < high


def test_depth_grows_away_from_the_camera(points: Array) -> None:
    nose, ears = points[4, 2], points[[234, 454], 2]
    assert (ears > nose + 0.3 * np.ptp(points[:468, 0])).all()


@pytest.mark.parametrize(("picture", "box"), [(astronaut(), ASTRONAUT_FACE), (hopper(), HOPPER_FACE)])
def test_a_face_is_present_and_a_wall_is_not(
    model: LandmarkModel, picture: Bgr, box: tuple[int, int, int, int]
) -> None:
    assert model.locate(picture, _detection(box)).presence > 0.999
    wall = np.full_like(picture, 120)
    assert model.locate(wall, _detection(box)).presence < 0.01


@pytest.mark.parametrize("shift", [(1, 0), (0, 1), (7, 5), (50, 31)])
def test_moving_the_picture_moves_the_points_with_it(
    model: LandmarkModel, points: Array, shift: tuple[int, int]
) -> None:
    """The crop is sampled elsewhere, and still the points move by whole pixels as the picture did."""
    moved = np.roll(astronaut(), shift, axis=(1, 0))
    start, expected = points.copy(), model.refine(astronaut(), points).points
    start[:, :2] += shift
    expected[:, :2] += shift
    assert _errors(model.refine(moved, start).points, expected).max() < 0.05


@pytest.mark.parametrize("step", [(2.0, 0.0), (0.0, -2.0), (1.3, 1.7)])
def test_a_step_of_the_region_hardly_moves_the_points(
    model: LandmarkModel, points: Array, step: tuple[float, float]
) -> None:
    """As when tracking: the region comes from the last frame, a step behind the face."""
    start = points.copy()
    start[:, :2] += step
    steady = model.refine(astronaut(), points).points
    assert _errors(model.refine(astronaut(), start).points, steady).mean() < 0.5


@pytest.mark.parametrize("factor", [0.5, 0.75, 2, 4])
def test_the_points_do_not_depend_on_the_pictures_scale(
    model: LandmarkModel, points: Array, factor: float
) -> None:
    start = points * np.float32(factor)
    found = model.refine(scaled(astronaut(), factor), start).points
    expected = (model.refine(astronaut(), points).points[:, :2] + 0.5) * factor - 0.5
    assert _errors(found, expected).mean() < 0.8 * factor


@pytest.mark.parametrize("degrees", [-90, -45, 20, 90, 180])
def test_turning_the_picture_turns_the_points(model: LandmarkModel, points: Array, degrees: int) -> None:
    center = (225.0, 122.0)
    matrix = cv2.getRotationMatrix2D(center, degrees, 1)
    start = points.copy()
    start[:, :2] = points[:, :2] @ matrix[:, :2].T + matrix[:, 2]
    found = model.refine(turned(astronaut(), degrees, center), start)
    assert found.presence > 0.999
    steady = model.refine(astronaut(), points).points
    assert _errors(found.points, steady[:, :2] @ matrix[:, :2].T + matrix[:, 2]).mean() < 0.6


def test_a_mirrored_face_has_mirrored_points(model: LandmarkModel, points: Array) -> None:
    """Holds the left-right convention and the half-pixel convention at once."""
    mirror = np.load(embedded_path(TOPOLOGY))["mirror"]
    steady = model.refine(astronaut(), points).points[:468]
    expected = steady[mirror]
    expected[:, 0] = 511 - expected[:, 0]
    start = np.concatenate([expected, points[468:]])
    found = model.refine(astronaut()[:, ::-1].copy(), start).points[:468]
    assert _errors(found, expected).mean() < 0.6
    assert np.abs((found - expected)[:, :2].mean(axis=0)).max() < 0.4


def test_points_far_outside_the_picture_do_no_harm(model: LandmarkModel, points: Array) -> None:
    away = model.refine(astronaut(), points + np.float32(5000))
    assert away.presence < 0.5
    assert np.isfinite(away.points).all()


def test_the_same_face_gives_the_same_numbers(model: LandmarkModel, points: Array) -> None:
    again = model.locate(astronaut(), _detection(ASTRONAUT_FACE)).points
    assert np.array_equal(points, again)

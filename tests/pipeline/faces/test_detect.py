"""Finding faces in real pictures, with the shipped weights."""

import numpy as np
import pytest

from models.embedded import DETECTION_BACK, DETECTION_FULL_RANGE, embedded_path
from models.session import open_session
from pipeline.face import Bgr
from pipeline.faces.blazeface import BACK, FULL_RANGE, BlazeFace
from pipeline.faces.detect import Detector, overlaps
from tests.support.faces import (
    ASTRONAUT_FACE,
    HOPPER_FACE,
    astronaut,
    close_up,
    hopper,
    portrait,
    turned,
)

FACE_CENTER = (225, 122)


@pytest.fixture(scope="module")
def detector() -> Detector:
    return Detector(
        back=BlazeFace(open_session(embedded_path(DETECTION_BACK)), BACK),
        full_range=BlazeFace(open_session(embedded_path(DETECTION_FULL_RANGE)), FULL_RANGE),
    )


@pytest.mark.parametrize(("picture", "face"), [(astronaut(), ASTRONAUT_FACE), (hopper(), HOPPER_FACE)])
def test_a_portrait_has_one_face_where_it_is(
    detector: Detector, picture: Bgr, face: tuple[int, int, int, int]
) -> None:
    detections = [found for found in detector.detect(picture) if found.score > 0.7]
    assert len(detections) == 1
    iou, _ = overlaps(detections[0].bbox, np.array([face], np.float32))
    assert iou[0] > 0.7


def test_the_six_points_are_named_from_the_viewers_side(detector: Detector) -> None:
    left_eye, right_eye, nose, mouth, left_ear, right_ear = detector.detect(astronaut())[0].points
    assert left_ear[0] < left_eye[0] < nose[0] < right_eye[0] < right_ear[0]
    assert left_eye[1] < nose[1] < mouth[1]


@pytest.mark.parametrize("degrees", [-60, -30, 30, 60, 90])
def test_a_face_turned_in_the_picture_is_found(detector: Detector, degrees: int) -> None:
    detections = detector.detect(turned(astronaut(), degrees, FACE_CENTER))
    assert detections[0].bbox.reshape(2, 2).mean(axis=0) == pytest.approx(FACE_CENTER, abs=15)
    eyes = detections[0].points[1] - detections[0].points[0]
    assert np.degrees(np.arctan2(-eyes[1], eyes[0])) == pytest.approx(degrees, abs=15)


def test_a_face_larger_than_the_picture_is_found_from_afar(detector: Detector) -> None:
    close = close_up(hopper(), HOPPER_FACE, share=1.25)
    side = close.shape[0]
    best = detector.detect_from_afar(close)[0]
    assert best.bbox.reshape(2, 2).mean(axis=0) == pytest.approx([side / 2, side / 2], abs=0.15 * side)
    assert best.bbox[3] - best.bbox[1] > 0.9 * side


@pytest.mark.parametrize("edge", ["left", "right", "top", "bottom"])
def test_a_face_cut_by_the_frame_is_found(detector: Detector, edge: str) -> None:
    """A fifth of the face lies outside the picture."""
    x0, y0, x1, y1 = ASTRONAUT_FACE
    across, down = (x1 - x0) // 5, (y1 - y0) // 5
    picture = {
        "left": astronaut()[:, x0 + across :],
        "right": astronaut()[:, : x1 - across],
        "top": astronaut()[y0 + down :],
        "bottom": astronaut()[: y1 - down],
    }[edge]
    assert detector.detect(picture)[0].score > 0.7


@pytest.mark.parametrize("width", [45, 60])
@pytest.mark.parametrize("place", [(20, 30), (770, 500), (1400, 880), (1120, 40)])
def test_a_small_face_in_a_large_picture_is_found(
    detector: Detector, width: int, place: tuple[int, int]
) -> None:
    canvas = np.full((1100, 1600, 3), 127, np.uint8)
    head = portrait(width)
    x, y = place
    canvas[y : y + head.shape[0], x : x + head.shape[1]] = head
    detections = [found for found in detector.detect(canvas) if found.score > 0.6]
    assert len(detections) == 1
    box = detections[0].bbox
    assert x < box[0] < box[2] < x + head.shape[1]
    assert y < box[1] < box[3] < y + head.shape[0]


def test_faces_on_the_borders_of_tiles_are_found_once_and_whole(detector: Detector) -> None:
    """A wall of portraits: wherever tiles begin and end, some faces lie across."""
    head = portrait(70)
    wall = np.tile(head, (6, 9, 1))
    detections = [found for found in detector.detect(wall) if found.score > 0.8]
    assert len(detections) == 54
    widths = [found.bbox[2] - found.bbox[0] for found in detections]
    assert max(widths) < 1.4 * min(widths)  # a cut one would be half as wide
    rows, columns = zip(
        *[(found.bbox[1] // head.shape[0], found.bbox[0] // head.shape[1]) for found in detections],
        strict=True,
    )
    assert len(set(zip(rows, columns, strict=True))) == 54


def test_a_small_face_in_a_long_strip_is_found(detector: Detector) -> None:
    strip = np.full((300, 6000, 3), 90, np.uint8)
    head = portrait(60)
    strip[60 : 60 + head.shape[0], 4321 : 4321 + head.shape[1]] = head
    assert detector.detect(strip)[0].bbox[0] == pytest.approx(4321 + 45, abs=20)


@pytest.mark.parametrize("shape", [(1, 1), (3, 5000), (5000, 3), (2, 2), (17, 1900)])
def test_a_picture_of_any_shape_is_looked_at(detector: Detector, shape: tuple[int, int]) -> None:
    assert detector.detect(np.full((*shape, 3), 200, np.uint8)) == []


def test_the_same_picture_gives_the_same_numbers(detector: Detector) -> None:
    first, second = detector.detect(hopper()), detector.detect(hopper())
    assert [found.bbox.tolist() for found in first] == [found.bbox.tolist() for found in second]


def test_a_box_inside_another_overlaps_it_wholly() -> None:
    iou, inside = overlaps(np.array([0, 0, 10, 10]), np.array([[0, 0, 5, 10], [20, 20, 30, 30]]))
    assert iou.tolist() == [0.5, 0]
    assert inside.tolist() == [1, 0]

"""The small pictures that people point at."""

import io

import cv2
import numpy as np
import pytest
from PIL import Image

from pipeline.face import Bgr, Face
from pipeline.previews import preview

BLUE, RED = (200, 60, 20), (30, 30, 220)


def face_at(x: float, y: float, width: float, height: float) -> Face:
    """A face whose box is centred at (x, y)."""
    bbox = np.array([x - width / 2, y - height / 2, x + width / 2, y + height / 2], np.float32)
    return Face(bbox=bbox, score=0.9, kps=np.zeros((5, 2), np.float32))


def with_disc(x: int, y: int, radius: int) -> Bgr:
    """A red disc on blue, 800 x 400."""
    picture = np.full((400, 800, 3), BLUE, np.uint8)
    return np.asarray(cv2.circle(picture, (x, y), radius, RED, -1), np.uint8)


def pixels(data: bytes) -> Bgr:
    image = Image.open(io.BytesIO(data))
    assert image.format == "JPEG"
    return np.asarray(image)[..., ::-1]


def red(shown: Bgr) -> tuple[int, int, int, int]:
    """Box of what is red: x, y, width, height."""
    x, y, width, height = cv2.boundingRect((shown[..., 2] > 150).astype(np.uint8))
    return x, y, width, height


@pytest.mark.parametrize("radius", [4, 40, 150])
def test_a_face_of_any_size_is_in_the_middle_and_equally_large(radius: int) -> None:
    shown = pixels(preview(with_disc(400, 200, radius), face_at(400, 200, 2 * radius, 2 * radius)))
    x, y, width, height = red(shown)
    assert shown.shape == (160, 160, 3)
    assert (x + width / 2, y + height / 2) == pytest.approx((80, 80), abs=2)
    assert (width, height) == pytest.approx((160 / 1.5, 160 / 1.5), abs=16 if radius == 4 else 4)


def test_a_narrow_box_is_not_squashed() -> None:
    """A disc is round however narrow the face's box is, and the box's longer side is what must fit."""
    _, _, width, height = red(pixels(preview(with_disc(400, 200, 40), face_at(400, 200, 50, 100))))
    assert (width, height) == pytest.approx((0.8 * 160 / 1.5, 0.8 * 160 / 1.5), abs=4)


def test_a_face_at_the_edge_is_padded_with_black_and_stays_in_the_middle() -> None:
    shown = pixels(preview(with_disc(0, 0, 40), face_at(0, 0, 80, 80)))
    assert shown[:75].max() < 40
    assert shown[:, :75].max() < 40
    x, y, width, height = red(shown)
    assert (x, y) == pytest.approx((80, 80), abs=3)
    assert width == pytest.approx(height, abs=2)


def test_nothing_but_pixels_is_in_the_file() -> None:
    image = Image.open(io.BytesIO(preview(with_disc(400, 200, 40), face_at(400, 200, 80, 80))))
    assert not set(image.info) - {"jfif", "jfif_version", "jfif_unit", "jfif_density"}

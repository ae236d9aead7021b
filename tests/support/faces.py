"""Real faces for tests: the two public-domain portraits, and what is made from them."""

from pathlib import Path

import cv2
import numpy as np

import consumer.samples
from pipeline.face import Bgr, Face

_SAMPLES = Path(consumer.samples.__file__).parent

# Where the one face of each portrait lies, read off the pictures by eye: x0, y0, x1, y1.
ASTRONAUT_FACE = (177, 65, 273, 180)
HOPPER_FACE = (167, 128, 359, 336)


def astronaut() -> Bgr:
    """Eileen Collins, 512x512, NASA, public domain; BGR uint8."""
    return _read("astronaut.png")


def hopper() -> Bgr:
    """Grace Hopper, 512x600, U.S. Navy, public domain; BGR uint8."""
    return _read("grace_hopper.jpg")


def portrait(width: int) -> Bgr:
    """The astronaut's head and some background, with a face `width` pixels wide."""
    x0, _, x1, _ = ASTRONAUT_FACE
    return scaled(astronaut()[10:250, 105:345], width / (x1 - x0))


def scaled(picture: Bgr, factor: float) -> Bgr:
    """Resize by `factor`, averaging when it shrinks."""
    method = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(picture, None, fx=factor, fy=factor, interpolation=method), np.uint8)


def close_up(picture: Bgr, face: tuple[int, int, int, int], *, share: float) -> Bgr:
    """The square around a face that is `share` times as high as the square: above 1, it is cut."""
    x0, y0, x1, y1 = face
    side = round((y1 - y0) / share)
    top, left = (y0 + y1 - side) // 2, (x0 + x1 - side) // 2
    return np.ascontiguousarray(picture[top : top + side, left : left + side])


def turned(picture: Bgr, degrees: float, center: tuple[float, float]) -> Bgr:
    """Turn about `center`, counter-clockwise as seen, within the same frame."""
    matrix = cv2.getRotationMatrix2D(center, degrees, 1)
    return np.asarray(cv2.warpAffine(picture, matrix, picture.shape[1::-1]), np.uint8)


def made_up_face(x: float, y: float, size: float = 100.0, score: float = 0.9) -> Face:
    """A face centred at (x, y), `size` wide and high, for tests of geometry alone."""
    half = size / 2
    bbox = np.array([x - half, y - half, x + half, y + half], np.float32)
    kps = np.array([[-20, -10], [20, -10], [0, 5], [-15, 25], [15, 25]]) * size / 100 + (x, y)
    return Face(bbox=bbox, score=score, kps=kps.astype(np.float32))


def _read(name: str) -> Bgr:
    picture = cv2.imread(str(_SAMPLES / name))
    assert picture is not None
    return np.asarray(picture, np.uint8)

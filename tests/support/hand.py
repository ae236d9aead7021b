"""A hand that code draws, which networks take for one: shaded capsules that run into one another."""

import itertools
from typing import Final

import cv2
import numpy as np

from pipeline.align import Matrix, transform
from pipeline.face import Array, Bgr

SIDE: Final = 400
_SCALE: Final = 150.0
_WRIST: Final = (208.0, 372.0)
PALM: Final = (208.0, 300.0)
"""The middle of the palm, in pixels of the drawing."""
# x, y and z of a finger's joints from knuckle to tip, and how thick it is there, in palms; y is upwards.
_FINGERS: Final = (
    (
        (-0.28, 0.12, 0.05, 0.16),
        (-0.52, 0.38, 0.1, 0.145),
        (-0.72, 0.62, 0.12, 0.12),
        (-0.84, 0.84, 0.12, 0.1),
    ),
    ((-0.3, 0.86, 0, 0.14), (-0.36, 1.26, 0, 0.115), (-0.39, 1.52, 0, 0.105), (-0.41, 1.74, 0, 0.09)),
    (
        (-0.06, 0.92, 0.02, 0.145),
        (-0.07, 1.38, 0.02, 0.12),
        (-0.075, 1.68, 0.02, 0.108),
        (-0.08, 1.92, 0.02, 0.092),
    ),
    ((0.17, 0.86, 0, 0.135), (0.21, 1.27, 0, 0.115), (0.235, 1.55, 0, 0.102), (0.25, 1.78, 0, 0.088)),
    (
        (0.38, 0.74, -0.02, 0.12),
        (0.47, 1.03, -0.02, 0.1),
        (0.52, 1.24, -0.02, 0.09),
        (0.55, 1.42, -0.02, 0.078),
    ),
)
_PALM_BONES: Final = (
    ((0, -0.6, -0.05, 0.3), (0, 0.15, 0, 0.3)),
    ((0, 0.15, 0, 0.26), (-0.28, 0.12, 0.05, 0.16)),
    ((-0.28, 0.12, 0.05, 0.16), (-0.2, 0.55, 0, 0.2)),
    ((-0.21, 0.15, 0, 0.24), (-0.3, 0.86, 0, 0.19)),
    ((-0.04, 0.15, 0, 0.24), (-0.06, 0.92, 0.02, 0.19)),
    ((0.12, 0.15, 0, 0.24), (0.17, 0.86, 0, 0.19)),
    ((0.27, 0.15, 0, 0.24), (0.38, 0.74, -0.02, 0.16)),
)
_BLEND: Final = 0.05
_NOTHING: Final = -1e3
_LIGHT: Final = np.array((-0.4, 0.5, 0.8)) / np.linalg.norm((-0.4, 0.5, 0.8))

Joint = tuple[float, float, float, float]


def hand_before(
    picture: Bgr,
    middle: tuple[float, float],
    size: float,
    degrees: float = 0,
    *,
    skin: tuple[float, float, float] = (105, 140, 205),
) -> tuple[Bgr, Array]:
    """Lay a hand of a colour, BGR, over a picture.

    Args:
        picture: BGR uint8 (h, w, 3).
        middle: where the middle of its palm comes to lie, in pixels.
        size: its length from wrist to fingertip, in pixels.
        degrees: how far it is turned clockwise as seen.
        skin: its colour in good light.

    Returns:
        The picture, and (h, w) float32 how much of the hand shows where, 0..1.
    """
    drawn, shown = _hand(skin)
    matrix = _placed(middle, size, degrees)
    shape = picture.shape[1::-1]
    moved, share = (cv2.warpAffine(each, matrix, shape) for each in (drawn, shown))
    return np.asarray(picture * (1 - share[..., None]) + moved * share[..., None], np.uint8), np.asarray(
        share, np.float32
    )


def fingertips_before(middle: tuple[float, float], size: float, degrees: float = 0) -> Array:
    """Where `hand_before` draws the tips of thumb and fingers: (5, 2) float32 pixels, the thumb's first."""
    tips = [(_WRIST[0] + _SCALE * finger[-1][0], _WRIST[1] - _SCALE * finger[-1][1]) for finger in _FINGERS]
    return transform(_placed(middle, size, degrees), np.array(tips))


def _placed(middle: tuple[float, float], size: float, degrees: float) -> Matrix:
    """From the drawing to where a hand is laid."""
    scale, turn = size / (0.8 * SIDE), np.radians(degrees)
    cos, sin = np.cos(turn) * scale, np.sin(turn) * scale
    matrix = np.array([[cos, -sin, 0], [sin, cos, 0]])
    matrix[:, 2] = middle - matrix[:, :2] @ np.array(PALM)
    return matrix


def _hand(skin: tuple[float, float, float]) -> tuple[Array, Array]:
    height = _height()
    shown = (height > _NOTHING).astype(np.float32)
    surface = cv2.GaussianBlur(np.where(shown > 0, height, 0) * _SCALE, (0, 0), 1.2)
    down, right = np.gradient(surface)
    normals = np.dstack([-right, down, np.ones_like(surface)])
    normals /= np.linalg.norm(normals, axis=2, keepdims=True)
    shade = 0.35 + 0.75 * np.clip(normals @ _LIGHT, 0, 1)
    grain = np.random.default_rng(0).normal(0, 3, shade.shape)
    drawn = np.clip(np.array(skin) * shade[..., None] + grain[..., None], 0, 255)
    return np.asarray(drawn, np.float32), np.asarray(cv2.GaussianBlur(shown, (0, 0), 0.8), np.float32)


def _height() -> Array:
    """How high the hand is at each pixel."""
    rows, columns = np.mgrid[0:SIDE, 0:SIDE].astype(np.float32)
    x, y = (columns - _WRIST[0]) / _SCALE, (_WRIST[1] - rows) / _SCALE
    height = np.full((SIDE, SIDE), _NOTHING, np.float32)
    bones = [*_PALM_BONES, *(pair for finger in _FINGERS for pair in itertools.pairwise(finger))]
    for start, end in bones:
        capsule = _capsule(x, y, start, end)
        both = (height > _NOTHING) & (capsule > _NOTHING)
        bulge = np.maximum(_BLEND - np.abs(height - capsule), 0) ** 2 / (4 * _BLEND)
        height = np.maximum(height, capsule) + np.where(both, bulge, 0)
    return height


def _capsule(x: Array, y: Array, start: Joint, end: Joint) -> Array:
    """How high a bone with its flesh is."""
    along = np.array(end) - np.array(start)
    share = np.clip(((x - start[0]) * along[0] + (y - start[1]) * along[1]) / (along[:2] @ along[:2]), 0, 1)
    across = (x - start[0] - share * along[0]) ** 2 + (y - start[1] - share * along[1]) ** 2
    inside = (start[3] + share * along[3]) ** 2 - across
    height = start[2] + share * along[2] + np.sqrt(np.maximum(inside, 0))
    return np.asarray(np.where(inside > 0, height, _NOTHING), np.float32)

"""Where a changed face may show, for every engine: soft shapes, each in a square crop of its own.

A mask is 1 where the change shows and 0 where the target keeps its exact pixels. Several of them are
combined by multiplying: what any one leaves out stays the target's.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.align import Matrix, invert, transform
from pipeline.face import Array, Face

FRACTION_BITS: Final = 4  # fractional bits of OpenCV's fixed-point drawing coordinates
_FAR: Final = 1 << 24  # beyond this a fixed-point coordinate is clipped; no picture is that large
# A face's outline in the templates, fitted to FaceMesh outlines of portraits: its middle below the eyes and
# its half axes, in distances from the eyes' middle to the mouth's.
_OVAL_SHIFT: Final = 0.4
_OVAL_AXES: Final = (1.05, 1.2)
_OVAL_FEATHER: Final = 0.25
# Of the distance between the mouth's corners: the ellipse about the lips, as tall as an open mouth since
# five points do not say how far it is open; how far below the corners its middle lies; its soft rim.
_MOUTH_AXES: Final = (0.6, 0.36)
_MOUTH_SHIFT: Final = 0.14
_MOUTH_FEATHER: Final = 0.27
_LEAST_MOUTH: Final = 0.12  # of the crop's side, for a mouth seen from the side
_CIRCLE: Final = np.linspace(0, 2 * np.pi, 64, endpoint=False)


@dataclass(frozen=True, kw_only=True, eq=False)
class Mask:
    """How much of a change may show: `values` (s, s) float32 0..1, going on beyond its edge as at its edge.

    `matrix` is the (2, 3) similarity that takes the frame to its pixels.
    """

    values: Array
    matrix: Matrix


def combine(masks: Iterable[Mask], matrix: Matrix, shape: tuple[int, int]) -> Array:
    """The product of masks as the crop of `shape` (h, w) shows them, to which `matrix` takes the frame."""
    shown = np.ones(shape, np.float32)
    back = np.vstack([invert(matrix), (0, 0, 1)])
    for mask in masks:
        step = mask.matrix @ back
        shown *= cv2.warpAffine(
            mask.values,
            step,
            (shape[1], shape[0]),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
    return shown


def smoothstep(value: NDArray[np.floating]) -> Array:
    """Rise from 0 at 0 to 1 at 1 with level ends (Hermite 3t² - 2t³); any shape, clipped outside."""
    clipped = np.clip(value, 0, 1)
    rising = clipped * clipped
    clipped *= -2
    clipped += 3
    rising *= clipped
    return np.asarray(rising, np.float32)


def by_share(values: Array, share: Array) -> Array:
    """(h, w, 3) float32 `values` times (h, w) float32 `share`; NumPy takes ten times as long."""
    return np.asarray(cv2.multiply(values, cv2.merge((share, share, share))), np.float32)


def fixed_point(points: Array) -> NDArray[np.int32]:
    """Pixel coordinates (…, 2 or more) as OpenCV's drawing functions take them with `shift=FRACTION_BITS`."""
    return np.clip(np.round(points[..., :2] * (1 << FRACTION_BITS)), -_FAR, _FAR).astype(np.int32)


def fill_polygons(polygons: Iterable[Array], shape: tuple[int, int]) -> NDArray[np.uint8]:
    """Draw filled polygons, each (n, 2 or more) in pixels: (h, w) uint8, 1 inside and on the line."""
    canvas = np.zeros(shape, np.uint8)
    for polygon in polygons:
        cv2.fillPoly(canvas, [fixed_point(polygon)], 1, lineType=cv2.LINE_8, shift=FRACTION_BITS)
    return canvas


def ellipse(middle: NDArray[np.floating], axes: NDArray[np.floating], angle: float = 0) -> Array:
    """The outline (64, 2) of an ellipse about `middle` with half `axes`, turned by `angle` radians."""
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    circle = np.column_stack([np.cos(_CIRCLE), np.sin(_CIRCLE)])
    return np.asarray(circle * axes @ turn + middle, np.float32)


def soft_around(polygon: Array, shape: tuple[int, int], margin_px: float, feather_px: float) -> Array:
    """Weight (h, w) float32: exactly 1 inside and `margin_px` around, 0 from `feather_px` further out."""
    outside = 1 - fill_polygons([polygon], shape)
    if outside.all():
        return np.zeros(shape, np.float32)
    gap = cv2.distanceTransform(outside, cv2.DIST_L2, cv2.DIST_MASK_5)
    return (1 - smoothstep((gap - margin_px) / max(feather_px, 1e-3))).astype(np.float32)


def soft_within(polygon: Array, shape: tuple[int, int], feather_px: float) -> Array:
    """Weight (h, w) float32: exactly 0 outside, 1 from `feather_px` within; the picture's edge is no rim."""
    inside = fill_polygons([polygon], shape)
    depth = cv2.distanceTransform(inside, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return smoothstep((np.minimum(depth, 2 * feather_px) - 1) / max(feather_px, 1e-3))


def face_oval(template: NDArray[np.floating], size: int) -> Array:
    """The oval of a face that was aligned to `template`, (5, 2) in pixels of the crop: (size, size) 0..1."""
    eyes, mouth = template[:2].mean(axis=0), template[3:].mean(axis=0)
    unit = float(np.linalg.norm(mouth - eyes))
    middle = eyes + _OVAL_SHIFT * (mouth - eyes)
    return soft_within(ellipse(middle, np.array(_OVAL_AXES) * unit), (size, size), _OVAL_FEATHER * unit)


def face_outline(face: Face) -> Array:
    """Where a face ends in the frame, (n, 2) pixels: about its landmarks, else the oval about five points."""
    if face.landmarks is not None:
        hull = cv2.convexHull(np.ascontiguousarray(face.landmarks[:, :2], np.float32))
        return np.asarray(hull[:, 0], np.float32)
    eyes, mouth = face.kps[:2].mean(axis=0), face.kps[3:].mean(axis=0)
    down = mouth - eyes
    angle = float(np.arctan2(down[1], down[0])) - np.pi / 2
    return ellipse(eyes + _OVAL_SHIFT * down, np.array(_OVAL_AXES) * float(np.linalg.norm(down)), angle)


def mouth_left_out(face: Face, matrix: Matrix, size: int) -> Array:
    """Where the target's mouth does not lie, (size, size) float32 0..1, in the crop that `matrix` cuts."""
    left, right = transform(matrix, face.kps[3:5])
    along = right - left
    width = max(float(np.hypot(*along)), _LEAST_MOUTH * size)
    angle = float(np.arctan2(along[1], along[0]))
    down = np.array([-np.sin(angle), np.cos(angle)]) * width * _MOUTH_SHIFT
    mouth = ellipse((left + right) / 2 + down, np.array(_MOUTH_AXES) * width, angle)
    return 1 - soft_around(mouth, (size, size), 0, _MOUTH_FEATHER * width)

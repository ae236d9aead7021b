"""Aligned crops: similarity transforms between picture and crop, and a crop as a model's input.

Points are in pixels with the centre of the first pixel at (0, 0), as OpenCV's warps count them.
"""

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.face import Array, Bgr

Matrix = NDArray[np.float64]

_BAND: Final = 64  # rows of a halved picture made at once; 1 MB of a picture 6,000 px wide


def similarity_fit(points: NDArray[np.floating], template: NDArray[np.floating]) -> Matrix:
    """Fit the rotation, uniform scale and shift that bring `points` closest to `template`.

    Least squares without reflection (Umeyama 1991). In the plane it has a closed form: with points as
    complex numbers about their means, the best `a` in `template = a * points` is the projection
    `<points, template> / <points, points>`.

    Args:
        points: (n, 2) pixels, not all the same.
        template: (n, 2) pixels.

    Returns:
        (2, 3) float64 matrix that takes `points` to `template`.

    Raises:
        ValueError: all points are the same, so no scale can be found.
    """
    moving = np.asarray(points, np.float64) @ (1, 1j)
    fixed = np.asarray(template, np.float64) @ (1, 1j)
    moving_mean, fixed_mean = moving.mean(), fixed.mean()
    moving -= moving_mean
    spread = np.vdot(moving, moving).real
    if spread <= 0:
        raise ValueError("no similarity can be fitted to points that are all the same")
    turn = np.vdot(moving, fixed - fixed_mean) / spread
    shift = fixed_mean - turn * moving_mean
    return np.array([[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]])


def transform(matrix: Matrix, points: NDArray[np.floating]) -> Array:
    """Apply a (2, 3) matrix to (n, 2) points; returns (n, 2) float32."""
    return (points @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32)


def invert(matrix: Matrix) -> Matrix:
    """The (2, 3) matrix that undoes `matrix`."""
    return np.asarray(cv2.invertAffineTransform(matrix), np.float64)


def warp_crop(
    picture: Bgr,
    matrix: Matrix,
    size: int,
    *,
    border: int = cv2.BORDER_REPLICATE,
    antialias: bool = True,
) -> Bgr:
    """Cut the (size, size, 3) crop that `matrix`, a similarity from picture to crop, describes.

    Args:
        picture: BGR uint8 (h, w, 3).
        matrix: (2, 3) similarity from picture to crop.
        size: side of the crop in pixels.
        border: OpenCV border mode for what lies outside the picture.
        antialias: where the crop is smaller than what it shows, first average the region down to the
            crop's own scale; a plain bilinear warp aliases and makes landmarks jump from frame to frame.
            False for the networks that were trained on such crops.

    Returns:
        BGR uint8 (size, size, 3).
    """
    scale = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    shown, matrix = _cut_shown(picture, matrix, size, scale)
    if antialias and scale < 1:
        shown, matrix = _shrink(shown, matrix, scale)
    return np.asarray(
        cv2.warpAffine(shown, matrix, (size, size), flags=cv2.INTER_LINEAR, borderMode=border), np.uint8
    )


def average_down(picture: Bgr, size: tuple[int, int]) -> tuple[Bgr, tuple[float, float]]:
    """Shrink a uint8 picture, (h, w, 3) or (h, w), to `size` (width, height) by averaging.

    It is halved as often as that goes, then averaged over parts of pixels: the latter alone takes OpenCV 15
    times as long per pixel as halving does. Halving is done in bands, so that it takes no memory to speak of.

    Returns:
        uint8 of `size`, and how many pixels of `picture` one of its pixels shows, across and down. Up to
        one pixel of the result is cut off at the right and at the bottom.
    """
    height, width = picture.shape[:2]
    block = 1
    while width // (2 * block) >= size[0] and height // (2 * block) >= size[1]:
        block *= 2
    if block > 1:
        picture = _halved(picture, block)
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    x, y = (side * block / new for side, new in zip(picture.shape[1::-1], size, strict=True))
    return np.asarray(small, np.uint8), (x, y)


def _halved(picture: Bgr, block: int) -> Bgr:
    """The mean of every whole square of `block` pixels, a power of two."""
    height, width = picture.shape[0] // block, picture.shape[1] // block
    small = np.empty((height, width, *picture.shape[2:]), np.uint8)
    for top in range(0, height, _BAND):
        bottom = min(top + _BAND, height)
        band = picture[top * block : bottom * block, : width * block]
        while band.shape[1] > width:
            halves = band.shape[1] // 2, band.shape[0] // 2
            band = np.asarray(cv2.resize(band, halves, interpolation=cv2.INTER_AREA), np.uint8)
        small[top:bottom] = band
    return small


def rgb_input(crop: Bgr, *, scale: float = 1.0, shift: float = 0.0) -> Array:
    """Turn a BGR uint8 (h, w, 3) crop into a (1, h, w, 3) float32 RGB tensor, `value * scale + shift`."""
    rgb = cv2.cvtColor(crop, cv2.COLOR_BGR2RGB).astype(np.float32)
    rgb *= scale
    rgb += shift
    return rgb[None]


def _cut_shown(picture: Bgr, matrix: Matrix, size: int, scale: float) -> tuple[Bgr, Matrix]:
    """Cut out what the crop shows and a margin; returns it and its matrix.

    OpenCV's warps refuse pictures wider than 32767 px, and averaging should not touch what is not shown.
    """
    height, width = picture.shape[:2]
    corners = transform(invert(matrix), np.array([[0, 0], [size, 0], [0, size], [size, size]], np.float64))
    margin = 2 + 2 / scale
    x0, y0 = np.clip(np.floor(corners.min(0) - margin), 0, (width - 1, height - 1)).astype(int)
    x1, y1 = np.clip(np.ceil(corners.max(0) + margin), (x0 + 1, y0 + 1), (width, height)).astype(int)
    to_picture = np.array([[1, 0, x0], [0, 1, y0], [0, 0, 1]])
    return picture[y0:y1, x0:x1], matrix @ to_picture


def _shrink(picture: Bgr, matrix: Matrix, scale: float) -> tuple[Bgr, Matrix]:
    """Average `picture` down by `scale`; returns it and its matrix."""
    height, width = picture.shape[:2]
    small, (x, y) = average_down(picture, (max(1, round(width * scale)), max(1, round(height * scale))))
    # Pixel edges, not centres, are what scales.
    to_picture = np.array([[x, 0, (x - 1) / 2], [0, y, (y - 1) / 2], [0, 0, 1]])
    return small, matrix @ to_picture

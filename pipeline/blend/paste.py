"""Paste-back: a changed aligned crop goes back into the frame it was cut from, blended at its edge.

`matrix` is everywhere the (2, 3) similarity that took the frame to the crop. Only the region around the
face is touched: warping and blurring whole frames, as insightface does, costs 20 times as much at 1080p.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import cv2
import numpy as np

from pipeline.align import Matrix, invert, transform
from pipeline.blend.masks import Mask, combine
from pipeline.face import Array, Bgr

BoxEdge = Literal["exact", "fast"]
PasteMode = Literal["exact", "fast", "oval"]  # the last shows less than the box, by a mask

_INSIDE: Final = 20  # of 255; what insightface's `INSwapper.get` takes for covered by the crop
_SAMPLES: Final = 4  # that a blur is reduced to per sigma: less than half a level off
_MARGIN: Final = 3  # pixels that its threshold and blur reach beyond the crop, with the upscale factor


def paste(frame: Bgr, crop: Bgr, matrix: Matrix, *, masks: Sequence[Mask] = (), edge: BoxEdge) -> bool:
    """Put `crop` back into `frame`, in place.

    Args:
        frame: BGR uint8 (h, w, 3).
        crop: BGR uint8 (s, s, 3).
        matrix: from frame to crop.
        masks: how much of the crop may show; all of them count.
        edge: `exact` gives the picture that `insightface.model_zoo.inswapper.INSwapper.get` (insightface
            0.7 to 2.1) gives, to within 2 levels: a mask shrunk by a twentieth of the face and blurred in
            the frame. `fast` blurs the mask in the crop, which is cheaper for faces larger than the crop.

    Returns:
        False, with the frame unchanged, where the crop lies outside of the frame.
    """
    region = _region(crop.shape[0], matrix, frame.shape)
    if region is None:
        return False
    weight = _exact_weight(region, crop.shape[0]) if edge == "exact" else _fast_weight(region, crop.shape[0])
    if weight is None:
        return False
    if masks:
        weight *= combine(masks, region.from_frame, weight.shape)
    border = cv2.BORDER_CONSTANT if edge == "exact" else cv2.BORDER_REPLICATE
    _blend(frame[region.rows, region.columns], region.warp(crop, border), weight)
    return True


@dataclass(frozen=True, kw_only=True, eq=False)
class _Region:
    """The part of a frame around a crop; `to_region` takes the crop's pixels to the region's."""

    rows: slice
    columns: slice
    to_region: Matrix

    @property
    def from_frame(self) -> Matrix:
        """Takes the frame's pixels to the region's."""
        return np.array([[1, 0, -self.columns.start], [0, 1, -self.rows.start]], np.float64)

    def warp(self, crop: Array | Bgr, border: int = cv2.BORDER_CONSTANT) -> Array:
        """Bring a crop into the region, bilinearly; nothing (0) or its own edge lies around it."""
        size = (self.columns.stop - self.columns.start, self.rows.stop - self.rows.start)
        return np.asarray(cv2.warpAffine(crop, self.to_region, size, borderMode=border))


def _region(size: int, matrix: Matrix, shape: tuple[int, ...]) -> _Region | None:
    """What of a frame of `shape` a crop of `size` covers, with its margin; None if nothing."""
    inverse = invert(matrix)
    if not np.isfinite(inverse).all():
        return None
    corners = transform(inverse, np.array([[0, 0], [size, 0], [0, size], [size, size]], np.float64))
    margin = np.ceil(np.hypot(inverse[0, 0], inverse[1, 0])) + _MARGIN
    x0, y0 = np.maximum(np.floor(corners.min(axis=0)) - margin, 0).astype(int)
    x1, y1 = np.minimum(np.ceil(corners.max(axis=0)) + margin + 1, (shape[1], shape[0])).astype(int)
    if x1 <= x0 or y1 <= y0:
        return None
    inverse[:, 2] -= (x0, y0)
    return _Region(rows=slice(y0, y1), columns=slice(x0, x1), to_region=inverse)


def _exact_weight(region: _Region, size: int) -> Array | None:
    """The mask of insightface in the region, (h, w) 0..1; None where the frame shows nothing of the crop.

    The side of the part that the frame shows decides: it is shrunk by a tenth of it, at least 10 px, and
    blurred by a twentieth, at least 5 px.
    """
    weight = region.warp(np.full((size, size), 255, np.float32))
    covered = weight > _INSIDE
    weight[covered] = 255
    rows, columns = np.flatnonzero(covered.any(axis=1)), np.flatnonzero(covered.any(axis=0))
    if not len(rows):
        return None
    side = int(np.sqrt(int(rows[-1] - rows[0]) * int(columns[-1] - columns[0])))
    shrink, blur = max(side // 10, 10), 2 * max(side // 20, 5) + 1
    # Shrunk as bytes: four times as fast, and at most a level apart.
    weight = np.asarray(cv2.erode(weight.astype(np.uint8), np.ones((shrink, shrink), np.uint8)), np.float32)
    weight = _blur(weight, blur)
    weight /= 255
    return weight


def _blur(weight: Array, kernel: int) -> Array:
    """Blur (h, w) by `kernel` as OpenCV does, a large one at reduced resolution: nothing fine is left."""
    sigma = 0.3 * ((kernel - 1) * 0.5 - 1) + 0.8  # OpenCV's own for a kernel of this size
    step = int(sigma / _SAMPLES)
    if step <= 1:
        return np.asarray(cv2.GaussianBlur(weight, (kernel, kernel), 0), np.float32)
    height, width = weight.shape
    size = max(1, round(width / step)), max(1, round(height / step))
    small = cv2.resize(weight, size, interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), sigma / step)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)


def _fast_weight(region: _Region, size: int) -> Array:
    """A mask of the same proportions, made in the crop and warped with it, (h, w) 0..1."""
    edge, blur = size // 20 + 1, 2 * (size // 20) + 1
    weight = np.zeros((size, size), np.float32)
    weight[edge:-edge, edge:-edge] = 1
    return region.warp(np.asarray(cv2.GaussianBlur(weight, (blur, blur), 0), np.float32))


def _blend(below: Bgr, above: Array, weight: Array) -> None:
    """Lay `above` over `below` (both (h, w, 3), 0..255) with `weight` (h, w) 0..1, in place.

    Fractions are cut off, not rounded, as insightface's are.
    """
    share = np.repeat(weight[..., None], 3, axis=2)
    under = cv2.multiply(np.subtract(1, share), below, dtype=cv2.CV_32F)
    np.multiply(share, above, out=share)
    share += under
    below[:] = share.astype(np.uint8)

"""How well a swapped face sits in its surroundings: colour across its border, and what lies beyond it."""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage.color import deltaE_ciede2000

from pipeline.face import Array, Bgr

Mask = NDArray[np.bool_]

# Shares of the face's size. The engine blends from 2 to 12 % within its border, so the inner band lies where
# the new face is mostly or fully there, the outer one where nothing may have changed.
_OUTER: Final = (0.0, 0.06)
_INNER: Final = (0.06, 0.14)
_CORE: Final = 0.14
_FADES_PX: Final = 100
_SECTORS: Final = 36  # a seam is local: a mean around the whole face would hide it
_BENT: Final = 0.08  # how far a face may reach beyond the found landmarks, which it is bent away from


@dataclass(frozen=True, kw_only=True, eq=False)
class Seam:
    """CIEDE2000 differences of one face, and how hard its border is.

    Attributes:
        after: (n,) from just inside to just outside of the changed pixels, one a sector.
        before: (n,) the same places in the untouched picture.
        tone: the mean of the face's middle, after against before.
        step: how many of 255 levels the outermost changed pixels changed by, mean of the worst sector; None
            for faces so small that they fade out within a pixel.
    """

    after: Array
    before: Array
    tone: float
    step: float | None


def look_at_seam(before: Bgr, after: Bgr, landmarks: Array, size: float) -> Seam | None:
    """Compare both sides of what changed of one face; None where nothing did.

    `landmarks` (n, 2) are where the face is, `size` is its longer side in pixels. The picture's own edge is
    no seam.
    """
    window = _window(landmarks, size, before.shape)
    before, after = before[window], after[window]
    changed = _filled((before != after).any(axis=2))
    if not changed.any():
        return None
    within, beyond = (
        np.asarray(cv2.distanceTransform(it.astype(np.uint8), cv2.DIST_L2, 5)) for it in (changed, ~changed)
    )
    inner = (within > _INNER[0] * size) & (within <= _INNER[1] * size)
    outer = (beyond > _OUTER[0] * size) & (beyond <= _OUTER[1] * size)
    core = within > _CORE * size
    sectors = _sectors(changed)
    differences = [_across(_lab(picture), inner, outer, sectors) for picture in (after, before)]
    means = [_lab(picture)[core].mean(axis=0) if core.any() else np.zeros(3) for picture in (after, before)]
    tone = float(_difference(means[0], means[1]))
    step = _step(before, after, changed, sectors) if size >= _FADES_PX else None
    return Seam(after=differences[0], before=differences[1], tone=tone, step=step)


def changed_beyond(before: Bgr, after: Bgr, faces: list[tuple[Array, float]]) -> tuple[int, int]:
    """How many pixels lie outside of all faces, and how many of those changed.

    Each face is given by its (n, 2) landmarks and its size; it covers their hull and a rim of 8 %.
    """
    outside = np.ones(before.shape[:2], np.uint8)
    for landmarks, size in faces:
        hull = cv2.convexHull(landmarks.astype(np.float32)).round().astype(np.int32)
        cv2.fillConvexPoly(outside, hull, 0)
        cv2.polylines(outside, [hull], isClosed=True, color=0, thickness=2 * max(2, round(_BENT * size)))
    changed = (before != after).any(axis=2) & (outside > 0)
    return int(outside.sum()), int(changed.sum())


def _window(landmarks: Array, size: float, shape: tuple[int, ...]) -> tuple[slice, slice]:
    low = np.clip(np.floor(landmarks.min(axis=0) - 0.25 * size), 0, None).astype(int)
    high = np.ceil(landmarks.max(axis=0) + 0.25 * size).astype(int)
    return slice(low[1], min(high[1], shape[0])), slice(low[0], min(high[0], shape[1]))


def _filled(changed: Mask) -> Mask:
    """Without the holes where a pixel happened to keep its value, or an open mouth was kept."""
    outlines, _ = cv2.findContours(changed.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    canvas = np.zeros(changed.shape, np.uint8)
    if outlines:
        cv2.drawContours(canvas, [max(outlines, key=cv2.contourArea)], -1, 1, cv2.FILLED)
    return canvas > 0


def _sectors(changed: Mask) -> NDArray[np.intp]:
    """Which slice of a cake around the middle of what changed each pixel lies in."""
    y, x = np.nonzero(changed)
    rows, columns = np.indices(changed.shape)
    angle = np.arctan2(rows - y.mean(), columns - x.mean())
    return np.asarray(((angle / (2 * np.pi) + 0.5) * _SECTORS).astype(np.intp) % _SECTORS)


def _across(lab: Array, inner: Mask, outer: Mask, sectors: NDArray[np.intp]) -> Array:
    counts = [np.bincount(sectors[band], minlength=_SECTORS) for band in (inner, outer)]
    told = (counts[0] > 0) & (counts[1] > 0)
    means = [
        np.column_stack([np.bincount(sectors[band], lab[band][:, axis], _SECTORS) for axis in range(3)])[told]
        / count[told, None]
        for band, count in zip((inner, outer), counts, strict=True)
    ]
    return _difference(means[0], means[1])


def _step(before: Bgr, after: Bgr, changed: Mask, sectors: NDArray[np.intp]) -> float:
    """Where a blend fades out, its last pixels hardly differ; where it is cut off, they do."""
    further_in = cv2.erode(
        changed.astype(np.uint8), np.ones((3, 3), np.uint8)
    )  # the picture's edge is no rim
    rim = changed & (further_in == 0)
    levels = cv2.absdiff(before, after).max(axis=2)[rim]
    counts = np.bincount(sectors[rim], minlength=_SECTORS)
    sums = np.bincount(sectors[rim], levels, _SECTORS)
    return float((sums / np.maximum(counts, 1)).max())


def _difference(one: NDArray[np.floating], other: NDArray[np.floating]) -> Array:
    return np.asarray(deltaE_ciede2000(one, other), np.float32)  # type: ignore[no-untyped-call]  # it has no types


def _lab(bgr: Bgr) -> Array:
    return np.asarray(cv2.cvtColor(bgr.astype(np.float32) / 255, cv2.COLOR_BGR2LAB), np.float32)

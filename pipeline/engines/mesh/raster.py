"""From triangles to pixels: which triangle a pixel shows, and smooth values over all of them."""

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.blend.masks import FRACTION_BITS, fixed_point
from pipeline.engines.mesh.geometry import signed_areas
from pipeline.engines.mesh.topology import SKIN, Topology
from pipeline.face import Array

Ids = NDArray[np.intp]

_THIN_PX = 0.7  # a triangle's height below which its slope is damped


def paint_triangles(points: Array, topology: Topology, shape: tuple[int, int]) -> Ids:
    """Draw the mesh and say which triangle each pixel shows: (h, w), 1-based, 0 where none.

    `points` is (468, 3) in pixels, z growing away from the camera. Triangles that show their back are
    drawn first and those of eye and mouth openings next: a drawn triangle spreads half a pixel beyond its
    edges, and folds or shut lips must not show through. The others follow from far to near.
    """
    triangles = topology.triangles
    rank = np.where(topology.kind == SKIN, 2, 1)
    rank[signed_areas(points, triangles) <= 0] = 0
    depth = points[triangles, 2].mean(axis=1)
    order = np.lexsort((-depth, rank))
    corners = fixed_point(points)[triangles]
    canvas = np.zeros(shape, np.int32)
    for index in order.tolist():
        cv2.fillConvexPoly(canvas, corners[index], index + 1, lineType=cv2.LINE_8, shift=FRACTION_BITS)
    return canvas.astype(np.intp)


def planes(points: Array, values: Array, triangles: NDArray[np.intp]) -> Array:
    """The linear function `a·x + b·y + c` over each triangle that takes its corners' values.

    `points` is (m, 2 or more) in pixels, `values` (m, k). Returns (k, 3, n + 1) float32, entry 0 being zero
    so that `paint_triangles` ids index it directly. Triangles thinner than a pixel get the damped
    least-squares slope instead: their own slope would overshoot within a single pixel.
    """
    corners = points[triangles][..., :2].astype(np.float64)
    ends = values[triangles].astype(np.float64)
    (ux, uy), (vx, vy) = (corners[:, 1] - corners[:, 0]).T, (corners[:, 2] - corners[:, 0]).T
    up, down = (ends[:, 1] - ends[:, 0]).T, (ends[:, 2] - ends[:, 0]).T
    area = ux * vy - uy * vx
    longest = np.maximum(ux * ux + uy * uy, vx * vx + vy * vy)
    damping = np.maximum(_THIN_PX**2 - area * area / np.maximum(longest, 1e-9), 0)
    # (EᵀE + damping·I)⁻¹ Eᵀ d for the edges E and the differences d along them, in closed form.
    xx, yy, xy = ux * ux + vx * vx + damping, uy * uy + vy * vy + damping, ux * uy + vx * vy
    determinant = xx * yy - xy * xy
    pull_x, pull_y = ux * up + vx * down, uy * up + vy * down
    along_x = (yy * pull_x - xy * pull_y) / determinant
    along_y = (xx * pull_y - xy * pull_x) / determinant
    center = corners.mean(axis=1)
    level = ends.mean(axis=1).T - along_x * center[:, 0] - along_y * center[:, 1]
    out = np.zeros((values.shape[1], 3, len(triangles) + 1), np.float32)
    out[:, 0, 1:], out[:, 1, 1:], out[:, 2, 1:] = along_x, along_y, level
    return out


def sample(values: Array, at: Array) -> Array:
    """Read (h, w) or (h, w, k) float32 `values` at the pixel coordinates (n, m, 2) `at`, linearly."""
    x, y = (np.ascontiguousarray(at[..., axis], np.float32) for axis in (0, 1))
    return cv2.remap(values, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE).astype(
        np.float32, copy=False
    )


def interpolate(ids: Ids, functions: Array) -> Array:
    """Evaluate `planes` at every pixel: (k, h, w) float32, 0 where there is no triangle."""
    height, width = ids.shape
    x, y = np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)[:, None]
    out = np.empty((len(functions), height, width), np.float32)
    for index, (along_x, along_y, level) in enumerate(functions):
        np.take(along_x, ids, out=out[index], mode="clip")
        out[index] *= x
        out[index] += np.take(along_y, ids) * y
        out[index] += np.take(level, ids)
    return out

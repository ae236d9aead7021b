"""Where the hair of a face begins."""

import cv2
import numpy as np

from pipeline.engines.mesh.raster import sample
from pipeline.engines.mesh.topology import BROW_BELOW, Topology
from pipeline.face import Array

_HAIR_CONTRAST = np.array([12, 7, 7], np.float32)  # L, a, b: forehead to hair
_MOSTLY = 0.7


def hairline(lab: Array, points: Array, topology: Topology) -> Array:
    """Go up from each brow until the colour leaves the forehead's, and stay a little below.

    Returns (11,) float32 shares of the way to the mesh's edge, 0.5..0.85.
    """
    brows = points[list(BROW_BELOW.values()), :2]
    edge = points[topology.oval[topology.forehead], :2]
    steps = np.linspace(0.15, 1, 35, dtype=np.float32)
    path = (brows[:, None] + steps[None, :, None] * (edge - brows)[:, None]).astype(np.float32)
    seen = sample(_blurred(lab, 1.5), path)
    own = np.median(seen[:, :6], axis=1, keepdims=True)
    common = np.median(seen[:, :10].reshape(-1, 3), axis=0)
    strays = [np.linalg.norm((seen - forehead) / _HAIR_CONTRAST, axis=-1) > 1 for forehead in (own, common)]
    hair = strays[0] & strays[1]
    # Hair goes on to the edge; a brow or a wrinkle ends before it.
    above = np.cumsum(hair[:, ::-1], axis=1)[:, ::-1] / np.arange(len(steps), 0, -1)
    begins = hair & (above >= _MOSTLY)
    reach = np.where(begins.any(axis=1), steps[begins.argmax(axis=1)] - 0.05, 0.85)
    lowest = reach.copy()
    lowest[1:-1] = np.minimum(reach[1:-1], np.minimum(reach[:-2], reach[2:]))
    return np.clip(lowest, 0.5, 0.85).astype(np.float32)


def _blurred(lab: Array, sigma_px: float) -> Array:
    return np.asarray(cv2.GaussianBlur(lab, (0, 0), sigma_px), np.float32)

"""What on a face is skin, where its hair begins, and whether something covers it."""

import cv2
import numpy as np

from pipeline.engines.mesh.raster import sample
from pipeline.engines.mesh.regions import Regions, masked_blur
from pipeline.engines.mesh.topology import BROW_BELOW, NOSE, Topology
from pipeline.face import Array

_ENOUGH = 30  # pixels; fewer say nothing about a colour
_LIKELY = 0.5
_OTHER_HUE = 14.0  # distance in a and b off the hue of the nose; skin in one light strays less
_HAIR_CONTRAST = np.array([12, 7, 7], np.float32)  # L, a, b: forehead to hair
_MOSTLY = 0.7


def skin_likelihood(lab: Array, regions: Regions) -> Array:
    """How much each pixel looks like this face's own skin, (h, w) float32 0..1.

    `lab` is (h, w, 3) float32, L 0..100. Expected is the blurred colour of the cheeks about it; hair,
    spectacle frames, hands and background stray from that by more than skin does. The second look leaves
    out what strayed in the first.
    """
    sure = regions.cheeks
    likely = np.ones(sure.shape, np.float32)
    for _ in range(2):
        sure = sure * (likely > _LIKELY)
        if np.count_nonzero(sure) < _ENOUGH:
            break
        likely = _likeness(lab, sure, 0.16 * regions.face_px)
    return likely


def _likeness(lab: Array, sure: Array, sigma_px: float) -> Array:
    offset = lab - masked_blur(lab, sure, sigma_px)
    # The median does not see the few pixels of hair or frame among the sure ones, a deviation would.
    some = np.abs(offset.reshape(-1, 3).take(np.flatnonzero(sure > 0)[::5], axis=0).T)
    spread = 1.48 * np.median(some, axis=1) + np.array([2.5, 1.2, 1.2])
    light, *hues = (
        channel / deviation
        for channel, deviation in zip(cv2.split(offset), spread.astype(np.float32), strict=True)
    )
    # Highlights are forgiven more than dark pixels.
    off = (np.maximum(np.maximum(light - 3.5, -light - 2.8), 0) / 1.2) ** 2
    for hue in hues:
        off += (np.maximum(np.abs(hue) - 3, 0) / 1.4) ** 2
    return np.asarray(np.exp(-0.5 * off), np.float32)


def covered_share(lab: Array, points: Array, regions: Regions) -> float:
    """Share of the face, without its features, of another hue than the nose or far darker, 0..1."""
    face = (regions.core > 0) & (regions.features == 0)
    if not face.any():
        return 1.0
    nose = np.median(sample(_blurred(lab, 2), points[None, list(NOSE), :2])[0], axis=0)
    # Light and shade move skin along the line from grey through its own hue; other things lie off it.
    along = nose[1:] / max(float(np.linalg.norm(nose[1:])), 1e-6)
    chroma = lab[face][:, 1:]
    off = np.abs(chroma @ np.array([-along[1], along[0]])) > _OTHER_HUE
    opposite = chroma @ along < -_OTHER_HUE / 2
    return float((off | opposite | (lab[face][:, 0] < 0.35 * nose[0])).mean())


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

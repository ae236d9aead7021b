"""The target's own mouth, where it stays: without lipstick that the source does not wear."""

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.blend.masks import fill_polygons
from pipeline.engines.mesh.regions import View, blurred
from pipeline.engines.mesh.spaces import to_bgr, to_lab
from pipeline.engines.mesh.topology import LIPS_INNER, LIPS_OUTER
from pipeline.face import Array

_SOFT = 0.008  # sigma of the edge of the lips, of the face
_ENOUGH = 12  # pixels; the colour of fewer is no lips'
_SURELY = 0.9


def lips_of(view: View) -> Array:
    """The red of the lips without what shows between them, (h, w) float32 0..1."""
    outer, inner = (
        fill_polygons([view.points[list(ring), :2]], view.regions.inside.shape)
        for ring in (LIPS_OUTER, LIPS_INNER)
    )
    red = ((outer > 0) & (inner == 0)).astype(np.float32)
    return blurred(red, _SOFT * view.regions.face_px)


def less_red(bgr: Array, view: View, skin: Array, drawn: Array, lips: Array) -> Array | None:
    """What to add to the target's face `bgr` so that its lips stand out from its skin as the drawn ones do.

    Args:
        bgr: (h, w, 3) float32 0..255.
        view: the same face, evenly lit.
        skin: (h, w) float32 0..1, its skin.
        drawn: (h, w, 3) float32 L*a*b*, the new face in its tone.
        lips: (h, w) float32 0..1, see `lips_of`.

    Returns:
        (h, w, 3) float32; None where its lips are no redder than the drawn ones.
    """
    red = lips > _SURELY * float(lips.max())
    bare = (skin > _SURELY) & (view.regions.cheeks > 0)
    if min(int(red.sum()), int(bare.sum())) < _ENOUGH:
        return None
    skin_colour = _mean(view.lab, bare)
    theirs, ours = _mean(view.lab, red) - skin_colour, _mean(drawn, red) - _mean(drawn, bare)
    redness = float(np.hypot(*theirs[1:]))
    if redness <= np.hypot(*ours[1:]):
        return None
    shift = ours - theirs
    shift[0] = max(shift[0], 0.0)  # lipstick darkens; lips that are paler than the drawn ones are no make-up
    # Teeth and skin at the edge of the lips are less red, and would turn green.
    along = (view.lab[..., 1:] - skin_colour[1:]) @ (theirs[1:] / redness**2)
    share = np.clip(along, 0, 1).astype(np.float32)
    lab = to_lab(bgr) + share[..., None] * np.asarray(shift, np.float32)
    return to_bgr(lab) - bgr


def _mean(lab: Array, where: NDArray[np.bool_]) -> NDArray[np.float64]:
    return np.array(cv2.mean(lab, where.astype(np.uint8))[:3])

"""Does the light fall on a swapped face as it fell on the one before?

Likeness alone rewards a shadow that is copied from the source's portrait, and the border does not see it.
"""

from typing import Final

import numpy as np

from pipeline.engines.mesh.spaces import to_lab
from pipeline.face import Array, Bgr

# Points of the mesh on the cheeks: the person's right and left, upper and lower.
_QUARTERS: Final = (((100, 101, 50), (36, 205, 187)), ((329, 330, 280), (266, 425, 411)))
_DISC: Final = 0.03  # of the face's size
_LEAST_PX: Final = 40.0


def light_moved(before: Bgr, after: Bgr, landmarks: Array, size: float) -> float | None:
    """By how much the lightness of one half of the cheeks has changed against the other, L of 100.

    Right against left or upper against lower, whichever is more. None for faces that are too small, or whose
    cheeks the picture does not show.
    """
    if size < _LEAST_PX:
        return None
    change = to_lab(after.astype(np.float32))[..., 0] - to_lab(before.astype(np.float32))[..., 0]
    means = [[_mean(change, landmarks[list(names)], _DISC * size) for names in side] for side in _QUARTERS]
    quarters = np.array(means)
    if not np.isfinite(quarters).all():
        return None
    return float(max(abs(np.diff(quarters.mean(axis=axis)).item()) for axis in (0, 1)))


def _mean(values: Array, places: Array, radius: float) -> float:
    """The mean about some places; not a number where one lies beyond the edge."""
    reach, (height, width) = max(1, round(radius)), values.shape
    found = []
    for x, y in np.rint(places).astype(int).tolist():
        if not (reach <= x < width - reach and reach <= y < height - reach):
            return float("nan")
        found.append(values[y - reach : y + reach + 1, x - reach : x + reach + 1].mean())
    return float(np.mean(found))

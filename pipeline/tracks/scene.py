"""Where one shot ends and another begins, told by how light is spread over a small picture."""

from typing import Final

import numpy as np

from pipeline.face import Array, Bgr
from pipeline.tracks.frame import FrameView

_GRID: Final = 4
_BINS: Final = 16
_SMALL: Final = (64, 64)

CUT: Final = 0.45
"""A change from which on nothing of a frame is where it was: see `SceneChanges.change`."""
DOUBTFUL: Final = 0.2
"""A change from which on it is worth a look whether everybody is who they were."""


class SceneChanges:
    """Compares each frame of a video with the one before."""

    def __init__(self) -> None:
        self._before: Array | None = None

    def change(self, frame: FrameView) -> float:
        """How much a frame differs from the one before, 0..1; 1 for the first.

        Histograms of brightness are compared in 4 x 4 parts of it, so that what moves within the picture
        counts little, and two shots of the same room with other things in other places count much.
        """
        now, before = _histograms(frame.grey(_SMALL)), self._before
        self._before = now
        return 1.0 if before is None else float(np.abs(now - before).sum(axis=1).mean() / 2)


def _histograms(luma: Bgr) -> Array:
    """(16, 16) float32, the share of each level of brightness in each part of a (64, 64) uint8 picture."""
    side = _SMALL[0] // _GRID
    parts = luma.reshape(_GRID, side, _GRID, side).transpose(0, 2, 1, 3).reshape(_GRID**2, -1)
    bins = parts.astype(np.intp) * _BINS // 256 + np.arange(_GRID**2)[:, None] * _BINS
    counts = np.bincount(bins.ravel(), minlength=_GRID**2 * _BINS).reshape(_GRID**2, _BINS)
    return (counts / side**2).astype(np.float32)

"""BlazeFace: one look of a detection model at one picture of any size.

Method and weights: MediaPipe face detection (Bazarevsky et al. 2019, arXiv:1907.05047).
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np

from models.session import Session
from pipeline.align import rgb_input
from pipeline.face import Array, Bgr

# The sides of what a model looks at are multiples of this: its coarsest layer has a cell every 32 pixels.
GRAIN: Final = 32
_KEPT_ANCHORS: Final = 16  # a picture has less than ten shapes of tiles


@dataclass(frozen=True, kw_only=True)
class BlazeFaceShape:
    """How a BlazeFace model divides its input into cells."""

    #: (stride in pixels, anchors per cell) of each layer, in the order of the model's outputs.
    layers: tuple[tuple[int, int], ...]

    def anchors(self, height: int, width: int) -> Array:
        """(n, 2) float32 anchor centres, in pixels of an input of that size, from its first pixel's edge."""
        centres = []
        for stride, per_cell in self.layers:
            rows, columns = np.mgrid[0 : height // stride, 0 : width // stride]
            grid = (np.stack([columns, rows], -1).reshape(-1, 2) + 0.5) * stride
            centres.append(grid.repeat(per_cell, axis=0))
        return np.concatenate(centres).astype(np.float32)


# From the models' own graphs (MediaPipe, face_detection_full_range and face_detection_back).
FULL_RANGE: Final = BlazeFaceShape(layers=((4, 1),))
BACK: Final = BlazeFaceShape(layers=((16, 2), (32, 6)))


class BlazeFace:
    """One BlazeFace model. Its layers are convolutions, so that it looks at a picture of any size at once."""

    def __init__(self, session: Session, shape: BlazeFaceShape, *, threshold: float = 0.4) -> None:
        self._session = session
        self._anchors = lru_cache(maxsize=_KEPT_ANCHORS)(shape.anchors)
        self._threshold = threshold

    def look(self, picture: Bgr) -> Array:
        """Find faces in a BGR uint8 (h, w, 3) picture whose sides are multiples of 32.

        Returns:
            (n, 17) float32 rows of box (4), six points (12) and score, in pixels of the picture.
        """
        regressors, logits = self._session.run(rgb_input(picture, scale=1 / 127.5, shift=-1))
        scores = 1 / (1 + np.exp(-np.clip(logits[0, :, 0], -60, 60)))
        hits = np.flatnonzero(scores > self._threshold)
        values = regressors[0, hits].reshape(-1, 8, 2)
        height, width = picture.shape[:2]
        anchors = self._anchors(height, width)[hits] - 0.5  # the model measures from the first pixel's edge
        middle, half = values[:, 0] + anchors, values[:, 1] / 2
        points = values[:, 2:] + anchors[:, None]
        rows: Array = np.column_stack([middle - half, middle + half, points.reshape(-1, 12), scores[hits]])
        return rows[np.flatnonzero((half > 0).all(axis=1))]

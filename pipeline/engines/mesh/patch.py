"""The part of a frame that a face covers, and the coarser maps on which all decisions are made."""

from dataclasses import dataclass
from typing import Self

import cv2
import numpy as np

from pipeline.align import Matrix
from pipeline.engines.mesh.geometry import rescaled
from pipeline.face import Array, Bgr

_MAP_PX = 256  # larger maps cost more and show nothing more: the mesh is coarser than that
_SMALLEST_PX = 8
_MARGIN_MAP_PX = 2.5  # about the face, or its blend would end at the map's edge, before it has faded out


@dataclass(frozen=True, kw_only=True, eq=False)
class Patch:
    """One face's region of the frame.

    Attributes:
        roi: BGR uint8 (h, w, 3) view into the frame.
        shape: (h, w) of the maps.
        matrix: (2, 3) float64, from the frame's pixels to the maps'.
        points: (468, 3) float32 points to draw at, in map pixels.
        own: (468, 2) float32 the target's own points, in map pixels.
        face_px: the face's larger side in map pixels.
    """

    roi: Bgr
    shape: tuple[int, int]
    matrix: Matrix
    points: Array
    own: Array
    face_px: float

    @classmethod
    def cut(cls, frame: Bgr, target: Array, bent: Array) -> Self | None:
        """Cut a face out of the frame; None where it is smaller than 8 px, or hardly any of it lies within.

        `target` and `bent` are (468, 3) points in frame pixels, as found and as they will be drawn.
        """
        low, high = bent[:, :2].min(axis=0), bent[:, :2].max(axis=0)
        height, width = frame.shape[:2]
        margin = max(2, np.ceil(_MARGIN_MAP_PX * float((high - low).max()) / _MAP_PX))
        x0, y0 = np.clip(np.floor(low) - margin, 0, [width, height]).astype(int).tolist()
        x1, y1 = np.clip(np.ceil(high) + margin + 1, 0, [width, height]).astype(int).tolist()
        if min(x1 - x0, y1 - y0, *(high - low).tolist()) < _SMALLEST_PX:
            return None
        roi = frame[y0:y1, x0:x1]
        scale = min(1.0, _MAP_PX / max(roi.shape[:2]))
        shape = max(_SMALLEST_PX, round(roi.shape[0] * scale)), max(_SMALLEST_PX, round(roi.shape[1] * scale))
        corner = np.array([x0, y0], np.float32)
        flat = rescaled(bent[:, :2] - corner, roi.shape, shape)
        x, y = shape[1] / roi.shape[1], shape[0] / roi.shape[0]
        return cls(
            roi=roi,
            shape=shape,
            matrix=np.array([[x, 0, (0.5 - x0) * x - 0.5], [0, y, (0.5 - y0) * y - 0.5]]),
            points=np.column_stack([flat, bent[:, 2] * np.float32(scale)]),
            own=rescaled(target[:, :2] - corner, roi.shape, shape),
            face_px=float((high - low).max()) * scale,
        )

    def enlarge(self, values: Array) -> Array:
        """Bring a map to the region's size."""
        if values.shape[:2] == self.roi.shape[:2]:
            return values
        size = self.roi.shape[1], self.roi.shape[0]
        return np.asarray(cv2.resize(values, size, interpolation=cv2.INTER_LINEAR), np.float32)

    def reduce(self, picture: Bgr) -> Array:
        """Bring a picture of the region's size to the maps' size, float32 0..255."""
        if picture.shape[:2] == self.shape:
            return picture.astype(np.float32)
        small = cv2.resize(picture, (self.shape[1], self.shape[0]), interpolation=cv2.INTER_AREA)
        return np.asarray(small, np.float32)

    def blend(self, drawn: Bgr, change: Array, alpha: Array) -> None:
        """Write `drawn` (region size) plus `change` (map size) into the frame by `alpha` (map size, 0..1).

        Where `alpha` is 0 the frame keeps its exact values.
        """
        difference = np.asarray(cv2.subtract(drawn, self.roi, dtype=cv2.CV_32F), np.float32)
        difference += self.enlarge(change)
        difference *= self.enlarge(alpha)[..., None]
        self.roi[:] = cv2.add(self.roi, difference, dtype=cv2.CV_8U)

"""Finding faces with BlazeFace over a pyramid of overlapping tiles.

Two models, because each misses faces that the other finds: *full range* sees small and turned ones,
*back* large ones. One look at a whole picture misses every face below about 4 % of its width, hence
the tiles. Method and weights: MediaPipe face detection (Bazarevsky et al. 2019, arXiv:1907.05047).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from models.session import Session
from pipeline.faces import Array, Bgr

# A tile shows 1.4 times its share of the picture, so that neighbours overlap by 0.3 of a tile and
# whatever a border cuts lies whole in the neighbour or in a coarser level.
_TILE_STRETCH: Final = 1.4
_OVERLAP: Final = 0.3
_LEVELS: Final = (1, 2, 4)
_SMALLEST_TILE: Final = 256
_BORDER: Final = 0.02

_SAME_FACE_IOU: Final = 0.3
_SAME_FACE_INSIDE: Final = 0.6


@dataclass(frozen=True, kw_only=True, eq=False)
class Detection:
    """One detected face before its landmarks are known, in pixels of the picture.

    Attributes:
        bbox: (4,) float32 `x0, y0, x1, y1`.
        points: (6, 2) float32: left eye, right eye, nose tip, mouth centre, left and right ear, where
            left is the viewer's left.
        score: detector confidence, 0..1.
    """

    bbox: Array
    points: Array
    score: float


@dataclass(frozen=True, kw_only=True)
class BlazeFaceShape:
    """How a BlazeFace model looks at its input: its side in pixels and its (stride, anchors) layers."""

    side: int
    layers: tuple[tuple[int, int], ...]

    def anchors(self) -> Array:
        """(n, 2) float32 anchor centres, 0..1 of the input, in the order of the model's outputs."""
        centres = []
        for stride, per_cell in self.layers:
            cells = self.side // stride
            rows, columns = np.mgrid[0:cells, 0:cells]
            grid = (np.stack([columns, rows], -1).reshape(-1, 2) + 0.5) / cells
            centres.append(grid.repeat(per_cell, axis=0))
        return np.concatenate(centres).astype(np.float32)


# From the models' own graphs (MediaPipe, face_detection_full_range and face_detection_back).
FULL_RANGE: Final = BlazeFaceShape(side=192, layers=((4, 1),))
BACK: Final = BlazeFaceShape(side=256, layers=((16, 2), (32, 6)))


class BlazeFace:
    """One BlazeFace model on one square input."""

    def __init__(self, session: Session, shape: BlazeFaceShape, *, threshold: float = 0.5) -> None:
        self.side = shape.side
        self._session = session
        self._anchors = shape.anchors()
        self._threshold = threshold

    def look(self, tile: Bgr) -> Array:
        """Find faces in one BGR uint8 (side, side, 3) tile.

        Returns:
            (n, 17) float32 rows of box (4), six points (12) and score, in pixels of the tile.
        """
        blob = cv2.dnn.blobFromImage(tile, 1 / 127.5, mean=(127.5, 127.5, 127.5), swapRB=True)
        regressors, logits = self._session.run(np.ascontiguousarray(blob.transpose(0, 2, 3, 1)))
        scores = 1 / (1 + np.exp(-np.clip(logits[0, :, 0], -60, 60)))
        hits = np.flatnonzero(scores > self._threshold)
        values = regressors[0, hits].reshape(-1, 8, 2)
        anchors = self._anchors[hits] * self.side
        middle, half = values[:, 0] + anchors, values[:, 1] / 2
        points = values[:, 2:] + anchors[:, None]
        return np.column_stack([middle - half, middle + half, points.reshape(-1, 12), scores[hits]])


class Detector:
    """All faces of a picture: several models, every level of the pyramid, one detection per face."""

    def __init__(self, models: Sequence[BlazeFace]) -> None:
        self._models = tuple(models)

    def detect(self, picture: Bgr) -> list[Detection]:
        """Find the faces of a BGR uint8 (h, w, 3) picture, best score first; an empty list if none."""
        rows = [
            found
            for level in _levels(max(picture.shape[:2]))
            for model in self._models
            for found in _scan(model, picture, level)
        ]
        return _merge(np.concatenate(rows))


def _levels(longest: int) -> list[int]:
    return [level for level in _LEVELS if level == 1 or longest * _TILE_STRETCH / level >= _SMALLEST_TILE]


def _scan(model: BlazeFace, picture: Bgr, level: int) -> Iterator[Array]:
    """Look at every tile of one level; yields (n, 17) rows in pixels of the picture."""
    height, width = picture.shape[:2]
    side = model.side
    scale = side * (level / _TILE_STRETCH if level > 1 else 1) / max(height, width)
    small_size = max(1, round(width * scale)), max(1, round(height * scale))
    small = cv2.resize(picture, small_size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    steps = np.array([width / small_size[0], height / small_size[1]])
    for y in _starts(small_size[1], side):
        for x in _starts(small_size[0], side):
            tile = small[max(y, 0) : y + side, max(x, 0) : x + side]
            before = max(-y, 0), max(-x, 0)
            after = side - tile.shape[0] - before[0], side - tile.shape[1] - before[1]
            padded = cv2.copyMakeBorder(tile, before[0], after[0], before[1], after[1], cv2.BORDER_CONSTANT)
            found = _whole(model.look(np.asarray(padded, np.uint8)), (x, y), small_size, side)
            places = found[:, :16].reshape(-1, 8, 2) + np.array([x, y])
            yield np.column_stack([((places * steps) - 0.5).reshape(-1, 16), found[:, 16]])


def _starts(length: int, side: int) -> list[int]:
    """Where tiles start along one axis; a picture shorter than a tile lies in the tile's middle."""
    if length <= side:
        return [-((side - length) // 2)]
    count = int(np.ceil((length / side - _OVERLAP) / (1 - _OVERLAP)))
    return [int(start) for start in np.linspace(0, length - side, count).round()]


def _whole(found: Array, start: tuple[int, int], size: tuple[int, int], side: int) -> Array:
    """Keep the faces that no border inside the picture cuts; the picture's own edge may cut one."""
    margin = _BORDER * side
    keep = np.ones(len(found), bool)
    for axis in (0, 1):
        if start[axis] > 0:
            keep &= found[:, axis] > margin
        if start[axis] + side < size[axis]:
            keep &= found[:, axis + 2] < side - margin
    return found[keep]


def _merge(found: Array) -> list[Detection]:
    """One detection per face: the mean of what agrees with the best, weighted by score."""
    merged = []
    left = found[np.argsort(-found[:, 16], kind="stable")]
    while len(left):
        iou, inside = overlaps(left[0], left)
        agree = left[iou > _SAME_FACE_IOU]
        mean = np.average(agree[:, :16], axis=0, weights=agree[:, 16]).astype(np.float32)
        merged.append(Detection(bbox=mean[:4], points=mean[4:].reshape(6, 2), score=float(left[0, 16])))
        left = left[(iou <= _SAME_FACE_IOU) & (inside <= _SAME_FACE_INSIDE)]
    return merged


def overlaps(one: Array, many: Array) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """Intersection of a box with each box, over their union and over the smaller of the two."""
    low, high = np.maximum(one[:2], many[:, :2]), np.minimum(one[2:4], many[:, 2:4])
    shared = np.clip(high - low, 0, None).prod(axis=1)
    area, areas = (one[2:4] - one[:2]).prod(), (many[:, 2:4] - many[:, :2]).prod(axis=1)
    return shared / (area + areas - shared), shared / np.minimum(area, areas)

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
from pipeline.align import rgb_input
from pipeline.face import Array, Bgr

# How much of the picture's longer side one tile shows, level by level. The first shows a rim around
# the picture: a face at the edge, or one that fills the frame, needs something around it to be seen.
_WHOLE: Final = 1.2
_TILES: Final = (0.7, 0.35)
_FROM_AFAR: Final = 2.0
_FINEST: Final = 0.05
# Neighbouring tiles share this part of a side: a face that a border cuts lies whole in the neighbour,
# or is large enough for the level above.
_OVERLAP: Final = 0.28
_RIM: Final = 0.05
# Below this span, in pixels, a finer level would only look for faces too small to be of use.
_SMALLEST_SPAN: Final = 400.0
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

    def __init__(self, session: Session, shape: BlazeFaceShape, *, threshold: float = 0.4) -> None:
        self.side = shape.side
        self._session = session
        self._anchors = shape.anchors()
        self._threshold = threshold

    def look(self, tile: Bgr) -> Array:
        """Find faces in one BGR uint8 (side, side, 3) tile.

        Returns:
            (n, 17) float32 rows of box (4), six points (12) and score, in pixels of the tile.
        """
        regressors, logits = self._session.run(rgb_input(tile, scale=1 / 127.5, shift=-1))
        scores = 1 / (1 + np.exp(-np.clip(logits[0, :, 0], -60, 60)))
        hits = np.flatnonzero(scores > self._threshold)
        values = regressors[0, hits].reshape(-1, 8, 2)
        anchors = self._anchors[hits] * self.side - 0.5  # the model measures from the first pixel's edge
        middle, half = values[:, 0] + anchors, values[:, 1] / 2
        points = values[:, 2:] + anchors[:, None]
        rows: Array = np.column_stack([middle - half, middle + half, points.reshape(-1, 12), scores[hits]])
        has_area: NDArray[np.bool_] = (half > 0).all(axis=1)
        return rows[has_area]


class Detector:
    """All faces of a picture: several models, every level of the pyramid, one detection per face."""

    def __init__(self, models: Sequence[BlazeFace]) -> None:
        self._models = tuple(models)

    def detect(self, picture: Bgr) -> list[Detection]:
        """Find the faces of a BGR uint8 (h, w, 3) picture, best score first; an empty list if none."""
        return self._detect(picture, _spans(*picture.shape[:2]))

    def detect_from_afar(self, picture: Bgr) -> list[Detection]:
        """As `detect`, for faces larger than the picture: it is seen small, amid black."""
        return self._detect(picture, [_FROM_AFAR])

    def _detect(self, picture: Bgr, spans: Sequence[float]) -> list[Detection]:
        height, width = picture.shape[:2]
        enough = 2 * max(model.side for model in self._models) / min(spans)
        small = _resize(picture, min(1.0, enough / max(height, width)))
        found = [rows for span in spans for model in self._models for rows in _scan(model, small, span)]
        return _merge(_stretch(np.concatenate(found), small, (width, height)))


def _spans(height: int, width: int) -> list[float]:
    """The levels a picture needs; a long strip needs finer ones than its longer side suggests."""
    short, long = sorted((height, width))
    spans = [_WHOLE, *_TILES]
    while spans[-1] * long > short and spans[-1] > _FINEST:
        spans.append(spans[-1] / 2)
    return [span for span in spans if span == _WHOLE or span * long >= _SMALLEST_SPAN]


def _scan(model: BlazeFace, picture: Bgr, span: float) -> Iterator[Array]:
    """Look at every tile of one level; yields (n, 17) rows in pixels of the picture."""
    height, width = picture.shape[:2]
    small = _resize(picture, model.side / (span * max(height, width)))
    size = small.shape[1], small.shape[0]
    for y in _starts(size[1], model.side):
        for x in _starts(size[0], model.side):
            found = model.look(_cut(small, x, y, model.side))
            found = found[_uncut(found, (x, y), size, model.side)]
            found[:, :16] += np.tile((x, y), 8)
            yield _stretch(found, small, (width, height))


def _resize(picture: Bgr, scale: float) -> Bgr:
    if scale == 1:
        return picture
    size = [max(1, round(side * scale)) for side in picture.shape[1::-1]]
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(picture, size, interpolation=method), np.uint8)


def _stretch(found: Array, small: Bgr, size: tuple[int, int]) -> Array:
    """Turn rows in pixels of `small` into those of the (width, height) picture it was made from."""
    steps = np.tile(np.divide(size, small.shape[1::-1]), 8)
    stretched = found.copy()
    stretched[:, :16] = (found[:, :16] + 0.5) * steps - 0.5
    return stretched


def _starts(length: int, side: int) -> list[int]:
    """Where tiles start along one axis; what is shorter than a tile lies in the tile's middle."""
    rim = _RIM * side
    if length + 2 * rim <= side:
        return [-((side - length) // 2)]
    count = int(np.ceil(((length + 2 * rim) / side - _OVERLAP) / (1 - _OVERLAP)))
    return [int(start) for start in np.linspace(-rim, length - side + rim, max(count, 2)).round()]


def _cut(picture: Bgr, x: int, y: int, side: int) -> Bgr:
    """Cut a (side, side, 3) tile; what lies outside the picture is black."""
    tile = picture[max(y, 0) : y + side, max(x, 0) : x + side]
    top, left = max(-y, 0), max(-x, 0)
    bottom, right = side - tile.shape[0] - top, side - tile.shape[1] - left
    return np.asarray(cv2.copyMakeBorder(tile, top, bottom, left, right, cv2.BORDER_CONSTANT), np.uint8)


def _uncut(found: Array, start: tuple[int, int], size: tuple[int, int], side: int) -> NDArray[np.bool_]:
    """Which faces no border inside the picture cuts; the picture's own edge may cut one."""
    margin = _BORDER * side
    keep = np.ones(len(found), bool)
    for axis in (0, 1):
        if start[axis] > 0:
            keep &= found[:, axis] > margin
        if start[axis] + side < size[axis]:
            keep &= found[:, axis + 2] < side - margin
    return keep


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

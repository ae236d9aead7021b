"""Finding faces with BlazeFace over a pyramid of sizes.

The model *back* sees small, large and turned faces alike in a picture of any size. *Full range*, which is
surer of blurred and noisy ones, looks at the whole picture only; `closer.py` has it confirm each face.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipeline.face import Array, Bgr
from pipeline.faces.blazeface import BlazeFace
from pipeline.faces.pyramid import WHOLE_PX, Level, amid_black, levels

# The side of the square that each model was trained on; a face that fills the picture, seen small for all
# its size, is seen by the model at the scale of its training.
GLANCE_PX: Final = 256
_FULL_RANGE_PX: Final = 192
# What a look from afar shows is half as large as the square: faces up to twice the picture's size.
_AFAR: Final = 0.5

# The models' usual threshold, and a lower one for faces up to a size, in pixels of a level.
# Of 48 faces, 44 px wide in a picture of 24 MP and 10 px in its level, 41 score 0.4 and all 0.2.
SURE: Final = 0.4
FAINTEST: Final = 0.2
_TINY_PX: Final = 16.0

_SAME_FACE_IOU: Final = 0.3
_SAME_FACE_INSIDE: Final = 0.6


@dataclass(frozen=True, kw_only=True, eq=False)
class DetectedBox:
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


class Detector:
    """All faces of a picture, one detection per face."""

    def __init__(self, *, back: BlazeFace, full_range: BlazeFace) -> None:
        """Take the models; `back` should give what scores more than `FAINTEST`."""
        self._back = back
        self._full_range = full_range

    def detect(self, picture: Bgr) -> list[DetectedBox]:
        """Find the faces of a BGR uint8 (h, w, 3) picture, best score first; an empty list if none."""
        found: list[Array] = []
        for level in levels(picture):
            found += _scan(self._back, level)
            coarsest = level
        long_px = WHOLE_PX * _FULL_RANGE_PX / GLANCE_PX
        whole = amid_black(coarsest.picture, long_px, _FULL_RANGE_PX, coarsest.steps)
        found += _scan(self._full_range, whole)
        return _merge(np.concatenate(found))

    def detect_from_afar(self, picture: Bgr) -> list[DetectedBox]:
        """As `detect`, for faces larger than the picture: it is seen small, amid black."""
        found: list[Array] = []
        for model, side in ((self._back, GLANCE_PX), (self._full_range, _FULL_RANGE_PX)):
            found += _scan(model, amid_black(picture, _AFAR * side, side))
        return _merge(np.concatenate(found))

    def glance(self, picture: Bgr) -> Array:
        """Look once at a BGR uint8 (h, w, 3) picture whose sides are multiples of 32.

        Returns (n, 5) float32 rows of box and score, in pixels of the picture.
        """
        return _suspected(self._back, picture)[:, [0, 1, 2, 3, 16]]


def _scan(model: BlazeFace, level: Level) -> Iterator[Array]:
    """Look at every tile of one level; yields (n, 17) rows in pixels of the original."""
    for tile in level.tiles():
        yield tile.to_original(_suspected(model, tile.picture))


def _suspected(model: BlazeFace, picture: Bgr) -> Array:
    found = model.look(picture)
    is_tiny = found[:, 2] - found[:, 0] < _TINY_PX
    return found[(found[:, 16] > SURE) | is_tiny]


def _merge(found: Array) -> list[DetectedBox]:
    """One detection per face: the mean of what agrees with the best, weighted by score."""
    merged = []
    left = found[np.argsort(-found[:, 16], kind="stable")]
    while len(left):
        iou, inside = overlaps(left[0], left)
        agree = left[iou > _SAME_FACE_IOU]
        mean = np.average(agree[:, :16], axis=0, weights=agree[:, 16]).astype(np.float32)
        merged.append(DetectedBox(bbox=mean[:4], points=mean[4:].reshape(6, 2), score=float(left[0, 16])))
        left = left[(iou <= _SAME_FACE_IOU) & (inside <= _SAME_FACE_INSIDE)]
    return merged


def overlaps(one: Array, many: Array) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """Intersection of a box with each box, over their union and over the smaller of the two."""
    low, high = np.maximum(one[:2], many[:, :2]), np.minimum(one[2:4], many[:, 2:4])
    shared = np.clip(high - low, 0, None).prod(axis=1)
    area, areas = (one[2:4] - one[:2]).prod(), (many[:, 2:4] - many[:, :2]).prod(axis=1)
    return shared / (area + areas - shared), shared / np.minimum(area, areas)

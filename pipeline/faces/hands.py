"""Hands near a face: palms first, then the 21 points of each hand in two passes.

Method and weights: MediaPipe Hands (Zhang et al. 2020, arXiv:2006.10214).
"""

from collections.abc import Iterable
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from models.embedded import HANDS, PALMS, embedded_path
from models.session import Session, open_session
from pipeline.align import invert, rgb_input, transform, warp_crop
from pipeline.face import Array, Bgr, Face
from pipeline.faces.blazeface import BlazeFaceShape
from pipeline.faces.detect import overlaps
from pipeline.faces.landmarks import Roi

POINTS: Final = 21
WRIST: Final = 0

_PALM_PX: Final = 192
_HAND_PX: Final = 224
# The model's own graph (MediaPipe, palm_detection_full): strides 8 and three times 16, two anchors each.
_PALM_SHAPE: Final = BlazeFaceShape(layers=((8, 2), (16, 6)))
_PALM_SCORE: Final = 0.5
_SAME_PALM: Final = 0.3
_PRESENCE: Final = 0.5
# A hand before a face has its palm within a square this many times the face's longer side about it.
_AROUND: Final = 3.0
_MOST: Final = 4  # hands that can be before one face
_SMALLEST_PX: Final = 40.0  # of a face's longer side: fingers are two pixels wide

# Of a palm's seven points: the wrist and the knuckle of the middle finger.
_PALM_WRIST, _PALM_KNUCKLE = 0, 2
# The hand about a palm, and about the points of its own palm (MediaPipe, hand_landmark graphs).
_OF_PALM: Final = 2.6
_TOWARDS_FINGERS: Final = 0.5
_OF_POINTS: Final = 2.0
_UP: Final = 0.1
# The points that do not move with bent fingers, and the middle joints of index, middle and ring finger.
_STEADY: Final = (0, 1, 2, 3, 5, 6, 9, 10, 13, 14, 17, 18)
_INDEX, _MIDDLE, _RING = 6, 10, 14


class HandFinder:
    """Finds the hands that may be before a face."""

    def __init__(self, palms: Session, hands: Session) -> None:
        self._palms = palms
        self._hands = hands
        self._anchors = _PALM_SHAPE.anchors(_PALM_PX, _PALM_PX)

    def find(self, picture: Bgr, face: Face) -> list[Array]:
        """Find hands about a face of a BGR uint8 (h, w, 3) picture, not before small faces; at most four.

        Returns:
            (21, 2) float32 points of each in pixels of the picture: wrist, then the four joints of the thumb
            and of each finger, the tip last.
        """
        side = max(face.size)
        if side < _SMALLEST_PX or not np.isfinite(face.bbox).all():
            return []
        rois = self._look(picture, Roi(center=face.center, side=_AROUND * side, angle=0.0))
        return self.follow(picture, self._located(picture, rois))

    def follow(self, picture: Bgr, hands: Iterable[Array]) -> list[Array]:
        """Find hands of the frame before, (21, 2) points each, in this one; some may be gone."""
        return self._located(picture, map(_about_points, hands))

    def _look(self, picture: Bgr, around: Roi) -> list[Roi]:
        """Where the palms of a square seem to have their hands, the surest first."""
        matrix = around.to_crop(_PALM_PX)
        crop = warp_crop(picture, matrix, _PALM_PX, border=cv2.BORDER_CONSTANT)
        values, logits = self._palms.run(rgb_input(crop, scale=1 / 255))
        scores = 1 / (1 + np.exp(-np.clip(logits[0, :, 0], -60, 60)))
        hits = np.flatnonzero(scores > _PALM_SCORE)
        rows = values[0, hits].reshape(-1, 9, 2)
        anchors = self._anchors[hits] - 0.5  # the model measures from the first pixel's edge
        boxes = np.column_stack(
            [rows[:, 0] + anchors - rows[:, 1] / 2, rows[:, 0] + anchors + rows[:, 1] / 2]
        )
        points = rows[:, 2:] + anchors[:, None]
        back = invert(matrix)
        return [
            _about_palm(transform(back, boxes[place].reshape(2, 2)), transform(back, points[place]))
            for place in _one_each(boxes, scores[hits])[:_MOST]
        ]

    def _located(self, picture: Bgr, rois: Iterable[Roi]) -> list[Array]:
        """The points of the hands in turned squares of the picture, of those that are there."""
        found = (self._locate(picture, roi) for roi in rois)
        return [points for points, presence in found if presence > _PRESENCE and np.isfinite(points).all()]

    def _locate(self, picture: Bgr, roi: Roi) -> tuple[Array, float]:
        """The points of the hand in a turned square of the picture, and how sure it is that one is there."""
        matrix = roi.to_crop(_HAND_PX)
        crop = warp_crop(picture, matrix, _HAND_PX, border=cv2.BORDER_CONSTANT)
        points, presence, *_ = self._hands.run(rgb_input(crop, scale=1 / 255))
        xy = points.reshape(POINTS, 3)[:, :2] - 0.5
        return transform(invert(matrix), xy), float(presence.item())


def open_hand_finder(*, threads: int = 1) -> HandFinder:
    """Open the shipped networks, on the CPU with `threads` threads inside an operator.

    Raises:
        ModelUnavailable: a shipped file is missing or was changed.
    """
    palms, hands = (open_session(embedded_path(name), threads=threads) for name in (PALMS, HANDS))
    return HandFinder(palms, hands)


def _one_each(boxes: Array, scores: NDArray[np.floating]) -> list[int]:
    """The places of the best of the (n, 4) boxes that show the same palm, best score first."""
    kept: list[int] = []
    for place in np.argsort(-scores, kind="stable").tolist():
        shared, _ = overlaps(boxes[place], boxes[kept])
        if not (shared > _SAME_PALM).any():
            kept.append(place)
    return kept


def _about_palm(box: Array, points: Array) -> Roi:
    """The square about a hand whose palm has a (2, 2) box and seven points."""
    up, angle = _upwards(points[_PALM_WRIST], points[_PALM_KNUCKLE])
    side = float(np.ptp(box, axis=0).max())
    x, y = (box.mean(axis=0) + up * _TOWARDS_FINGERS * side).tolist()
    return Roi(center=(x, y), side=_OF_PALM * side, angle=angle)


def _about_points(points: Array) -> Roi:
    """The square about a hand whose (21, 2) points are known."""
    up, angle = _upwards(points[WRIST], ((points[_INDEX] + points[_RING]) / 2 + points[_MIDDLE]) / 2)
    axes = np.column_stack([(-up[1], up[0]), -up])  # to the right of the hand, and down
    turned = points[list(_STEADY)] @ axes
    low, high = turned.min(axis=0), turned.max(axis=0)
    middle = (low + high) / 2 - (0, _UP * (high - low)[1])
    x, y = (axes @ middle).tolist()
    return Roi(center=(x, y), side=_OF_POINTS * float((high - low).max()), angle=angle)


def _upwards(wrist: Array, knuckle: Array) -> tuple[Array, float]:
    """The direction of the fingers as a (2,) vector of length 1, and how far it is turned from upright."""
    along = knuckle - wrist
    up = along / max(float(np.linalg.norm(along)), 1e-6)
    return up, float(np.arctan2(up[1], up[0]) + np.pi / 2)

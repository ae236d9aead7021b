"""Whether a face looks like that of a minor: how old a residual network of 11 convolutions takes it for.

Weights: dlib-models `dnn_age_predictor_v1` (Cydral Technology, CC0 1.0). It guesses at looks and proves
nobody's age.
"""

from collections.abc import Callable
from functools import cached_property, partial
from typing import Final

import cv2
import numpy as np

from models.embedded import AGE, ATTENTION_INDICES, LANDMARKS, embedded_path
from models.session import Session, open_session
from pipeline.align import similarity_fit, warp_crop
from pipeline.face import Array, Bgr, Face
from pipeline.faces.detect import DetectedBox
from pipeline.faces.identity import CHIP_PADDING, CHIP_POINTS, CHIP_PX, CHIP_TEMPLATE
from pipeline.faces.landmarks import LandmarkModel

_CHIP: Final = 64
_PADDING: Final = 0.2
# The same five places as in the identity's chip, which shows a little more around the face.
_TEMPLATE: Final = np.asarray(
    (CHIP_TEMPLATE / CHIP_PX * (1 + 2 * CHIP_PADDING) - CHIP_PADDING + _PADDING) / (1 + 2 * _PADDING) * _CHIP,
    np.float32,
)
_RGB_MEAN: Final = np.array((122.782, 117.001, 104.298), np.float32)  # dlib's input_rgb_image
_YEARS: Final = np.array((0.25, *range(1, 81)), np.float32)  # what the outputs stand for
_ADULT: Final = 18
# Of 133 faces of adults none is taken for younger than 21 in the mean, and one has a quarter or more below
# 18. Of ten evident minors in snapshots seven are below 18 in the mean, and nine have a quarter.
_DOUBTFUL: Final = 0.25

# What the figures above were measured on: faces whose longer side has at least so many pixels.
_SMALLEST_PX: Final = 40.0
# The nose off the middle between the eyes, by their distance: 0.43 for a head turned by 35 degrees, and
# 0.63 by 50, of which the chip shows one half.
_TURNED: Final = 0.5
_PRESENCE: Final = 0.5


class AgeModel:
    """The network on one face at a time; `open_landmarks` is called once a face comes without any."""

    def __init__(self, session: Session, open_landmarks: Callable[[], LandmarkModel]) -> None:
        self._session = session
        self._open_landmarks = open_landmarks

    def can_judge(self, face: Face) -> bool:
        """As `can_be_judged`."""
        return can_be_judged(face)

    def may_be_minor(self, picture: Bgr, face: Face) -> bool:
        """Whether a face of a BGR uint8 (h, w, 3) picture looks younger than 18, or may well be.

        So where its mean is below 18 years, or a quarter of the probability is. False where that cannot be
        told: see `can_be_judged`.
        """
        points = self._points(picture, face)
        if points is None:
            return False
        chip = age_chip(picture, points)
        both = np.stack([chip, chip[:, ::-1]])[..., ::-1]
        rgb = np.ascontiguousarray(((both - _RGB_MEAN) / 256).transpose(0, 3, 1, 2), np.float32)
        probabilities = np.asarray(self._session.run(rgb)[0], np.float32).mean(axis=0)
        mean, minor = float(probabilities @ _YEARS), float(probabilities[_YEARS < _ADULT].sum())
        return mean < _ADULT or minor >= _DOUBTFUL

    @cached_property
    def _landmarks(self) -> LandmarkModel:
        return self._open_landmarks()

    def _points(self, picture: Bgr, face: Face) -> Array | None:
        """The face's landmarks; None where it cannot be judged or has none."""
        if not can_be_judged(face):
            return None
        if face.landmarks is not None:
            return face.landmarks if np.isfinite(face.landmarks).all() else None
        found = self._landmarks.locate(
            picture, DetectedBox(bbox=face.bbox, points=face.kps, score=face.score)
        )
        clear = found.presence > _PRESENCE and np.isfinite(found.points).all()
        return found.points if clear else None


def can_be_judged(face: Face) -> bool:
    """Whether a face is large enough, 40 pixels, and turned aside by no more than about 40 degrees."""
    if max(face.size) < _SMALLEST_PX or not np.isfinite(face.kps).all():
        return False
    eyes, nose = face.kps[:2], face.kps[2]
    along = eyes[1] - eyes[0]
    apart = float(along @ along)
    return apart > 0 and abs(float((nose - eyes.mean(axis=0)) @ along)) <= _TURNED * apart


def age_chip(picture: Bgr, landmarks: Array) -> Bgr:
    """Cut the aligned (64, 64, 3) BGR uint8 crop that the network was trained on, at (478, 3) landmarks.

    Outside the picture it is black, as in the chips of its training.
    """
    matrix = similarity_fit(landmarks[list(CHIP_POINTS), :2], _TEMPLATE)
    return warp_crop(picture, matrix, _CHIP, border=cv2.BORDER_CONSTANT)


def open_age_model(*, threads: int = 1) -> AgeModel:
    """Open the network on the shipped weights, on the CPU with `threads` threads inside an operator.

    Raises:
        ModelUnavailable: a shipped file is missing or was changed.
    """
    return AgeModel(open_session(embedded_path(AGE), threads=threads), partial(_open_landmarks, threads))


def _open_landmarks(threads: int) -> LandmarkModel:
    session = open_session(embedded_path(LANDMARKS), threads=threads)
    return LandmarkModel(session, embedded_path(ATTENTION_INDICES))

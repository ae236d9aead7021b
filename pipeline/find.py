"""From a picture to its faces: detection, landmarks, and the checks that need both."""

from typing import Final

from models.embedded import (
    ATTENTION_INDICES,
    DETECTION_BACK,
    DETECTION_FULL_RANGE,
    LANDMARKS,
    embedded_path,
)
from models.session import open_session
from pipeline.detect import BACK, FULL_RANGE, BlazeFace, Detection, Detector, overlaps
from pipeline.faces import Bgr, Face
from pipeline.landmarks import LandmarkModel, bounding_box, five_points
from pipeline.select import reading_order

# Measured on 144 faces of 16 px and more, turned by up to 60 degrees, and on 40 pictures without a
# face: the landmark model is sure of nearly every face and of few other things, so what the detector
# only suspects passes if the landmark model is sure. Together they find 98 % of these faces.
_SURE: Final = 0.99
_LIKELY: Final = 0.5
_GOOD_SCORE: Final = 0.7
_SAME_FACE_IOU: Final = 0.4


class FaceFinder:
    """Finds faces with BlazeFace and FaceMesh; box and `kps` are taken from the landmarks."""

    def __init__(self, detector: Detector, landmarks: LandmarkModel) -> None:
        self._detector = detector
        self._landmarks = landmarks

    def find(self, picture: Bgr) -> list[Face]:
        """Find every face of a BGR uint8 (h, w, 3) picture, in reading order; an empty list if none."""
        faces: list[Face] = []
        for detection in self._detector.detect(picture):
            face = self._face(picture, detection)
            if _is_face(face) and not any(_same(face, other) for other in faces):
                faces.append(face)
        return reading_order(faces)

    def _face(self, picture: Bgr, detection: Detection) -> Face:
        landmarks = self._landmarks.locate(picture, detection)
        return Face(
            bbox=bounding_box(landmarks.points),
            score=detection.score,
            kps=five_points(landmarks.points),
            landmarks=landmarks.points,
            presence=landmarks.presence,
        )


def embedded_face_finder(*, threads: int = 1) -> FaceFinder:
    """A finder on the shipped weights, on the CPU with `threads` threads inside an operator.

    Raises:
        ModelUnavailable: a shipped file is missing or was changed.
    """
    full_range, back, landmarks = (
        open_session(embedded_path(name), threads=threads)
        for name in (DETECTION_FULL_RANGE, DETECTION_BACK, LANDMARKS)
    )
    return FaceFinder(
        Detector([BlazeFace(full_range, FULL_RANGE), BlazeFace(back, BACK)]),
        LandmarkModel(landmarks, embedded_path(ATTENTION_INDICES)),
    )


def _is_face(face: Face) -> bool:
    return face.presence > (_LIKELY if face.score > _GOOD_SCORE else _SURE)


def _same(one: Face, other: Face) -> bool:
    iou, _ = overlaps(one.bbox, other.bbox[None])
    return bool(iou[0] > _SAME_FACE_IOU)

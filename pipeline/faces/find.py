"""From a picture to its faces: detection, landmarks, and the checks that need both."""

from collections.abc import Iterable
from typing import Final

import cv2
import numpy as np

from models.embedded import (
    ATTENTION_INDICES,
    DETECTION_BACK,
    DETECTION_FULL_RANGE,
    LANDMARKS,
    embedded_path,
)
from models.session import open_session
from pipeline.align import transform, warp_crop
from pipeline.face import Bgr, Face
from pipeline.faces.detect import BACK, FULL_RANGE, BlazeFace, Detection, Detector, overlaps
from pipeline.faces.landmarks import LandmarkModel, Landmarks, bounding_box, five_points, roi_of_points
from pipeline.faces.select import reading_order

# The detector's finest tiles suspect faces in gravel and on engines, and the landmark model may agree.
# So each is looked at once more, upright, in the middle and large. Measured on 176 faces of 16 px and
# more, turned by up to 60 degrees, and on 40 pictures without a face that had raised 90 suspicions:
# all the faces pass, two of the others do.
_PRESENCE: Final = 0.5
_CLOSER_SCORE: Final = 0.5
_CLOSER_STRETCH: Final = 4.0
_CLOSER_IOU: Final = 0.4
# Eyes, nose and mouth as the detector then sees them lie within 7 % of the face's size of the landmarks
# if these fit, and beyond 9 % if they do not, as on a face that hangs upside down.
_CLOSER_DISTANCE: Final = 0.1
# Of two faces that share half of the smaller one, one is a part of the other.
_SHARED: Final = 0.5


class FaceFinder:
    """Finds faces with BlazeFace and FaceMesh; box and `kps` are taken from the landmarks.

    `closer` is the detection model that takes the second look.
    """

    def __init__(self, detector: Detector, landmarks: LandmarkModel, closer: BlazeFace) -> None:
        self._detector = detector
        self._landmarks = landmarks
        self._closer = closer

    def find(self, picture: Bgr) -> list[Face]:
        """Find every face of a BGR uint8 (h, w, 3) picture, in reading order; an empty list if none."""
        faces = self._confirmed(picture, self._detector.detect(picture))
        if not faces:
            faces = self._confirmed(picture, self._detector.detect_from_afar(picture))
        return reading_order(faces)

    def _confirmed(self, picture: Bgr, detections: Iterable[Detection]) -> list[Face]:
        faces: list[Face] = []
        for detection in detections:
            landmarks = self._landmarks.locate(picture, detection)
            face = _face(detection, landmarks)
            if any(_is_part(face, other) for other in faces):
                continue
            if landmarks.presence > _PRESENCE and self._is_confirmed(picture, landmarks):
                faces.append(face)
        return faces

    def _is_confirmed(self, picture: Bgr, landmarks: Landmarks) -> bool:
        """Whether the detector, looking there alone, sees the face that the landmarks describe."""
        side = self._closer.side
        matrix = roi_of_points(landmarks.points, _CLOSER_STRETCH).to_crop(side)
        found = self._closer.look(warp_crop(picture, matrix, side, border=cv2.BORDER_CONSTANT))
        expected = transform(matrix, landmarks.points[:, :2])
        iou, _ = overlaps(bounding_box(expected), found)
        left_eye, right_eye, nose, *mouth = five_points(expected)
        features = np.array([left_eye, right_eye, nose, np.mean(mouth, axis=0)])
        offsets = np.linalg.norm(found[:, 4:12].reshape(-1, 4, 2) - features, axis=2).mean(axis=1)
        fits = offsets < _CLOSER_DISTANCE * side / _CLOSER_STRETCH
        return bool((fits & (iou > _CLOSER_IOU) & (found[:, 16] > _CLOSER_SCORE)).any())


def embedded_face_finder(*, threads: int = 1) -> FaceFinder:
    """A finder on the shipped weights, on the CPU with `threads` threads inside an operator.

    Raises:
        ModelUnavailable: a shipped file is missing or was changed.
    """
    full_range, back, landmarks = (
        open_session(embedded_path(name), threads=threads)
        for name in (DETECTION_FULL_RANGE, DETECTION_BACK, LANDMARKS)
    )
    far, near = BlazeFace(full_range, FULL_RANGE), BlazeFace(back, BACK)
    return FaceFinder(
        Detector([far, near]), LandmarkModel(landmarks, embedded_path(ATTENTION_INDICES)), closer=far
    )


def _face(detection: Detection, landmarks: Landmarks) -> Face:
    return Face(
        bbox=bounding_box(landmarks.points),
        score=detection.score,
        kps=five_points(landmarks.points),
        landmarks=landmarks.points,
        presence=landmarks.presence,
    )


def _is_part(face: Face, other: Face) -> bool:
    _, shared = overlaps(face.bbox, other.bbox[None])
    return bool(shared[0] > _SHARED)

"""From a picture to its faces: detection, landmarks, and the checks that need both."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

import numpy as np

from models.embedded import (
    ATTENTION_INDICES,
    DETECTION_BACK,
    DETECTION_FULL_RANGE,
    LANDMARKS,
    embedded_path,
)
from models.session import open_session
from pipeline.face import Array, Bgr, Face
from pipeline.faces.blazeface import BACK, FULL_RANGE, BlazeFace
from pipeline.faces.closer import CloserLooks
from pipeline.faces.detect import FAINTEST, SURE, DetectedBox, Detector, overlaps
from pipeline.faces.landmarks import LandmarkModel, Landmarks, bounding_box, five_points
from pipeline.faces.match import in_place
from pipeline.faces.select import reading_order

_PRESENCE: Final = 0.5
# What the second look does not see at all is no face and costs no landmarks. A lower score than 0.4, the
# models' usual one: in crowds of blurred faces 1 % more are found with it, and no more where there is none.
_CLOSER_THRESHOLD: Final = 0.3
# A suspicion below the usual score counts only if the second look is sure of it at once: else two of 208
# pictures without a face had one more.
_FAINT: Final = 0.7
# Of two faces that share half of the smaller one, one is a part of the other.
_SHARED: Final = 0.5
# Landmarks depend a little on where the model looked for them: where a face moved by more than this share of
# its size since, they are found once more around their new place.
_STILL: Final = 0.03
_REFINING_PASSES: Final = 2


class FaceFinder:
    """Finds faces with BlazeFace and FaceMesh; box and `kps` are taken from the landmarks."""

    def __init__(self, detector: Detector, landmarks: LandmarkModel, closer: CloserLooks) -> None:
        self._detector = detector
        self._landmarks = landmarks
        self._closer = closer

    def find(self, picture: Bgr) -> list[Face]:
        """Find every face of a BGR uint8 (h, w, 3) picture, in reading order; an empty list if none."""
        faces = self._confirmed(picture, self._detector.detect(picture))
        if not faces:
            faces = self._confirmed(picture, self._detector.detect_from_afar(picture))
        return reading_order(faces)

    def glance(self, picture: Bgr) -> Array:
        """As `Detector.glance`."""
        return self._detector.glance(picture)

    def refine(self, picture: Bgr, face: Face) -> Face | None:
        """Find a face of the frame before where it is now; see `Engine.refine`."""
        points, before = face.landmarks, face.bbox
        if points is None:
            return in_place(self.find(picture), face.bbox)
        for _ in range(_REFINING_PASSES):
            landmarks = self._landmarks.refine(picture, points)
            if landmarks.presence <= _PRESENCE or not np.isfinite(landmarks.points).all():
                return None
            points, box = landmarks.points, bounding_box(landmarks.points)
            if np.abs(box - before).max() <= _STILL * (box[2:] - box[:2]).max():
                break
            before = box
        return replace(face, bbox=box, kps=five_points(points), landmarks=points, presence=landmarks.presence)

    def _confirmed(self, picture: Bgr, detections: Iterable[DetectedBox]) -> list[Face]:
        faces: list[Face] = []
        boxes = np.empty((0, 4), np.float32)
        for detection in detections:
            landmarks = self._located(picture, detection)
            if landmarks is None:
                continue
            face = _face(detection, landmarks)
            if not (overlaps(face.bbox, boxes)[1] > _SHARED).any():
                faces.append(face)
                boxes = np.vstack((boxes, face.bbox))
        return faces

    def _located(self, picture: Bgr, detection: DetectedBox) -> Landmarks | None:
        """The landmarks of what was detected; None if it is no face, or they do not fit it."""
        look = self._closer.at_detection(picture, detection)
        seen = look.in_the_middle()
        is_sure = detection.score >= SURE
        if seen is None or not (is_sure or seen.score > _FAINT):
            return None
        landmarks = self._locate(picture, seen, detection)
        if landmarks.presence > _PRESENCE:
            # A third pass: after two, the landmarks of cut and small faces still depend on the box.
            landmarks = self._landmarks.refine(picture, landmarks.points)
        if landmarks.presence <= _PRESENCE:
            return None
        is_confirmed = look.confirms(landmarks.points) or (
            is_sure and self._closer.confirm(picture, landmarks.points)
        )
        return landmarks if is_confirmed else None

    def _locate(self, picture: Bgr, *seen: DetectedBox) -> Landmarks:
        """The landmarks where one of two boxes leads to some; each model draws its own around a face."""
        for detection in seen:
            landmarks = self._landmarks.locate(picture, detection)
            if landmarks.presence > _PRESENCE:
                break
        return landmarks


def embedded_face_finder(*, threads: int = 1) -> FaceFinder:
    """A finder on the shipped weights, on the CPU with `threads` threads inside an operator.

    Raises:
        ModelUnavailable: a shipped file is missing or was changed.
    """
    back, full_range, landmarks = (
        open_session(embedded_path(name), threads=threads)
        for name in (DETECTION_BACK, DETECTION_FULL_RANGE, LANDMARKS)
    )
    return FaceFinder(
        Detector(
            back=BlazeFace(back, BACK, threshold=FAINTEST), full_range=BlazeFace(full_range, FULL_RANGE)
        ),
        LandmarkModel(landmarks, embedded_path(ATTENTION_INDICES)),
        closer=CloserLooks(BlazeFace(full_range, FULL_RANGE, threshold=_CLOSER_THRESHOLD)),
    )


def _face(detection: DetectedBox, landmarks: Landmarks) -> Face:
    return Face(
        bbox=bounding_box(landmarks.points),
        score=detection.score,
        kps=five_points(landmarks.points),
        landmarks=landmarks.points,
        presence=landmarks.presence,
    )

"""From a picture to its faces: detection, landmarks, and the checks that need both."""

from collections.abc import Sequence
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
from pipeline.face import Array, Bgr, Face, FoundFaces
from pipeline.faces.blazeface import BACK, FULL_RANGE, BlazeFace
from pipeline.faces.closer import CloserLooks
from pipeline.faces.detect import FAINTEST, SURE, DetectedBox, Detector, overlaps
from pipeline.faces.landmarks import LandmarkModel, Landmarks, bounding_box, five_points
from pipeline.faces.match import in_place
from pipeline.faces.select import MOST_FACES, largest_of, reading_order
from pipeline.steps import Steps, at_once

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
# Among so many suspects are as many faces as count: of 336 faces side by side, 38 px wide, there are 531, of
# 2,715 there are 4,555. Each takes 7 to 20 ms.
_MOST_SUSPECTS: Final = 2 * MOST_FACES


class FaceFinder:
    """Finds faces with BlazeFace and FaceMesh; box and `kps` are taken from the landmarks."""

    def __init__(self, detector: Detector, landmarks: LandmarkModel, closer: CloserLooks) -> None:
        self._detector = detector
        self._landmarks = landmarks
        self._closer = closer

    def find(self, picture: Bgr) -> list[Face]:
        """As `find_in_steps`, all at once, and only the faces."""
        return at_once(self.find_in_steps(picture)).faces

    def find_in_steps(self, picture: Bgr) -> Steps[FoundFaces]:
        """Find the faces of a BGR uint8 (h, w, 3) picture; what is suspected is looked at one a step."""
        found = yield from self._confirmed(picture, self._detector.detect(picture))
        if not found.faces:
            found = yield from self._confirmed(picture, self._detector.detect_from_afar(picture))
        return replace(found, faces=reading_order(found.faces))

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

    def _confirmed(self, picture: Bgr, suspects: Sequence[DetectedBox]) -> Steps[FoundFaces]:
        looked_at = largest_of(suspects, _MOST_SUSPECTS, _area)
        faces: list[Face] = []
        for suspect in looked_at:
            yield
            landmarks = self._located(picture, suspect)
            if landmarks is not None:
                faces.append(_face(suspect, landmarks))
        found = one_each(faces)
        faces = largest_of(found, MOST_FACES, lambda face: face.area)
        return FoundFaces(faces=faces, left_out=len(suspects) - len(looked_at) + len(found) - len(faces))

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


def one_each(faces: Sequence[Face]) -> list[Face]:
    """The faces of which no earlier one is a part, or the whole."""
    kept: list[Face] = []
    boxes = np.empty((len(faces), 4), np.float32)  # of those that are kept, at the beginning
    for face in faces:
        if not (overlaps(face.bbox, boxes[: len(kept)])[1] > _SHARED).any():
            boxes[len(kept)] = face.bbox
            kept.append(face)
    return kept


def _area(detection: DetectedBox) -> float:
    return float((detection.bbox[2:] - detection.bbox[:2]).prod())


def _face(detection: DetectedBox, landmarks: Landmarks) -> Face:
    return Face(
        bbox=bounding_box(landmarks.points),
        score=detection.score,
        kps=five_points(landmarks.points),
        landmarks=landmarks.points,
        presence=landmarks.presence,
    )

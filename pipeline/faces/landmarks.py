"""478 face landmarks with FaceMesh (attention model), in two passes.

Method and weights: MediaPipe face landmarks (Kartynnik et al. 2019, arXiv:1907.06724; attention:
Grishchenko et al. 2020, arXiv:2006.10962).
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from models.session import Session
from pipeline.align import Matrix, invert, rgb_input, similarity_fit, transform, warp_crop
from pipeline.face import Array, Bgr
from pipeline.faces.detect import DetectedBox

MESH_POINTS: Final = 468
POINTS: Final = 478

# Point numbers of the FaceMesh topology; left is the viewer's left.
LEFT_EYE_CORNERS: Final = (33, 133)
RIGHT_EYE_CORNERS: Final = (362, 263)
NOSE_TIP: Final = 4
MOUTH_CORNERS: Final = (61, 291)

_INPUT: Final = 192
# The region of interest is 1.5 times the face's longer side (MediaPipe's face_landmark graphs).
_ROI_STRETCH: Final = 1.5
_LEFT_IRIS: Final = slice(468, 473)
_RIGHT_IRIS: Final = slice(473, 478)
_EYELID_POINTS: Final = 16


@dataclass(frozen=True, kw_only=True)
class Roi:
    """A turned square of a picture: centre and side in pixels, angle in radians, clockwise as seen."""

    center: tuple[float, float]
    side: float
    angle: float

    def to_crop(self, size: int) -> Matrix:
        """(2, 3) similarity from the picture to a crop of `size` x `size` pixels."""
        along = np.array([np.cos(self.angle), np.sin(self.angle)]) * self.side / 2
        middle = (size - 1) / 2
        return similarity_fit(
            np.array([self.center - along, self.center + along]),
            np.array([[middle - size / 2, middle], [middle + size / 2, middle]]),
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Landmarks:
    """(478, 3) float32 `points` in pixels of the picture and the model's confidence `presence`, 0..1."""

    points: Array
    presence: float


class LandmarkModel:
    """FaceMesh with attention on one region of interest at a time."""

    def __init__(self, session: Session, attention_indices: Path) -> None:
        """Take the opened model and the file that says which points its refined outputs replace."""
        indices = json.loads(attention_indices.read_text())
        self._session = session
        self._lips, self._left, self._right = (np.array(indices[part]) for part in ("lips", "left", "right"))

    def locate(self, picture: Bgr, detection: DetectedBox) -> Landmarks:
        """Find the landmarks of a detected face in a BGR uint8 (h, w, 3) picture, in two passes."""
        rough = self._blend(picture, roi_of_detection(detection))
        return self.refine(picture, rough.points)

    def refine(self, picture: Bgr, points: Array) -> Landmarks:
        """Find the landmarks anew where they were before: the second pass, or the next frame."""
        return self._blend(picture, roi_of_points(points, _ROI_STRETCH))

    def _blend(self, picture: Bgr, roi: Roi) -> Landmarks:
        matrix = roi.to_crop(_INPUT)
        crop = warp_crop(picture, matrix, _INPUT)
        mesh, lips, left, right, left_iris, right_iris, flag = self._session.run(
            rgb_input(crop, scale=1 / 255)
        )
        points = np.zeros((POINTS, 3), np.float32)
        points[:MESH_POINTS] = mesh.reshape(MESH_POINTS, 3)
        points[_LEFT_IRIS, 2] = points[self._left[:_EYELID_POINTS], 2].mean()
        points[_RIGHT_IRIS, 2] = points[self._right[:_EYELID_POINTS], 2].mean()
        points[self._lips, :2] = lips.reshape(-1, 2)
        points[self._left, :2] = left.reshape(-1, 2)
        points[self._right, :2] = right.reshape(-1, 2)
        points[_LEFT_IRIS, :2] = left_iris.reshape(-1, 2)
        points[_RIGHT_IRIS, :2] = right_iris.reshape(-1, 2)
        points[:, :2] = transform(invert(matrix), points[:, :2] - 0.5)
        points[:, 2] *= roi.side / _INPUT
        return Landmarks(points=points, presence=float(1 / (1 + np.exp(-np.clip(flag.item(), -60, 60)))))


def five_points(points: Array) -> Array:
    """Reduce landmarks to (5, 2) float32 `kps`: eyes as the means of their corners, nose, mouth corners."""
    xy = points[:, :2]
    eyes = [xy[list(corners)].mean(axis=0) for corners in (LEFT_EYE_CORNERS, RIGHT_EYE_CORNERS)]
    return np.array([*eyes, xy[NOSE_TIP], *xy[list(MOUTH_CORNERS)]], np.float32)


def bounding_box(points: Array) -> Array:
    """(4,) float32 box around the face's 468 mesh points: forehead to chin, ear to ear."""
    mesh = points[:MESH_POINTS, :2]
    return np.concatenate([mesh.min(axis=0), mesh.max(axis=0)])


def roi_of_detection(detection: DetectedBox, stretch: float = _ROI_STRETCH) -> Roi:
    """The square around a detected face, `stretch` times its longer side, turned with its eyes."""
    width, height = detection.bbox[2:] - detection.bbox[:2]
    middle = (detection.bbox[:2] + detection.bbox[2:]) / 2
    return Roi(
        center=(float(middle[0]), float(middle[1])),
        side=float(max(width, height)) * stretch,
        angle=_angle(detection.points[0], detection.points[1]),
    )


def roi_of_points(points: Array, stretch: float) -> Roi:
    """The upright square around landmarks, `stretch` times their longer side."""
    angle = _angle(points[LEFT_EYE_CORNERS[0]], points[RIGHT_EYE_CORNERS[1]])
    along, across = np.array([np.cos(angle), np.sin(angle)]), np.array([-np.sin(angle), np.cos(angle)])
    upright = points[:MESH_POINTS, :2] @ np.column_stack([along, across])
    low, high = upright.min(axis=0), upright.max(axis=0)
    middle = (low + high) / 2 @ np.array([along, across])
    return Roi(
        center=(float(middle[0]), float(middle[1])),
        side=float((high - low).max()) * stretch,
        angle=angle,
    )


def _angle(left_eye: Array, right_eye: Array) -> float:
    return float(np.arctan2(right_eye[1] - left_eye[1], right_eye[0] - left_eye[0]))

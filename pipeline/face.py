"""A face as the pipeline hands it from stage to stage."""

from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
Bgr = NDArray[np.uint8]
NoticeCode = Literal[
    "alpha_dropped",
    "alpha_flattened",
    "basic_engine",
    "bound_by_place",
    "colours_not_read",
    "container_changed",
    "content_flagged",
    "date_unknown",
    "depth_reduced",
    "end_missing",
    "faces_left_out",
    "faces_not_swapped",
    "first_frame_only",
    "frames_damaged",
    "frames_incomplete",
    "frames_missing",
    "frames_resized",
    "frames_unchanged",
    "hdr_to_sdr",
    "hdr_tones",
    "may_be_minor",
    "not_watermarked",
    "size_made_even",
    "sound_dropped",
    "sound_encoded",
    "source_covered",
    "source_cut_off",
    "source_eyes_closed",
    "source_profile",
    "source_small",
    "target_covered",
    "text_dropped",
    "text_encoded",
    "weak_likeness",
]


@dataclass(frozen=True, kw_only=True, eq=False)
class Face:
    """One detected face, in pixels of the picture it was found in.

    Attributes:
        bbox: (4,) float32 `x0, y0, x1, y1`; may reach beyond the picture's edge.
        score: detector confidence, 0..1.
        kps: (5, 2) float32: left eye, right eye, nose tip, left and right mouth corner, where left
            is the viewer's left (the order of insightface and of the ArcFace template).
        landmarks: (478, 3) float32 FaceMesh points, `z` growing away from the camera in the same
            unit as x and y; None where an engine does not need them.
        presence: confidence of the landmark model that this is a face, 0..1.
    """

    bbox: Array
    score: float
    kps: Array
    landmarks: Array | None = None
    presence: float = 1.0

    @property
    def size(self) -> tuple[float, float]:
        """Width and height of the box in pixels."""
        return float(self.bbox[2] - self.bbox[0]), float(self.bbox[3] - self.bbox[1])

    @property
    def area(self) -> float:
        """Area of the box in square pixels."""
        width, height = self.size
        return width * height

    @property
    def center(self) -> tuple[float, float]:
        """Centre of the box in pixels."""
        return float(self.bbox[0] + self.bbox[2]) / 2, float(self.bbox[1] + self.bbox[3]) / 2

    def moved(self, x: float, y: float) -> "Face":
        """The same face `x` pixels further right and `y` further down."""
        step = np.array([x, y], np.float32)
        landmarks = self.landmarks
        if landmarks is not None:
            landmarks = landmarks + np.append(step, np.float32(0))
        return replace(self, bbox=self.bbox + np.tile(step, 2), kps=self.kps + step, landmarks=landmarks)

    def scaled(self, factor: float) -> "Face":
        """The same face in a picture `factor` times the size, measured from the edge of its first pixel."""
        shift = np.float32((factor - 1) / 2)
        landmarks = self.landmarks
        if landmarks is not None:
            landmarks = landmarks * np.float32(factor)
            landmarks[:, :2] += shift
        bbox, kps = (np.asarray(it * np.float32(factor) + shift) for it in (self.bbox, self.kps))
        return replace(self, bbox=bbox, kps=kps, landmarks=landmarks)


@dataclass(frozen=True, kw_only=True, eq=False)
class FoundFaces:
    """The faces of a picture, in reading order.

    Attributes:
        faces: the largest, see `pipeline.faces.select.MOST_FACES`.
        left_out: how many smaller ones, or suspects that nobody looked at, do not count.
    """

    faces: list[Face]
    left_out: int = 0


@dataclass(frozen=True, kw_only=True)
class Notice:
    """Something the sender should know although the job succeeded: a stable code and a sentence."""

    code: NoticeCode
    message: str


@dataclass(frozen=True, kw_only=True, eq=False)
class Source:
    """A source face made ready once per picture; engines derive their own from it.

    Attributes:
        face: the face in the source picture.
        embedding: (n,) float32 identity embedding, None where there is no identity model.
        notices: what is not ideal about this source, for the status record.
        identity: what tells whether it is somebody who is protected, see `ProtectedPeople.embed`; None where
            nobody was when it was made ready.
    """

    face: Face
    embedding: Array | None = None
    notices: tuple[Notice, ...] = field(default=())
    identity: Array | None = None

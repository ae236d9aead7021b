"""Faces of pictures that hang upside down, which detectors miss."""

from dataclasses import replace

import numpy as np

from pipeline.engines.base import AnyEngine
from pipeline.face import Array, Bgr, Face, FoundFaces
from pipeline.faces.select import reading_order
from pipeline.steps import Steps


def find_either_way_up(engine: AnyEngine, picture: Bgr) -> Steps[FoundFaces]:
    """Find the faces of a BGR uint8 (h, w, 3) picture, in reading order; where there are none, upside down.

    Detectors see faces turned by up to 105 degrees, so that two looks see all. The second one costs as much
    as the first, and is taken only where that saw nothing.
    """
    found = yield from engine.find_in_steps(picture)
    if found.faces:
        return found
    yield
    turned = yield from engine.find_in_steps(np.ascontiguousarray(picture[::-1, ::-1]))
    last = np.array([picture.shape[1] - 1, picture.shape[0] - 1], np.float32)
    return replace(turned, faces=reading_order(_turned(face, last) for face in turned.faces))


def _turned(face: Face, last: Array) -> Face:
    """A face of the turned picture in the one as it is, whose `last` pixel the other's first one is."""
    landmarks = face.landmarks
    if landmarks is not None:
        landmarks = landmarks.copy()
        landmarks[:, :2] = last - landmarks[:, :2]
    low, high = last - face.bbox[2:], last - face.bbox[:2]
    return replace(face, bbox=np.concatenate([low, high]), kps=last - face.kps, landmarks=landmarks)

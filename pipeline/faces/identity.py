"""Telling people apart: a 128-d embedding from a 29-layer residual network.

Weights: dlib-models `dlib_face_recognition_resnet_model_v1` (Davis King, CC0 1.0). It works less well
on groups its training pictures lacked.
"""

from typing import Final

import cv2
import numpy as np

from models.session import Session
from pipeline.align import rgb_input, similarity_fit, warp_crop
from pipeline.face import Array, Bgr, Face
from pipeline.faces.select import IdentityScale

# Acceptance and margin: measured on public-domain group photographs, where below 60 px two in five pairs
# of strangers lie within 0.6. Blindness: at 33 px and JPEG quality 10 a face lies 0.67 from itself, at
# 46 px 0.47; two strangers lie 0.66 apart.
SCALE: Final = IdentityScale(accept=0.58, accept_small=0.48, small_px=60, margin=0.06, blind_px=40)

CHIP_PX: Final = 150
CHIP_PADDING: Final = 0.25

# Where dlib's 150 px chip (5-point model, padding 0.25) puts the outer and inner corner of the right
# eye, of the left eye, and the base of the nose; the FaceMesh points at the same places.
CHIP_POINTS: Final = (263, 362, 33, 133, 2)
CHIP_TEMPLATE: Final = np.array(
    [(111.93, 46.23), (88.63, 47.97), (36.66, 46.42), (59.72, 47.99), (73.95, 86.17)], np.float32
)
# Where the five `kps` of a face lie in that chip, as means over faces that have both.
_KPS_TEMPLATE: Final = np.array(
    [(47.88, 46.54), (100.45, 46.77), (73.75, 81.60), (50.00, 101.95), (99.10, 101.25)], np.float32
)


class IdentityModel:
    """The embedding network on one face at a time."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def embed(self, picture: Bgr, face: Face) -> Array:
        """Embed a face of a BGR uint8 (h, w, 3) picture; (128,) float32, not normalised.

        Compare with `distance`. On faces of 75 px and more, the same person lies at 0.40 in the median
        (95 %: 0.54), another at 0.86 (least: 0.52).
        """
        chip = identity_chip(picture, face)
        rgb = np.ascontiguousarray(rgb_input(chip).transpose(0, 3, 1, 2))
        embedding: Array = self._session.run(rgb)[0][0]
        return embedding


def distance(one: Array, other: Array) -> float:
    """Euclidean distance of two embeddings; 0 is the same face, larger is less alike."""
    return float(np.linalg.norm(one - other))


def identity_chip(picture: Bgr, face: Face) -> Bgr:
    """Cut the aligned (150, 150, 3) BGR uint8 crop that the network was trained on.

    Outside the picture it is black, as in the chips of its training.
    """
    if face.landmarks is None:
        matrix = similarity_fit(face.kps, _KPS_TEMPLATE)
    else:
        matrix = similarity_fit(face.landmarks[list(CHIP_POINTS), :2], CHIP_TEMPLATE)
    return warp_crop(picture, matrix, CHIP_PX, border=cv2.BORDER_CONSTANT)

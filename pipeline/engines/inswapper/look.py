"""The options of a swap that concern its pixels, applied to the aligned crop."""

from typing import Final

import cv2
import numpy as np

from pipeline.align import Matrix, transform
from pipeline.faces import Array, Bgr, Face
from pipeline.paste import oval_mask

_GAIN: Final = (0.8, 1.25)  # bounds of what the deviation of a channel is multiplied with
# Of the crop's side: where a face's skin lies in every template, clear of hair and background; and the
# whole face, beyond which the network gives the target's own background back.
_SKIN_CENTER: Final = (0.5, 0.56)
_SKIN_AXES: Final = (0.24, 0.32)
_FACE_AXES: Final = (0.36, 0.44)
_FACE_BLUR: Final = 0.05
_HALF: Final = 0.5
# Of the distance between the mouth's corners: the ellipse around the lips, and how softly it ends.
_MOUTH_AXES: Final = (0.72, 0.45)
_MOUTH_SHIFT: Final = 0.14
_MOUTH_BLUR: Final = 0.09
_LEAST_MOUTH: Final = 0.12  # of the crop's side, for a mouth seen from the side


def match_colour(swapped: Bgr, target: Bgr) -> Bgr:
    """The swapped crop's face with mean and deviation of the target's skin, channel by channel in L*a*b*.

    What lies around the face stays as it is. After Reinhard et al., "Color Transfer between Images"
    (2001). Both crops are BGR uint8 (s, s, 3).
    """
    size = swapped.shape[0]
    skin = (oval_mask(size, _SKIN_CENTER, _SKIN_AXES, _FACE_BLUR) > _HALF).astype(np.uint8)
    ours, theirs = _to_lab(swapped), _to_lab(target)
    our_mean, our_deviation = _statistics(ours, skin)
    their_mean, their_deviation = _statistics(theirs, skin)
    gain = np.clip(their_deviation / np.maximum(our_deviation, 1e-3), *_GAIN)
    face = oval_mask(size, _SKIN_CENTER, _FACE_AXES, _FACE_BLUR)[..., None]
    matched = (ours + face * ((ours - our_mean) * gain + their_mean - ours)).astype(np.float32)
    np.clip(matched[..., 0], 0, 100, out=matched[..., 0])  # OpenCV turns a negative L into bright garbage
    bgr = cv2.cvtColor(matched, cv2.COLOR_LAB2BGR)
    return np.clip(np.rint(bgr * 255), 0, 255).astype(np.uint8)


def mouth_left_out(face: Face, matrix: Matrix, size: int) -> Array:
    """Where the swap may show, (size, size) float32 0..1: everywhere but on the target's mouth.

    `matrix` takes the frame to the crop. The mouth is an ellipse about the two corners, as tall as an
    open mouth: five points do not say how far it is open.
    """
    left, right = transform(matrix, face.kps[3:5])
    along = right - left
    width = max(float(np.hypot(*along)), _LEAST_MOUTH * size)
    angle = float(np.arctan2(along[1], along[0]))
    down = np.array([-np.sin(angle), np.cos(angle)]) * width * _MOUTH_SHIFT
    x, y = (left + right) / 2 + down
    shown = np.ones((size, size), np.float32)
    cv2.ellipse(
        shown,
        ((float(x), float(y)), (2 * width * _MOUTH_AXES[0], 2 * width * _MOUTH_AXES[1]), np.degrees(angle)),
        0.0,
        -1,
    )
    return np.asarray(cv2.GaussianBlur(shown, (0, 0), width * _MOUTH_BLUR), np.float32)


def _to_lab(bgr: Bgr) -> Array:
    return np.asarray(cv2.cvtColor(bgr.astype(np.float32) / 255, cv2.COLOR_BGR2LAB), np.float32)


def _statistics(lab: Array, skin: Bgr) -> tuple[Array, Array]:
    mean, deviation = cv2.meanStdDev(lab, mask=skin)
    return mean.ravel().astype(np.float32), deviation.ravel().astype(np.float32)

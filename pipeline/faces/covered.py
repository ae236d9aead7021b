"""Whether something stands before a face: sunglasses, a mask, a microphone, a hand.

A rough look at the colours of an aligned crop, at places where every bare face shows skin or lips. It needs
no model, and tells enough for a warning; what is to be kept pixel by pixel is `pipeline.blend.occlusion`'s.
"""

from typing import Final

import cv2
import numpy as np

from pipeline.align import invert, similarity_fit, transform, warp_crop
from pipeline.face import Array, Bgr, Face

_SIDE: Final = 112
# The ArcFace template: left and right eye, nose tip, mouth corners (insightface, face_align).
_TEMPLATE: Final = np.array(
    [(38.2946, 51.6963), (73.5318, 51.5014), (56.0252, 71.7366), (41.5493, 92.3655), (70.7299, 92.2041)],
    np.float32,
)
# x0, y0, x1, y1 in the crop. Of each eye with its lids and the skin below; of what lies above and below.
_EYES: Final = ((28, 45, 48, 63), (64, 45, 84, 63))
_UPPER: Final = ((50, 40, 62, 48), (51, 52, 61, 62), (32, 60, 44, 66), (68, 60, 80, 66))
_LOWER: Final = ((50, 66, 62, 74), (32, 72, 42, 82), (70, 72, 80, 82), (50, 102, 62, 110))
_LIPS: Final = (44, 85, 68, 99)
# The darkest spot of each eye: pupil and lashes, whatever the light.
_PUPILS: Final = ((33, 47, 44, 57), (68, 47, 79, 57))
_MOUTH_LINE: Final = (46, 85, 66, 100)
_MOUTH: Final = (46, 78, 66, 110)
_BESIDE_MOUTH: Final = ((34, 80, 42, 90), (70, 80, 78, 90))
_CORNERS: Final = np.array([(28, 40), (84, 40), (84, 110), (28, 110)], np.float32)
_PHILTRUM: Final = (50, 78, 62, 84)

# Measured on the two portraits of the samples, plain, small, soft, grey and in five lights, bare and behind
# sunglasses, masks of four colours, a microphone and a hand.
_SMALLEST_PX: Final = 40.0  # of a face's shorter side; lips are three pixels high
_TURNED: Final = (
    0.3  # the nose off the middle between the eyes, by their distance: the crop shows half a face
)
_DARK_EYES: Final = (
    0.5  # of the skin's lightness; bare ones have 0.79 at least, behind dark glasses 0.39 at most
)
_NO_EYE: Final = 0.55  # an eye's darkest spot by the skin's lightness; 0.57 at most where the picture is soft
_OTHER_EYE: Final = 1.7  # and by that of the other eye, which differs by 1.1 at most
_NO_RED: Final = 1.5  # a* of lips over the cheeks': 2.9 at least, of other things 1.2 at most
_NO_LINE: Final = 0.12  # how much darker the line between the lips is: 0.04 to 0.37; fingers have lines too
_GREY_NO_LINE: Final = 0.03  # the same where there is no colour to tell lips by
_GREY_CHROMA: Final = 3.0
_OTHER_THING: Final = 25.0  # distance in a*, b* and a third of L* off the upper face; skin in one light: 20
_LIKE_SKIN: Final = 20  # per cent of the lips' place that may be like skin


def is_covered(frame: Bgr, face: Face) -> bool:
    """Whether the eyes or the mouth of a face in a BGR uint8 (h, w, 3) frame seem to be hidden.

    False where it cannot be told, as for small faces, those turned aside and those cut off.
    """
    if min(face.size) < _SMALLEST_PX or not np.isfinite(face.kps).all():
        return False
    eyes, nose = face.kps[:2], face.kps[2]
    along = eyes[1] - eyes[0]
    apart = float(np.linalg.norm(along))
    if apart < 1:  # pixel, as of points that are no face's
        return False
    matrix = similarity_fit(face.kps, _TEMPLATE)
    height, width = frame.shape[:2]
    looked_at = transform(invert(matrix), _CORNERS)
    if bool((looked_at < 0).any() or (looked_at > (width - 1, height - 1)).any()):
        return False
    if abs(float((nose - eyes.mean(axis=0)) @ along)) / apart**2 > _TURNED:
        return False
    crop = warp_crop(frame, matrix, _SIDE).astype(np.float32) / 255
    lab = np.asarray(cv2.GaussianBlur(cv2.cvtColor(crop, cv2.COLOR_BGR2LAB), (0, 0), 1.2), np.float32)
    return bool(_eyes_hidden(lab) or _mouth_hidden(lab))


def _eyes_hidden(lab: Array) -> bool:
    skin = max(float(_typical(lab, *_LOWER)[0]), float(_typical(lab, _UPPER[0])[0]), 1.0)
    shaded = [float(np.percentile(_part(lab, eye)[:, 0], 75)) / skin for eye in _EYES]
    if max(shaded) < _DARK_EYES:
        return True
    one, other = sorted(float(_part(lab, pupil)[:, 0].min()) / skin for pupil in _PUPILS)
    return bool(other > _NO_EYE and other > _OTHER_EYE * one)


def _mouth_hidden(lab: Array) -> bool:
    skin = _typical(lab, *_UPPER)
    scale = np.array([3, 1, 1], np.float32)
    strange = float(np.percentile(np.linalg.norm((_part(lab, _LIPS) - skin) / scale, axis=1), _LIKE_SKIN))
    above = float(np.linalg.norm((_typical(lab, _PHILTRUM) - skin) / scale))
    if min(strange, above) > _OTHER_THING:
        return True
    x0, y0, x1, y1 = _MOUTH_LINE
    rows = lab[y0:y1, x0:x1, 0].mean(axis=1)
    line = 1 - float(rows.min()) / max(float(np.median(_part(lab, _MOUTH)[:, 0])), 1.0)
    if float(np.linalg.norm(skin[1:])) < _GREY_CHROMA:
        return line < _GREY_NO_LINE
    red = float(np.percentile(_part(lab, _LIPS)[:, 1], 80)) - _typical(lab, *_BESIDE_MOUTH)[1]
    return red < _NO_RED and line < _NO_LINE


def _part(lab: Array, box: tuple[int, int, int, int]) -> Array:
    x0, y0, x1, y1 = box
    return lab[y0:y1, x0:x1].reshape(-1, 3)


def _typical(lab: Array, *boxes: tuple[int, int, int, int]) -> Array:
    return np.asarray(np.median(np.concatenate([_part(lab, box) for box in boxes]), axis=0), np.float32)

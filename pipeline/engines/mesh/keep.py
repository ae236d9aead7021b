"""What of the target stays before the new face: beard, hair, spectacles, each as a whole or not."""

import cv2
import numpy as np

from pipeline.engines.mesh.covers import EYE, LENS, about_eyes, off_skin, reaching_in, wears_frame
from pipeline.engines.mesh.regions import View, blurred
from pipeline.face import Array

_RIM = 0.05  # depth from the border, of the face, up to which something reaches in from outside
_SOFT, _SOFT_LENS = 0.006, 0.01  # sigma of its edge, of the face


def kept(view: View, skin: Array) -> Array:
    """How much of the target stays at each place, (h, w) float32 0..1.

    `skin` (h, w) 0..1 is what is skin. Spectacles with a plain frame stay with all that they show but the
    eyes; others go, since faint and rimless ones look worse half kept than removed. A shadow within the face
    reaches no border and goes too.
    """
    regions = view.regions
    off = off_skin(view, skin)
    lenses = about_eyes(view, LENS)
    if wears_frame(view):
        eyes = blurred(about_eyes(view, EYE), _SOFT_LENS * regions.face_px)
        off = np.where(lenses > 0, np.maximum(off, (1 - skin) * (1 - eyes)), off)
    else:
        off = off * (1 - np.maximum(lenses, blurred(lenses, _SOFT_LENS * regions.face_px)))
    stays = np.where(reaching_in(off, regions.inside < _RIM), off, 0).astype(np.float32)
    wider = np.asarray(cv2.dilate(stays, np.ones((3, 3), np.uint8)), np.float32)
    return np.clip(blurred(wider, _SOFT * regions.face_px), 0, 1)

"""What lies before a face: hair, a beard, spectacles. Told from its skin, and by where it hangs together."""

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.blend.masks import ellipse, fill_polygons, smoothstep
from pipeline.engines.mesh.regions import View, blurred
from pipeline.engines.mesh.topology import EYE_LEFT, EYE_RIGHT
from pipeline.face import Array

Where = NDArray[np.bool_]

_CHIN: Final = (194, 418, 211, 431, 32, 262, 208, 428, 171, 396)
_UPPER_LIP: Final = (164, 167, 393, 165, 391)
_LIPS: Final = (0, 37, 267, 17, 84, 314)
_BRIDGE: Final = (6, 168, 122, 351, 196, 419, 193, 417)
_LIKELY = 0.5
_SOFT_FEATURES = 0.012  # sigma of the edge about eyes, brows and lips, of the face
_DISC = 0.025  # radius looked at about a point, of the face
_BEARDED_CHIN, _BEARDED_LIP = 0.5, 0.25  # painted beards 0.79 and 0.52 at least; bare faces 0.2 and 0.5
_BELOW_NOSE = 0.03  # width of the soft edge below which a beard begins, of the face
_HAIRS_APART = 0.03  # sigma of the blur over which hairs make a beard, of the face
_GROWS = 0.15, 0.3  # off skin on the whole, where a beard begins and until it is sure
_ALIKE = 12.0  # distance in L*a*b*; lips differ by more from any beard
# A frame is a thin dark line across the nose: how thin, of the face; how dark, L; how many of the points show
# it, and how much of what is about them may be darker yet.
_FRAME_WIDTH, _FRAME, _FAINT_FRAME, _FRAMED_POINTS, _DARKEST = 0.045, 40.0, 25.0, 4, 0.9
LENS = 1.45, 1.25  # half axes of a lens with its frame, in widths of the eye
EYE = 0.56, 0.30  # of the eye alone


def off_skin(view: View, skin: Array) -> Array:
    """What is neither `skin` nor eye, brow or lip, (h, w) float32 0..1."""
    features = cv2.dilate(view.regions.features, np.ones((3, 3), np.uint8))
    soft = blurred(np.asarray(features, np.float32), _SOFT_FEATURES * view.regions.face_px)
    return (1 - skin) * (1 - soft)


def reaching_in(off: Array, rim: Where) -> Where:
    """The connected parts of what is `off` skin that reach the `rim`."""
    there = off > _LIKELY
    count, parts = cv2.connectedComponents(there.astype(np.uint8), connectivity=8)
    reaches = np.zeros(count, bool)
    reaches[np.unique(parts[rim & there])] = True
    reaches[0] = False
    return np.asarray(reaches[parts])


def is_bearded(view: View, off: Array) -> bool:
    """Whether chin and upper lip are off skin and the lips show between them, which a mask would hide too."""
    chin, lip = (view.about(off, names, _DISC) for names in (_CHIN, _UPPER_LIP))
    if not chin.size or not lip.size or chin.mean() < _BEARDED_CHIN or lip.mean() < _BEARDED_LIP:
        return False
    lips, about = (
        np.median(view.about(view.lab, names, _DISC).reshape(-1, 3), axis=0) for names in (_LIPS, _CHIN)
    )
    return float(np.linalg.norm(lips - about)) > _ALIKE


def frame_contrast(view: View) -> float:
    """How much darker than what is beside it the line is that crosses the nose's bridge, in L."""
    width = max(3, int(_FRAME_WIDTH * view.regions.face_px) | 1)
    lightness = np.ascontiguousarray(view.lab[..., 0])
    closed = cv2.morphologyEx(lightness, cv2.MORPH_CLOSE, np.ones((width, width), np.uint8))
    discs = view.about(closed - lightness, _BRIDGE, _DISC)
    if not discs.size:
        return 0.0
    darkest = np.sort(discs, axis=1)[:, int(_DARKEST * discs.shape[1])]
    return float(np.median(np.sort(darkest)[-_FRAMED_POINTS:]))


def wears_frame(view: View) -> bool:
    """Whether spectacles have a frame that is plain to see."""
    return frame_contrast(view) > _FRAME


def wears_spectacles(view: View) -> bool:
    """Whether there are spectacles at all; of faces turned aside the nose itself may look so."""
    return frame_contrast(view) > _FAINT_FRAME


def about_eyes(view: View, axes: tuple[float, float]) -> Array:
    """Ellipses about both eyes with half `axes` in widths of an eye: (h, w) float32 0 or 1."""
    rings = [view.points[list(eye), :2] for eye in (EYE_RIGHT, EYE_LEFT)]
    along = rings[1].mean(axis=0) - rings[0].mean(axis=0)
    angle = float(np.arctan2(along[1], along[0]))
    outlines = [
        ellipse(ring.mean(axis=0), np.array(axes) * float(np.linalg.norm(ring[0] - ring[8])), angle)
        for ring in rings
    ]
    return fill_polygons(outlines, view.regions.inside.shape).astype(np.float32)


def beardless(off: Array, view: View) -> Array:
    """What is off skin above the base of the nose."""
    return np.asarray(off * (1 - below_nose(view, _BELOW_NOSE * view.regions.face_px)), np.float32)


def beard_of(off: Array, view: View) -> Array:
    """Where a bearded face's beard grows, its lighter hairs and gaps too: (h, w) float32 0..1."""
    whole = blurred(off - beardless(off, view), _HAIRS_APART * view.regions.face_px)
    return smoothstep((whole - _GROWS[0]) / _GROWS[1])


def covered_share(view: View, before: Array) -> float:
    """Share of the face, without its features, before which something lies, 0..1."""
    face = (view.regions.core > 0) & (view.regions.features == 0)
    return float((before[face] > _LIKELY).mean()) if face.any() else 1.0


def below_nose(view: View, soft_px: float) -> Array:
    """1 below the base of the nose along the face's own axis, 0 above: (h, w) float32."""
    height, width = view.regions.inside.shape
    top, chin, base = (view.points[name, :2] for name in (10, 152, 2))
    axis = (chin - top) / max(float(np.linalg.norm(chin - top)), 1e-6)
    x = np.arange(width, dtype=np.float32) - base[0]
    y = (np.arange(height, dtype=np.float32) - base[1])[:, None]
    return smoothstep((x * axis[0] + y * axis[1]) / max(soft_px, 1e-3) + 0.5)

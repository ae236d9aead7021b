"""A source's texture without the hair that hangs into it: that would be drawn on every target."""

from dataclasses import dataclass

import cv2
import numpy as np

from pipeline.engines.mesh.covers import (
    LENS,
    about_eyes,
    beard_of,
    beardless,
    is_bearded,
    off_skin,
    reaching_in,
    wears_spectacles,
)
from pipeline.engines.mesh.raster import sample
from pipeline.engines.mesh.regions import View, blurred, masked_blur
from pipeline.engines.mesh.skin import SkinModel
from pipeline.engines.mesh.spaces import to_bgr
from pipeline.face import Array, Bgr

_RIM, _DEEPEST = 0.06, 0.30  # of the face: where hair comes in, and how far it may reach
_EDGE, _REACH_PX = 0.008, 5  # sigma of the soft edge, of the face; by how much more than the hair is replaced
_LOCAL = 0.05  # sigma in which skin about a place says how it differs from the model
_BARE = 0.3  # off skin by less
_NOTHING = 0.02


@dataclass(frozen=True, kw_only=True, eq=False)
class Cleaned:
    """A texture without hair.

    Attributes:
        picture: BGR uint8.
        before: (h, w) float32 0..1 at map size, what still lies before the face and is not drawn at its rim.
        beard: (h, w) float32 0..1 likewise, where a beard is drawn with it; None if there is none.
    """

    picture: Bgr
    before: Array
    beard: Array | None


def clean(picture: Bgr, view: View, model: SkinModel, mirrored: Array) -> Cleaned:
    """Replace what reaches in from the border by the face's other side, or its model where both are covered.

    `view` shows `picture` at map size; `mirrored` (h, w, 2) says where in it each place has its counterpart
    on the other side of the face. A beard and spectacles are a part of the face and stay.
    """
    off = off_skin(view, model.likelihood(view.lab))
    beard = beard_of(off, view) if is_bearded(view, off) else None
    hair = off if beard is None else beardless(off, view)
    if wears_spectacles(view):
        hair = hair * (1 - about_eyes(view, LENS))
    inside = view.regions.inside
    reaches = reaching_in(hair, inside < _RIM) & (inside < _DEEPEST)
    share = _softened(reaches.astype(np.float32), view.regions.face_px)
    if float((share * (inside > 0)).max()) < _NOTHING:
        return Cleaned(picture=picture, before=hair, beard=beard)
    neither = _softened(sample(reaches.astype(np.float32), mirrored), view.regions.face_px)
    fill = _other_side(picture, model, mirrored)
    fill += _enlarged(neither, picture)[..., None] * (_enlarged(_modelled(view, model, off), picture) - fill)
    mixed = picture + _enlarged(share, picture)[..., None] * (fill - picture)
    return Cleaned(
        picture=np.asarray(np.clip(np.rint(mixed), 0, 255), np.uint8),
        before=hair * (1 - share),
        beard=beard,
    )


def _other_side(picture: Bgr, model: SkinModel, mirrored: Array) -> Array:
    """The face mirrored, in the tone of this side; float32, as large as `picture`."""
    x, y = (_enlarged(np.ascontiguousarray(mirrored[..., axis]), picture) for axis in (0, 1))
    small = mirrored.shape
    other = cv2.remap(
        picture,
        (x + np.float32(0.5)) * np.float32(picture.shape[1] / small[1]) - np.float32(0.5),
        (y + np.float32(0.5)) * np.float32(picture.shape[0] / small[0]) - np.float32(0.5),
        cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_REPLICATE,
    )
    tone = to_bgr(model.expected) - to_bgr(sample(model.expected, mirrored))
    return other + _enlarged(tone, picture)


def _enlarged(values: Array, picture: Bgr) -> Array:
    size = picture.shape[1], picture.shape[0]
    return np.asarray(cv2.resize(values, size, interpolation=cv2.INTER_LINEAR), np.float32)


def _modelled(view: View, model: SkinModel, off: Array) -> Array:
    """Smooth skin, BGR 0..255 at map size: the model, off by what bare skin about a place is off it."""
    bare = ((off < _BARE) & (view.regions.inside > _NOTHING)).astype(np.float32)
    local = masked_blur(view.lab - model.expected, bare + np.float32(1e-4), _LOCAL * view.regions.face_px)
    return to_bgr(model.expected + local)


def _softened(where: Array, face_px: float) -> Array:
    wider = cv2.dilate(where, np.ones((_REACH_PX, _REACH_PX), np.uint8))
    return blurred(np.asarray(wider, np.float32), _EDGE * face_px)

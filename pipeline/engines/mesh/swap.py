"""Draw a source face onto a target face: one region of the frame, maps of at most 256 px, one blend."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from pipeline.blend.masks import Mask, combine
from pipeline.engines.base import BlendOptions
from pipeline.engines.mesh.colour import (
    find_blur,
    find_lamp,
    match_colour,
    match_sharpness,
)
from pipeline.engines.mesh.covers import is_bearded, off_skin
from pipeline.engines.mesh.drawing import Drawing, draw
from pipeline.engines.mesh.geometry import bend
from pipeline.engines.mesh.keep import kept
from pipeline.engines.mesh.lips import less_red, lips_of
from pipeline.engines.mesh.look import Look, look_at
from pipeline.engines.mesh.mask import face_mask, kept_mask, mouth_kept, up_to_jaw
from pipeline.engines.mesh.patch import Patch
from pipeline.engines.mesh.regions import Regions, masked_blur
from pipeline.engines.mesh.source import MeshSource
from pipeline.engines.mesh.spaces import from_light, to_bgr, to_lab, to_light
from pipeline.engines.mesh.texture import mesh_size
from pipeline.engines.mesh.topology import POINTS, Topology
from pipeline.face import Array, Bgr

_SKIN = 0.5  # likelihood
_GREY = 3  # levels between the channels of a picture without colour
_IDENTITY_SHARE = 0.7  # of the source's geometry; more and the face leaves the target's head


def swap_face(
    frame: Bgr,
    landmarks: Array,
    source: MeshSource,
    blend: BlendOptions,
    topology: Topology,
    *,
    masks: Sequence[Mask] = (),
) -> bool:
    """Draw `source` onto the face at (468+, 3) `landmarks` of a BGR uint8 frame, in place.

    Pixels outside the blend mask, or left out by one of `masks`, keep their exact values. Returns False, and
    leaves the frame alone, where the face is too small, outside of the frame, or its landmarks are no face.
    """
    if not np.isfinite(landmarks).all():
        return False
    target = landmarks[:POINTS].astype(np.float32)
    bent = bend(target, source.shape, topology.pose, _IDENTITY_SHARE * topology.identity_weight)
    patch = Patch.cut(frame, target, bent)
    if patch is None:
        return False
    drawing = draw(patch, source, mesh_size(bent, topology), topology)
    look = look_at(patch, drawing.regions)
    mouth = mouth_kept(landmarks, source, blend)
    shown = combine(masks, patch.matrix, patch.shape)
    alpha = _where(source, drawing, look) * (1 - kept_mask(patch, landmarks, source, mouth)) * shown
    if not alpha.any() or not drawing.regions.core.any():
        return False
    if not blend.color_correction:
        patch.blend(drawing.picture, np.zeros_like(look.bgr), alpha)
        return True
    coloured = _coloured(patch, drawing, look)
    patch.blend(coloured.picture, coloured.change, alpha)
    if mouth > 0 and not blend.mouth_mask:
        lips = lips_of(look.view)
        paler = less_red(look.bgr, look.view, look.skin, coloured.lab, lips)
        if paler is not None:
            patch.blend(patch.roi.copy(), paler, mouth * lips * shown)
    return True


def _where(source: MeshSource, drawing: Drawing, look: Look) -> Array:
    """Where the drawing shows but for the target's own eyes and mouth, (h, w) float32 0..1."""
    alpha = face_mask(drawing.regions, drawing.before)
    if source.texture.bearded and not is_bearded(look.view, off_skin(look.view, look.skin)):
        alpha = up_to_jaw(alpha, look.view)
    alpha *= np.clip(drawing.seen, 0, 1)
    alpha *= 1 - kept(look.view, look.skin)
    return alpha


@dataclass(frozen=True, kw_only=True, eq=False)
class Coloured:
    """A drawing in the target's tone and light.

    Attributes:
        picture: BGR uint8 of the region's size.
        change: (h, w, 3) float32, what is to be added to it.
        lab: (h, w, 3) float32, both together, in even light.
    """

    picture: Bgr
    change: Array
    lab: Array


def _coloured(patch: Patch, drawing: Drawing, look: Look) -> Coloured:
    picture, regions = drawing.picture, drawing.regions
    if _is_grey(look.bgr):
        # The maps carry no detail as fine as the frame's: in a grey picture it would stay coloured.
        picture = np.asarray(
            cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR), np.uint8
        )
    drawn = patch.reduce(picture)
    common_skin = np.minimum(look.skin, drawing.skin)
    lamp = find_lamp(drawn, look.bgr, regions, common_skin)
    if lamp is not None:
        picture = lamp.tint(picture)
        drawn = patch.reduce(picture)
    lab, target = to_lab(drawn), look.view.lab
    sigma = find_blur(lab, target, regions)
    if sigma > 0:
        picture = _soften(patch, picture, regions, sigma)
        drawn = patch.reduce(picture)
        lab = to_lab(drawn)
    lab = match_colour(lab, target, regions, common_skin)
    if lamp is not None:
        lab = lamp.keep_hues(lab, target, regions)
    lab = match_sharpness(lab, target, regions.core * look.skin > _SKIN)
    wanted = to_bgr(lab)
    if look.shade is not None:
        wanted = from_light(to_light(wanted) / look.shade)
    return Coloured(picture=picture, change=wanted - drawn, lab=lab)


def _is_grey(picture: Array) -> bool:
    """Whether all channels of (h, w, 3) float32 0..255 are alike."""
    blue, green, red = cv2.split(picture)
    high, low = cv2.max(cv2.max(blue, green), red), cv2.min(cv2.min(blue, green), red)
    return bool(cv2.minMaxLoc(cv2.subtract(high, low))[1] < _GREY)


def _soften(patch: Patch, picture: Bgr, regions: Regions, sigma: float) -> Bgr:
    """Blur a drawn face (region size) by `sigma` map pixels, and nothing from beyond its border into it."""
    within = (patch.enlarge(regions.inside) > 0).astype(np.float32)
    scale = patch.roi.shape[0] / patch.shape[0]
    soft = masked_blur(picture.astype(np.float32), within, sigma * scale)
    return np.asarray(np.clip(np.rint(soft), 0, 255), np.uint8)

"""Draw a source face onto a target face: one region of the frame, maps of at most 256 px, one blend."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from pipeline.blend.masks import Mask, combine, smoothstep
from pipeline.engines.base import BlendOptions
from pipeline.engines.mesh.colour import (
    find_blur,
    find_lamp,
    match_colour,
    match_sharpness,
)
from pipeline.engines.mesh.covers import is_bearded, off_skin
from pipeline.engines.mesh.geometry import bend
from pipeline.engines.mesh.keep import kept
from pipeline.engines.mesh.light import SOFT, shadow_gain
from pipeline.engines.mesh.mask import face_mask, kept_mask, up_to_jaw
from pipeline.engines.mesh.patch import Patch
from pipeline.engines.mesh.raster import interpolate, paint_triangles, planes
from pipeline.engines.mesh.regions import Regions, View, find_regions, masked_blur
from pipeline.engines.mesh.skin import SkinModel
from pipeline.engines.mesh.source import MeshSource
from pipeline.engines.mesh.spaces import from_light, to_bgr, to_lab, to_light
from pipeline.engines.mesh.texture import mesh_size
from pipeline.engines.mesh.topology import POINTS, Topology
from pipeline.face import Array, Bgr

_SKIN = 0.5  # likelihood
_GREY = 3  # levels between the channels of a picture without colour
_IDENTITY_SHARE = 0.7  # of the source's geometry; more and the face leaves the target's head


@dataclass(frozen=True, kw_only=True, eq=False)
class Drawing:
    """A source face drawn on the target's mesh, before colour and blending.

    Attributes:
        picture: BGR uint8 of the region's size.
        regions: what lies where, map size.
        seen: (h, w) float32 how far each place can be drawn at all, 0..1.
        skin: (h, w) float32 what is skin on the source, 0..1.
        before: (h, w) float32 what lies before the source's face, 0..1.
    """

    picture: Bgr
    regions: Regions
    seen: Array
    skin: Array
    before: Array


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
    drawing = _draw(patch, source, mesh_size(bent, topology), topology)
    look = _look(patch, drawing.regions)
    alpha = _where(patch, landmarks, source, blend, drawing, look) * combine(masks, patch.matrix, patch.shape)
    if not alpha.any() or not drawing.regions.core.any():
        return False
    if blend.color_correction:
        picture, drawn, wanted = _coloured(patch, drawing, look)
        patch.blend(picture, wanted - drawn, alpha)
    else:
        patch.blend(drawing.picture, np.zeros_like(look.bgr), alpha)
    return True


@dataclass(frozen=True, kw_only=True, eq=False)
class Look:
    """The target's face at map size.

    Attributes:
        bgr: (h, w, 3) float32 0..255, evenly lit.
        view: the same as L*a*b*.
        shade: (h, w, 3) float32 by which its light must be divided to be as it was; None for even light.
        model: its skin.
        skin: (h, w) float32 0..1, what is skin.
    """

    bgr: Array
    view: View
    shade: Array | None
    model: SkinModel
    skin: Array


def _look(patch: Patch, regions: Regions) -> Look:
    bgr = patch.reduce(patch.roi)
    view = View(lab=to_lab(bgr), points=patch.own, regions=regions)
    shade = shadow_gain(view, SOFT)
    if shade is not None:
        bgr = from_light(to_light(bgr) * shade)
        view = replace(view, lab=to_lab(bgr))
    model = SkinModel.fit(view)
    return Look(bgr=bgr, view=view, shade=shade, model=model, skin=model.likelihood(view.lab))


def _where(
    patch: Patch, landmarks: Array, source: MeshSource, blend: BlendOptions, drawing: Drawing, look: Look
) -> Array:
    """Where the drawing shows, (h, w) float32 0..1."""
    alpha = face_mask(drawing.regions, drawing.before)
    if source.texture.bearded and not is_bearded(look.view, off_skin(look.view, look.skin)):
        alpha = up_to_jaw(alpha, look.view)
    alpha *= np.clip(drawing.seen, 0, 1)
    alpha *= 1 - kept(look.view, look.skin)
    alpha *= 1 - kept_mask(patch, landmarks, source, blend)
    return alpha


def _coloured(patch: Patch, drawing: Drawing, look: Look) -> tuple[Bgr, Array, Array]:
    """The drawing in the target's tone and light: region size, the same at map size, and what that must become."""
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
    return picture, drawn, wanted if look.shade is None else from_light(to_light(wanted) / look.shade)


def _draw(patch: Patch, source: MeshSource, size: float, topology: Topology) -> Drawing:
    """Draw the source's texture on the patch's mesh, whose `mesh_size` in the frame is `size`."""
    ids = paint_triangles(patch.points, topology, patch.shape)
    texture = source.texture
    level, points = texture.level_for(size)
    values = np.column_stack(
        [points, topology.smooth(_support(topology.facing(patch.points), texture.detail), 2)]
    )
    x, y, seen = interpolate(ids, planes(patch.points, values, topology.triangles))
    method = cv2.INTER_CUBIC if size > texture.size else cv2.INTER_LINEAR
    picture = cv2.remap(level, patch.enlarge(x), patch.enlarge(y), method, borderMode=cv2.BORDER_REPLICATE)
    return Drawing(
        picture=np.asarray(picture, np.uint8),
        regions=find_regions(ids, patch.points, topology, patch.face_px, texture.hairline),
        seen=seen,
        skin=_at(texture.skin, level, x, y),
        before=_at(texture.before, level, x, y),
    )


def _at(values: Array, level: Bgr, x: Array, y: Array) -> Array:
    """A map of the texture at (h, w) coordinates in pixels of one of its levels."""
    height, width = (np.float32(ours / its) for ours, its in zip(values.shape, level.shape, strict=False))
    shown = cv2.remap(
        values,
        (x + np.float32(0.5)) * width - np.float32(0.5),
        (y + np.float32(0.5)) * height - np.float32(0.5),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(shown, np.float32)


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


def _support(facing: Array, detail: Array) -> Array:
    """How far each point can be drawn, (468,) float32 0..1.

    0 where the target is turned away, or shows far more of a place (a cheek up to the ear) than the source.
    """
    stretched = np.asarray(facing / np.maximum(detail, 1e-3), np.float32)
    turned_to_us = smoothstep((facing - 0.08) / 0.2)
    overstretched = smoothstep((stretched - 2.2) / 2)
    return turned_to_us * (1 - overstretched)

"""Draw a source face onto a target face: one region of the frame, maps of at most 256 px, one blend."""

from dataclasses import dataclass

import cv2
import numpy as np

from pipeline.engines.base import Look
from pipeline.engines.mesh.colour import match_colour, match_sharpness, to_bgr, to_lab
from pipeline.engines.mesh.geometry import bend, eye_openness, mouth_openness, ramp, smoothstep
from pipeline.engines.mesh.patch import Patch
from pipeline.engines.mesh.raster import interpolate, paint_triangles, planes, sample
from pipeline.engines.mesh.regions import Regions, find_regions, soft_region
from pipeline.engines.mesh.skin import skin_likelihood
from pipeline.engines.mesh.source import MeshSource
from pipeline.engines.mesh.texture import mesh_size, rescaled
from pipeline.engines.mesh.topology import EYE_LEFT, EYE_RIGHT, LIPS_OUTER, POINTS, Topology
from pipeline.faces import Array, Bgr

_SKIN = 0.5  # likelihood
_IDENTITY_SHARE = 0.45  # of the source's geometry; more and the face leaves the target's head


@dataclass(frozen=True, kw_only=True, eq=False)
class Drawing:
    """A source face drawn on the target's mesh, before colour and blending.

    Attributes:
        picture: BGR uint8 of the region's size.
        regions: what lies where, map size.
        seen: (h, w) float32 how far each place can be drawn at all, 0..1.
        skin: (h, w) float32 what is skin on the source, 0..1.
    """

    picture: Bgr
    regions: Regions
    seen: Array
    skin: Array


def swap_face(frame: Bgr, landmarks: Array, source: MeshSource, look: Look, topology: Topology) -> bool:
    """Draw `source` onto the face at (468+, 3) `landmarks` of a BGR uint8 frame, in place.

    Pixels outside the blend mask keep their exact values. Returns False, and leaves the frame alone, where
    the face is too small, outside of the frame, or its landmarks are no face.
    """
    if not np.isfinite(landmarks).all():
        return False
    target = landmarks[:POINTS].astype(np.float32)
    bent = bend(target, source.shape, topology.pose, _IDENTITY_SHARE * topology.identity_weight)
    patch = Patch.cut(frame, target, bent)
    if patch is None:
        return False
    drawing = _draw(patch, source, mesh_size(bent, topology), topology)
    target_lab = to_lab(patch.reduce(patch.roi))
    target_skin = skin_likelihood(target_lab, drawing.regions)
    alpha = _border(drawing.regions, drawing.seen) * _unhidden(drawing.regions, target_skin, drawing.skin)
    alpha *= 1 - _kept(patch, landmarks, source, look)
    if not alpha.any() or not drawing.regions.core.any():
        return False
    drawn = patch.reduce(drawing.picture)
    change = np.zeros_like(drawn)
    if look.color_correction:
        lab = match_colour(to_lab(drawn), target_lab, drawing.regions, np.minimum(target_skin, drawing.skin))
        lab = match_sharpness(lab, target_lab, drawing.regions.core * target_skin > _SKIN)
        change = to_bgr(lab) - drawn
    patch.blend(drawing.picture, change, alpha)
    return True


def _draw(patch: Patch, source: MeshSource, size: float, topology: Topology) -> Drawing:
    """Draw the source's texture on the patch's mesh, whose `mesh_size` in the frame is `size`."""
    ids = paint_triangles(patch.points, topology, patch.shape)
    texture = source.texture
    level, points = texture.level_for(size)
    values = np.column_stack([points, _support(topology.facing(patch.points), texture.detail)])
    x, y, seen = interpolate(ids, planes(patch.points, values, topology.triangles))
    method = cv2.INTER_CUBIC if size > texture.size else cv2.INTER_LINEAR
    picture = cv2.remap(level, patch.enlarge(x), patch.enlarge(y), method, borderMode=cv2.BORDER_REPLICATE)
    return Drawing(
        picture=np.asarray(picture, np.uint8),
        regions=find_regions(ids, patch.points, topology, patch.face_px, texture.hairline),
        seen=seen,
        skin=sample(texture.skin, rescaled(np.dstack([x, y]), level.shape, texture.skin.shape)),
    )


def _support(facing: Array, detail: Array) -> Array:
    """How far each point can be drawn, (468,) float32 0..1.

    0 where the target is turned away, or shows far more of a place (a cheek up to the ear) than the source.
    """
    stretched = np.asarray(facing / np.maximum(detail, 1e-3), np.float32)
    turned_to_us = smoothstep((facing - 0.08) / 0.2)
    overstretched = smoothstep((stretched - 2.2) / 2)
    return turned_to_us * (1 - overstretched)


def _border(regions: Regions, seen: Array) -> Array:
    """The feathered face without what is turned away from the camera."""
    border: Array = smoothstep((regions.inside - 0.02) / 0.10) * np.clip(seen, 0, 1)
    return border


def _unhidden(regions: Regions, target_skin: Array, source_skin: Array) -> Array:
    """Near the border, leave out what is not skin on either face: fringe, frames, hands, background.

    Further in, dark pixels are brows, lashes and nostrils and belong to the face.
    """
    features = cv2.GaussianBlur(regions.features, (0, 0), max(0.8, 0.015 * regions.face_px))
    near = (1 - smoothstep((regions.inside - 0.05) / 0.08)) * (1 - features)
    reach = max(3, int(0.03 * regions.face_px) | 1)
    both = np.minimum(
        cv2.erode(target_skin, np.ones((3, 3), np.uint8)),
        cv2.erode(source_skin, np.ones((reach, reach), np.uint8)),
    )
    soft = cv2.GaussianBlur(both, (0, 0), max(0.8, 0.02 * regions.face_px))
    return (1 - near * (1 - smoothstep((soft - 0.25) / 0.5))).astype(np.float32)


def _kept(patch: Patch, landmarks: Array, source: MeshSource, look: Look) -> Array:
    """Where the target's own mouth and eyes stay, (h, w) float32 0..1.

    A closed mouth cannot be drawn from an open one, nor the reverse; both eyes go together.
    """
    target_mouth, target_eyes = mouth_openness(landmarks), eye_openness(landmarks)
    mouth = 1.0 if look.mouth_mask else ramp(_strain(target_mouth, source.mouth, 0.03), 0.55, 0.2)
    eyes = max(
        ramp(_strain(ours, theirs, 0.04), 0.6, 0.2)
        for ours, theirs in zip(target_eyes, source.eyes, strict=True)
    )
    kept = np.zeros(patch.shape, np.float32)
    # Lashes reach further beyond the eye's opening than lips beyond their outline.
    for amount, group, margin in (
        (mouth, LIPS_OUTER, 0.005),
        (eyes, EYE_RIGHT, 0.025),
        (eyes, EYE_LEFT, 0.025),
    ):
        if amount > 0:
            outline, solid = patch.own[list(group)], 1 + margin * patch.face_px
            kept = np.maximum(kept, amount * soft_region(outline, patch.shape, solid, 0.03 * patch.face_px))
    return kept


def _strain(one: float, other: float, floor: float) -> float:
    """How differently two openings stand, as the size of the logarithm of their ratio."""
    return abs(float(np.log((one + floor) / (other + floor))))

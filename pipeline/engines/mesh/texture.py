"""The picture of a source face: turned to the front once, its hidden side filled in, kept at every scale."""

from dataclasses import dataclass

import cv2
import numpy as np

from pipeline.blend.masks import smoothstep
from pipeline.engines.mesh.geometry import Similarity, signed_areas
from pipeline.engines.mesh.raster import Ids, interpolate, paint_triangles, planes
from pipeline.engines.mesh.regions import find_regions, masked_blur
from pipeline.engines.mesh.skin import covered_share, hairline, skin_likelihood
from pipeline.engines.mesh.topology import CHEEK_LEFT, CHEEK_RIGHT, POINTS, Topology
from pipeline.face import Array, Bgr

_MAX_TEXTURE_PX = 1024  # larger sources gain nothing: no mesh detail is finer
_ENLARGE = 1.25  # the frontal texture is a little larger than the source, so that drawing it loses nothing
_WHOLLY, _MOSTLY_OWN = 0.98, 0.5  # shares of a point drawn from its own side
_MARGIN_PX = 6
_SKIN_MAP_PX = 256
_SMALLEST_LEVEL_PX = 32


@dataclass(frozen=True, kw_only=True, eq=False)
class Texture:
    """The frontal picture of a face, ready to be drawn on any mesh.

    Attributes:
        levels: BGR uint8 pictures, each half the one before.
        points: (468, 3) float32 mesh points in pixels of `levels[0]`, facing the camera.
        detail: (468,) float32, how well the better seen side of the face shows each point; 1 as in a
            frontal picture.
        size: square root of twice the mesh's area at `levels[0]`, in pixels.
        skin: (h, w) float32 0..1, what is skin of this face, covering the same area as `levels[0]`.
        hairline: (11,) float32, how much of the way from each brow point of `BROW_BELOW` to the mesh's edge
            shows skin: there the hair begins.
        covered: share of the face's skin area that hair, spectacles or a hand hide, 0..1.
    """

    levels: tuple[Bgr, ...]
    points: Array
    detail: Array
    size: float
    skin: Array
    hairline: Array
    covered: float

    def level_for(self, target_size: float) -> tuple[Bgr, Array]:
        """The level to draw a face of size `target_size` from, and the (468, 2) points in its pixels."""
        shrink = np.log2(max(self.size / max(target_size, 1e-6), 1e-6))
        level = self.levels[int(np.clip(np.floor(shrink + 0.25), 0, len(self.levels) - 1))]
        return level, rescaled(self.points[:, :2], self.levels[0].shape, level.shape)


def rescaled(points: Array, shape: tuple[int, ...], goal: tuple[int, ...]) -> Array:
    """Carry (..., 2) pixel coordinates from a picture of one shape to its resized copy."""
    scale = np.array([goal[1] / shape[1], goal[0] / shape[0]], np.float32)
    return ((points + 0.5) * scale - 0.5).astype(np.float32)


def mesh_size(points: Array, topology: Topology) -> float:
    """Square root of twice the area of all triangles that face the camera, in pixels."""
    return float(np.sqrt(np.maximum(signed_areas(points, topology.triangles), 0).sum()))


def make_texture(picture: Bgr, landmarks: Array, topology: Topology) -> Texture:
    """Draw the face at (468+, 3) `landmarks` of a BGR uint8 picture as it would look from the front."""
    crop, points = _crop(picture, landmarks[:POINTS].astype(np.float32))
    frontal, shape = _frontal(points, topology)
    ids = paint_triangles(frontal, topology, shape)
    flat = _draw(crop, points, frontal, ids, topology)
    skin, hair, covered = _survey(flat, frontal, topology)
    facing = topology.facing(points)
    return Texture(
        levels=_halvings(flat),
        points=frontal,
        detail=np.maximum(facing, facing[topology.mirror]),
        size=mesh_size(frontal, topology),
        skin=skin,
        hairline=hair,
        covered=covered,
    )


def _crop(picture: Bgr, points: Array) -> tuple[Bgr, Array]:
    """The face with some air round it, shrunk where it is larger than a texture needs."""
    low, high = points[:, :2].min(axis=0), points[:, :2].max(axis=0)
    air = 0.1 * float((high - low).max()) + 2
    height, width = picture.shape[:2]
    x0, y0 = np.clip(np.floor(low - air), 0, [width - 2, height - 2]).astype(int)
    x1, y1 = np.clip(np.ceil(high + air), [x0 + 2, y0 + 2], [width, height]).astype(int)
    crop, moved = picture[y0:y1, x0:x1], points - np.array([x0, y0, 0], np.float32)
    shrink = _MAX_TEXTURE_PX / float((high - low).max())
    if shrink >= 1:
        return crop, moved
    size = max(2, round(crop.shape[1] * shrink)), max(2, round(crop.shape[0] * shrink))
    small = cv2.resize(crop, size, interpolation=cv2.INTER_AREA)
    flat = rescaled(moved[:, :2], crop.shape, small.shape)
    return small.astype(np.uint8, copy=False), np.column_stack([flat, moved[:, 2] * shrink]).astype(
        np.float32
    )


def _frontal(points: Array, topology: Topology) -> tuple[Array, tuple[int, int]]:
    """The points turned to the camera, at texture scale, and the texture's (h, w)."""
    turn = Similarity.fit(topology.mean[topology.pose], points[topology.pose])
    frontal = _unrolled(turn.undo_rotation(points))
    extent = float(np.ptp(frontal[:, :2], axis=0).max())
    frontal *= min(_ENLARGE, _MAX_TEXTURE_PX / extent)
    frontal[:, :2] += _MARGIN_PX - frontal[:, :2].min(axis=0)
    width, height = np.ceil(frontal[:, :2].max(axis=0) + _MARGIN_PX).astype(int).tolist()
    return frontal, (height, width)


def _unrolled(points: Array) -> Array:
    """Roll the face off a cylinder about the head's vertical axis, so that temples and jaws get room too."""
    middle = (points[CHEEK_RIGHT] + points[CHEEK_LEFT]) / 2
    front = float(points[:, 2].min())
    radius = 2.0 * (float(middle[2]) - front)
    unrolled = points.copy()
    depth = np.maximum(front + radius - points[:, 2], 1e-3)
    unrolled[:, 0] = radius * np.arctan2(points[:, 0] - middle[0], depth)
    return unrolled


def _draw(crop: Bgr, points: Array, frontal: Array, ids: Ids, topology: Topology) -> Bgr:
    """Sample the crop onto the frontal mesh; the side turned away borrows the other one, mirrored."""
    seen = _visibility(crop, points, topology)
    direct = 1 - (1 - seen) * smoothstep((seen[topology.mirror] - seen) / 0.5)
    share = topology.smooth(direct, 3)[:, None]
    values = np.hstack([points[:, :2], points[topology.mirror, :2], share])
    own_x, own_y, other_x, other_y, weight = interpolate(
        _extended(ids), planes(frontal, values, topology.triangles)
    )
    own = cv2.remap(crop, own_x, own_y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    if float(share.min()) > _WHOLLY:
        return own.astype(np.uint8, copy=False)
    borrowed = cv2.remap(crop, other_x, other_y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    other = borrowed.astype(np.float32)
    weight = np.clip(weight, 0, 1)
    both = ((weight > _MOSTLY_OWN) & (ids > 0)).astype(np.float32)
    sigma = 0.18 * float(np.ptp(frontal[:, :2], axis=0).max())
    # The two sides of a face are lit differently: carry the seen side's tone over to the borrowed one.
    other += 0.7 * (masked_blur(own.astype(np.float32), both, sigma) - masked_blur(other, both, sigma))
    mixed = own * weight[..., None] + other * (1 - weight[..., None])
    return np.asarray(np.clip(np.round(mixed), 0, 255), np.uint8)


def _visibility(crop: Bgr, points: Array, topology: Topology) -> Array:
    """How well the crop shows each point, (468,) float32: 0 turned away or beyond its edge, 1 frontal."""
    height, width = crop.shape[:2]
    x, y = points[:, 0], points[:, 1]
    within = (x >= 0) & (y >= 0) & (x <= width - 1) & (y <= height - 1)
    facing = smoothstep((topology.facing(points) - 0.3) / 0.4)
    return np.clip(topology.smooth(facing, 4), 0, 1) * topology.smooth(within.astype(np.float32), 2) ** 2


def _extended(ids: Ids) -> Ids:
    """Let every pixel outside the mesh belong to the nearest triangle, so that no border colour bleeds in."""
    outside = (ids == 0).astype(np.uint8)
    _, nearest = cv2.distanceTransformWithLabels(
        outside, cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    of_label = np.zeros(int(nearest.max()) + 1, np.intp)
    of_label[nearest[ids > 0]] = ids[ids > 0]
    extended: Ids = of_label[nearest]
    return extended


def _survey(flat: Bgr, frontal: Array, topology: Topology) -> tuple[Array, Array, float]:
    """The texture's skin map, at most 256 px; its hairline; the share of the face that is covered."""
    scale = min(1.0, _SKIN_MAP_PX / max(flat.shape[:2]))
    size = max(2, round(flat.shape[1] * scale)), max(2, round(flat.shape[0] * scale))
    small = cv2.resize(flat, size, interpolation=cv2.INTER_AREA)
    points = np.column_stack([rescaled(frontal[:, :2], flat.shape, small.shape), frontal[:, 2] * scale])
    ids = paint_triangles(points, topology, (size[1], size[0]))
    regions = find_regions(ids, points, topology, float(np.ptp(points[:, :2], axis=0).max()))
    lab = cv2.cvtColor(small.astype(np.float32) / 255, cv2.COLOR_BGR2LAB).astype(np.float32)
    return skin_likelihood(lab, regions), hairline(lab, points, topology), covered_share(lab, points, regions)


def _halvings(flat: Bgr) -> tuple[Bgr, ...]:
    levels = [flat]
    while min(levels[-1].shape[:2]) >= 2 * _SMALLEST_LEVEL_PX:
        height, width = levels[-1].shape[:2]
        half = cv2.resize(levels[-1], (width // 2, height // 2), interpolation=cv2.INTER_AREA)
        levels.append(half.astype(np.uint8, copy=False))
    return tuple(levels)

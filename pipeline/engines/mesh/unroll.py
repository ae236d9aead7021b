"""Turn a source face to the front, and fill in its hidden side from the other."""

import cv2
import numpy as np

from pipeline.blend.masks import smoothstep
from pipeline.engines.mesh.geometry import Similarity, rescaled
from pipeline.engines.mesh.raster import Ids, interpolate, paint_triangles, planes
from pipeline.engines.mesh.regions import masked_blur
from pipeline.engines.mesh.topology import CHEEK_LEFT, CHEEK_RIGHT, Topology
from pipeline.face import Array, Bgr

_MAX_TEXTURE_PX = 1024  # larger sources gain nothing: no mesh detail is finer
_ENLARGE = 1.25  # the frontal texture is a little larger than the source, so that drawing it loses nothing
_WHOLLY, _MOSTLY_OWN = 0.98, 0.5  # shares of a point drawn from its own side
_MARGIN_PX = 6


def unroll(picture: Bgr, points: Array, topology: Topology) -> tuple[Bgr, Array]:
    """The face at (468, 3) `points` of a BGR uint8 picture from the front, and where its points then are.

    Returns BGR uint8 (h, w, 3), its longer side at most about 1,024 px, and (468, 3) float32 in its pixels.
    """
    crop, moved = _crop(picture, points)
    frontal, shape = _frontal(moved, topology)
    ids = paint_triangles(frontal, topology, shape)
    return _draw(crop, moved, frontal, ids, topology), frontal


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
        extended(ids), planes(frontal, values, topology.triangles)
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


def extended(ids: Ids) -> Ids:
    """Let every pixel outside the mesh belong to the nearest triangle, so that no border colour bleeds in."""
    outside = (ids == 0).astype(np.uint8)
    _, nearest = cv2.distanceTransformWithLabels(
        outside, cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    of_label = np.zeros(int(nearest.max()) + 1, np.intp)
    of_label[nearest[ids > 0]] = ids[ids > 0]
    extended: Ids = of_label[nearest]
    return extended

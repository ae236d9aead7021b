"""What lies where on a painted mesh: how far inside the face, where eyes, mouth and brows are."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from pipeline.blend.masks import by_share, fill_polygons
from pipeline.engines.mesh.raster import Ids
from pipeline.engines.mesh.topology import (
    BROW_BELOW,
    BROW_LEFT,
    BROW_RIGHT,
    EYE_LEFT,
    EYE_RIGHT,
    LIPS_OUTER,
    SKIN,
    Index,
    Topology,
)
from pipeline.face import Array

FOREHEAD = 0.55  # of the way from brow to mesh edge, where nothing better is known: hair begins above
_RIM, _WELL_INSIDE = 0.03, 0.1  # shares of the face's size
_EYE_SOCKET = 1.35  # an eye with its lashes, over the eye opening


@dataclass(frozen=True, kw_only=True, eq=False)
class Regions:
    """Maps of one painted face, all (h, w).

    Attributes:
        inside: float32, distance from the face's border as a share of its size; 0 outside.
        openings: float32 0 or 1, the eye and mouth openings.
        features: float32 0 or 1, brows, eyes with lashes, lips.
        face_px: the face's larger side in pixels of these maps.
    """

    inside: Array
    openings: Array
    features: Array
    face_px: float

    @cached_property
    def core(self) -> Array:
        """The face without a thin rim and without eye and mouth openings, float32 0 or 1."""
        return (self.inside > _RIM).astype(np.float32) * (1 - self.openings)

    @cached_property
    def cheeks(self) -> Array:
        """What is skin if anything is: well inside, off every feature; float32 0 or 1."""
        return (self.inside > _WELL_INSIDE).astype(np.float32) * (1 - self.openings) * (1 - self.features)


@dataclass(frozen=True, kw_only=True, eq=False)
class View:
    """One face as its maps show it.

    Attributes:
        lab: (h, w, 3) float32 L*a*b*, L 0..100.
        points: (468, 2 or more) float32 in pixels of the maps.
        regions: what lies where.
    """

    lab: Array
    points: Array
    regions: Regions

    def shown(self, names: Sequence[int], reach: float) -> Index:
        """Those of the named points that lie whole within the maps, `reach` of the face about them."""
        radius = self._radius(reach)
        middles = np.rint(self.points[list(names), :2])
        height, width = self.regions.inside.shape
        whole = (middles >= radius) & (middles < np.array([width, height]) - radius)
        return np.array(names, np.intp)[whole.all(axis=1)]

    def about(self, values: Array, names: Sequence[int] | Index, reach: float) -> Array:
        """Squares of (h, w, ...) `values` about the named points that are `shown`: (n, k, ...)."""
        radius = self._radius(reach)
        steps = np.arange(-radius, radius + 1)
        middles = np.rint(self.points[self.shown(list(names), reach), :2]).astype(np.intp)
        rows, columns = middles[:, 1, None, None] + steps[:, None], middles[:, 0, None, None] + steps
        squares: Array = values[rows, columns]
        return squares.reshape(len(middles), len(steps) ** 2, *values.shape[2:])

    def _radius(self, reach: float) -> int:
        return max(1, int(reach * self.regions.face_px))


def find_regions(
    ids: Ids, points: Array, topology: Topology, face_px: float, hairline: Array | float = FOREHEAD
) -> Regions:
    """Mark the regions of a face painted with `paint_triangles` at (468, 3) `points`, in the same pixels.

    `hairline` is how much of the way from brow to mesh edge belongs to the face: one share, or one for each
    of `BROW_BELOW`.
    """
    shape = (ids.shape[0], ids.shape[1])
    outline = points[topology.oval, :2].copy()
    brows = points[list(BROW_BELOW.values()), :2]
    share = np.broadcast_to(np.asarray(hairline, np.float32), (len(BROW_BELOW),))[:, None]
    outline[topology.forehead] = brows + share * (outline[topology.forehead] - brows)
    within = fill_polygons([outline], shape)
    covered = ((ids > 0) & (within > 0)).astype(np.uint8)
    inside = cv2.distanceTransform(covered, cv2.DIST_L2, cv2.DIST_MASK_5) / face_px
    kind = np.concatenate([np.array([SKIN], np.uint8), topology.kind])
    openings = (np.take(kind, ids) != SKIN).astype(np.float32)
    return Regions(
        inside=inside.astype(np.float32),
        openings=openings,
        features=_features(points, shape),
        face_px=face_px,
    )


def _features(points: Array, shape: tuple[int, int]) -> Array:
    groups = [points[list(group), :2] for group in (BROW_RIGHT, BROW_LEFT, LIPS_OUTER)]
    for group in (EYE_RIGHT, EYE_LEFT):
        ring = points[list(group), :2]
        groups.append(ring.mean(axis=0) + (ring - ring.mean(axis=0)) * _EYE_SOCKET)
    return cv2.dilate(fill_polygons(groups, shape), np.ones((3, 3), np.uint8)).astype(np.float32)


def blurred(plane: Array, sigma_px: float) -> Array:
    """Gaussian mean of a (h, w) map; a pixel at least, or edges would show."""
    sigma = max(0.7, sigma_px)
    return np.asarray(cv2.GaussianBlur(np.ascontiguousarray(plane), (0, 0), sigma), np.float32)


def masked_blur(values: Array, mask: Array, sigma_px: float) -> Array:
    """Gaussian mean of (h, w, 3) `values` over where (h, w) `mask` is, also carried into where it is not.

    Done at reduced resolution: the result holds nothing finer than `sigma_px`.
    """
    height, width = mask.shape
    step = max(1, int(sigma_px / 4))
    size = (max(1, width // step), max(1, height // step))
    weighted = cv2.resize(by_share(values, mask), size, interpolation=cv2.INTER_AREA)
    weight = cv2.resize(mask, size, interpolation=cv2.INTER_AREA)
    sigma = max(sigma_px / step, 0.3)
    weighted = cv2.GaussianBlur(weighted, (0, 0), sigma)
    weight = np.maximum(cv2.GaussianBlur(weight, (0, 0), sigma), 1e-3)
    mean = np.asarray(weighted / weight[..., None], np.float32)
    return np.asarray(cv2.resize(mean, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)

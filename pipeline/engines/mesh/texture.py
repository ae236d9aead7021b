"""The picture of a source face: turned to the front, cleaned, and kept at every scale."""

from dataclasses import dataclass

import cv2
import numpy as np

from pipeline.engines.mesh.clean import clean
from pipeline.engines.mesh.covers import covered_share, wears_spectacles
from pipeline.engines.mesh.geometry import rescaled, signed_areas
from pipeline.engines.mesh.hairline import hairline
from pipeline.engines.mesh.light import SHARP, relit, shadow_gain
from pipeline.engines.mesh.raster import Ids, interpolate, paint_triangles, planes
from pipeline.engines.mesh.regions import FOREHEAD, View, find_regions
from pipeline.engines.mesh.skin import SkinModel
from pipeline.engines.mesh.spaces import to_lab
from pipeline.engines.mesh.topology import POINTS, Topology
from pipeline.engines.mesh.unroll import extended, unroll
from pipeline.face import Array, Bgr

_MAP_PX = 256
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
        before: (h, w) float32 0..1, likewise, what lies before the face and is not drawn at its rim.
        bearded: whether a beard is drawn with it.
        spectacled: whether spectacles are drawn with it.
        hairline: (11,) float32, how much of the way from each brow point of `BROW_BELOW` to the mesh's edge
            shows skin: there the hair begins.
        covered: share of the face that something hides, 0..1; a beard does not, nor hair that was taken away.
    """

    levels: tuple[Bgr, ...]
    points: Array
    detail: Array
    size: float
    skin: Array
    before: Array
    bearded: bool
    spectacled: bool
    hairline: Array
    covered: float

    def level_for(self, target_size: float) -> tuple[Bgr, Array]:
        """The level to draw a face of size `target_size` from, and the (468, 2) points in its pixels."""
        shrink = np.log2(max(self.size / max(target_size, 1e-6), 1e-6))
        level = self.levels[int(np.clip(np.floor(shrink + 0.25), 0, len(self.levels) - 1))]
        return level, rescaled(self.points[:, :2], self.levels[0].shape, level.shape)


def mesh_size(points: Array, topology: Topology) -> float:
    """Square root of twice the area of all triangles that face the camera, in pixels."""
    return float(np.sqrt(np.maximum(signed_areas(points, topology.triangles), 0).sum()))


def make_texture(picture: Bgr, landmarks: Array, topology: Topology) -> Texture:
    """Draw the face at (468+, 3) `landmarks` of a BGR uint8 picture as it would look from the front.

    Evenly lit, and without the hair that hangs into it.
    """
    points = landmarks[:POINTS].astype(np.float32)
    flat, frontal = unroll(picture, points, topology)
    view, _ = _view(flat, frontal, topology)
    gain = shadow_gain(view, SHARP)
    if gain is not None:
        flat = relit(flat, gain)
        view, _ = _view(flat, frontal, topology)
    hair = hairline(view.lab, view.points, topology)
    view, ids = _view(flat, frontal, topology, hair)
    model = SkinModel.fit(view)
    other_side = interpolate(
        extended(ids), planes(view.points, view.points[topology.mirror, :2], topology.triangles)
    )
    cleaned = clean(flat, view, model, np.ascontiguousarray(np.moveaxis(other_side, 0, -1)))
    skin = model.likelihood(view.lab)
    if cleaned.beard is not None:
        skin = skin * (1 - cleaned.beard)
    facing = topology.facing(points)
    return Texture(
        levels=_halvings(cleaned.picture),
        points=frontal,
        detail=np.maximum(facing, facing[topology.mirror]),
        size=mesh_size(frontal, topology),
        skin=skin,
        before=cleaned.before,
        bearded=cleaned.beard is not None,
        hairline=hair,
        spectacled=wears_spectacles(view),
        covered=covered_share(view, cleaned.before),
    )


def _view(flat: Bgr, frontal: Array, topology: Topology, hair: Array | float = FOREHEAD) -> tuple[View, Ids]:
    """The texture at most 256 px large, and which triangle each of its pixels shows."""
    scale = min(1.0, _MAP_PX / max(flat.shape[:2]))
    size = max(2, round(flat.shape[1] * scale)), max(2, round(flat.shape[0] * scale))
    small = cv2.resize(flat, size, interpolation=cv2.INTER_AREA)
    points = np.column_stack([rescaled(frontal[:, :2], flat.shape, small.shape), frontal[:, 2] * scale])
    ids = paint_triangles(points, topology, (size[1], size[0]))
    regions = find_regions(ids, points, topology, float(np.ptp(points[:, :2], axis=0).max()), hair)
    return View(lab=to_lab(small.astype(np.float32)), points=points, regions=regions), ids


def _halvings(flat: Bgr) -> tuple[Bgr, ...]:
    levels = [flat]
    while min(levels[-1].shape[:2]) >= 2 * _SMALLEST_LEVEL_PX:
        height, width = levels[-1].shape[:2]
        half = cv2.resize(levels[-1], (width // 2, height // 2), interpolation=cv2.INTER_AREA)
        levels.append(half.astype(np.uint8, copy=False))
    return tuple(levels)

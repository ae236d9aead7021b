"""A source's texture drawn on the mesh of a target, before colour and blending."""

from dataclasses import dataclass

import cv2
import numpy as np

from pipeline.blend.masks import smoothstep
from pipeline.engines.mesh.patch import Patch
from pipeline.engines.mesh.raster import interpolate, paint_triangles, planes
from pipeline.engines.mesh.regions import Regions, find_regions
from pipeline.engines.mesh.source import MeshSource
from pipeline.engines.mesh.topology import Topology
from pipeline.face import Array, Bgr


@dataclass(frozen=True, kw_only=True, eq=False)
class Drawing:
    """A source face drawn on the target's mesh.

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


def draw(patch: Patch, source: MeshSource, size: float, topology: Topology) -> Drawing:
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


def _support(facing: Array, detail: Array) -> Array:
    """How far each point can be drawn, (468,) float32 0..1.

    0 where the target is turned away, or shows far more of a place (a cheek up to the ear) than the source.
    """
    stretched = np.asarray(facing / np.maximum(detail, 1e-3), np.float32)
    turned_to_us = smoothstep((facing - 0.08) / 0.2)
    overstretched = smoothstep((stretched - 2.2) / 2)
    return turned_to_us * (1 - overstretched)

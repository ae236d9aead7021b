"""The face mesh itself: its triangles, its symmetry, and the groups of points that have a name."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from pipeline.blend.masks import smoothstep
from pipeline.engines.mesh.geometry import signed_areas
from pipeline.face import Array

Index = NDArray[np.intp]

POINTS = 468  # FaceMesh points on the skin; 468..477 are the irises
SKIN, EYE, MOUTH = 0, 1, 2  # what a triangle shows

# Indices of MediaPipe FaceMesh (face_mesh_connections.py); "right" is the person's right.
LIPS_OUTER = (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185)
LIPS_INNER = (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308, 415, 310, 311, 312, 13, 82, 81, 80, 191)
EYE_RIGHT = (33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246)
EYE_LEFT = (263, 249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466)
BROW_RIGHT = (70, 63, 105, 66, 107, 55, 65, 52, 53, 46)
BROW_LEFT = (300, 293, 334, 296, 336, 285, 295, 282, 283, 276)
# Points that hardly move with the expression; with the oval they carry the head's pose.
STILL = (1, 2, 4, 5, 6, 168, 197, 195, 33, 133, 263, 362, 98, 327, 9, 8, 10, 151)
CHEEK_RIGHT, CHEEK_LEFT = 234, 454
# Each upper oval point, from temple to temple, and the brow point below it: the ways hair comes down.
_OVAL_TOP = (21, 54, 103, 67, 109, 10, 338, 297, 332, 284, 251)
_BROW_TOP = (70, 63, 105, 66, 107, 9, 336, 296, 334, 293, 300)
BROW_BELOW = dict(zip(_OVAL_TOP, _BROW_TOP, strict=True))


@dataclass(frozen=True, kw_only=True, eq=False)
class Topology:
    """What does not change from face to face.

    Attributes:
        triangles: (898, 3) point indices, clockwise on screen where the mean face shows them; the eye and
            mouth openings are closed by fans.
        kind: (898,) uint8, SKIN, EYE or MOUTH.
        mirror: (468,) index of the point on the other side of the face.
        oval: (36,) point indices of the outline, in order round the face.
        forehead: rows of `oval` whose points `BROW_BELOW` names, in its order.
        mean: (468, 3) float32 frontal mean face, unit size.
        pose: indices of the points that carry the pose: the oval and those that hardly move.
        smoothing: (468, 468) float32, rows sum to 1: a point's mean with its neighbours.
        gathering: (468, 898) float32, rows sum to 1: the mean of the triangles that meet at a point.
        frontal_share: (898,) float32 share of the frontal mean face's area that a triangle covers.
        identity_weight: (468,) float32, how far a point may move towards the source's geometry: 1 about
            nose, eyes and cheeks, 0 at the outline and about the mouth, where the target's own
            outline and expression stay.
    """

    triangles: Index
    kind: NDArray[np.uint8]
    mirror: Index
    oval: Index
    forehead: Index
    mean: Array
    pose: Index
    smoothing: Array
    gathering: Array
    frontal_share: Array
    identity_weight: Array

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read the mesh from an npz file with `tris`, `kind`, `mirror`, `oval` and `mean`."""
        with np.load(path) as stored:
            triangles, mean = stored["tris"].astype(np.intp), stored["mean"].astype(np.float32)
            kind, mirror = stored["kind"].astype(np.uint8), stored["mirror"].astype(np.intp)
            oval = stored["oval"].astype(np.intp)
        # Some nostril triangles look down and away; drawn as facing the camera they leave no holes.
        away = signed_areas(mean, triangles) < 0
        triangles[away] = triangles[away][:, [0, 2, 1]]
        areas = np.maximum(signed_areas(mean, triangles), 1e-6)
        return cls(
            triangles=triangles,
            kind=kind,
            mirror=mirror,
            oval=oval,
            forehead=np.array([oval.tolist().index(point) for point in BROW_BELOW], np.intp),
            mean=mean,
            pose=np.union1d(oval, STILL).astype(np.intp),
            smoothing=_smoothing(triangles),
            gathering=_gathering(triangles),
            frontal_share=(areas / areas.sum()).astype(np.float32),
            identity_weight=_identity_weight(mean, oval),
        )

    def smooth(self, values: Array, rounds: int) -> Array:
        """Average (468, ...) values with their neighbours, `rounds` times over."""
        for _ in range(rounds):
            values = self.smoothing @ values
        return values

    def facing(self, points: Array) -> Array:
        """How much each point faces the camera, (468,) float32: 0 turned away, about 1 as when frontal.

        `points` is (468, 2 or more) in pixels. It is the area of the triangles round a point, as a share
        of the face, over that of the frontal mean face.
        """
        areas = np.maximum(signed_areas(points, self.triangles), 0)
        share = areas / max(float(areas.sum()), 1e-6)
        return (self.gathering @ (share / self.frontal_share)).astype(np.float32)


def _smoothing(triangles: Index) -> Array:
    near = np.eye(POINTS, dtype=np.float32)
    for one, other in ((0, 1), (1, 2), (2, 0)):
        near[triangles[:, one], triangles[:, other]] = 1
        near[triangles[:, other], triangles[:, one]] = 1
    return np.asarray(near / near.sum(axis=1, keepdims=True), np.float32)


def _gathering(triangles: Index) -> Array:
    meets = np.zeros((POINTS, len(triangles)), np.float32)
    for corner in range(3):
        meets[triangles[:, corner], np.arange(len(triangles))] = 1
    return np.asarray(meets / np.maximum(meets.sum(axis=1, keepdims=True), 1), np.float32)


def _identity_weight(mean: Array, oval: Index) -> Array:
    flat = mean[:, :2]
    width = float(np.linalg.norm(flat[CHEEK_LEFT] - flat[CHEEK_RIGHT]))

    def nearest(group: Index) -> Array:
        gaps = np.linalg.norm(flat[:, None] - flat[group][None], axis=-1)
        return np.asarray(gaps.min(axis=1) / width, np.float32)

    weight = smoothstep(nearest(np.array(LIPS_OUTER + LIPS_INNER)) / 0.15) * smoothstep(nearest(oval) / 0.18)
    return weight.astype(np.float32)

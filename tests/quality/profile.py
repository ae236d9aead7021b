"""Heads turned aside. Nobody turned them: a portrait drawn on its own landmarks in space, seen from the side.

What a portrait does not show, such as the far side of a nose or the ear, is stretched from what it shows. It
tells whether a face that is foreshortened is found, measured and drawn, not how a true profile looks.
"""

from functools import cache
from typing import Final

import cv2
import numpy as np

from models.embedded import TOPOLOGY, embedded_path
from pipeline.engines.mesh.raster import Ids, interpolate, planes
from pipeline.engines.mesh.topology import Index, Topology
from pipeline.face import Array
from pipeline.faces.find import embedded_face_finder
from pipeline.faces.landmarks import MESH_POINTS
from pipeline.faces.select import largest
from tests.quality.scene import PORTRAITS, Person, Scene

_SIDE: Final = 2.4  # of the face's longer side, the new picture's
_BACKDROP: Final = (150, 140, 130)
# Rings round the face: how far out, as a share of its outline, and how much further away than the outline,
# as a share of the face's longer side. A head is about as deep as it is high; behind it is the backdrop.
_RINGS: Final = ((1.12, 0.10), (1.3, 0.25), (1.55, 0.45))


def turned_aside(points: Array, yaw_deg: float) -> Array:
    """Turn (n, 3) points about the vertical axis through a head of the first 468; positive to the right."""
    if not yaw_deg:
        return points
    middle = _axis(points)
    angle = np.radians(yaw_deg)
    x, y, z = (points - middle).T
    turned = np.column_stack(
        [x * np.cos(angle) - z * np.sin(angle), y, x * np.sin(angle) + z * np.cos(angle)]
    )
    return np.asarray(turned + middle, np.float32)


def aside(who: str, yaw_deg: float) -> Scene:
    """A person's head turned aside in front of a plain backdrop."""
    portrait, (face, triangles) = PORTRAITS[who][0](), _head(who)
    seen = turned_aside(face, yaw_deg)
    size = float(np.ptp(face[:MESH_POINTS, :2], axis=0).max())
    side = round(_SIDE * size)
    corner = np.round(seen[:MESH_POINTS, :2].mean(axis=0) - side / 2)
    seen = seen - np.array([*corner, 0], np.float32)
    ids = _painted(seen, triangles, side)
    x, y = interpolate(ids, planes(seen, face[:, :2], triangles))
    drawn = cv2.remap(portrait, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    soft = cv2.GaussianBlur((ids > 0).astype(np.float32), (0, 0), 0.02 * size)
    shown = (np.clip(2 * soft - 1, 0, 1) * (ids > 0))[..., None]
    picture = np.rint(np.array(_BACKDROP) * (1 - shown) + drawn * shown)
    person = Person(who=who, matrix=np.array([[1, 0, -corner[0]], [0, 1, -corner[1]]]), yaw_deg=yaw_deg)
    return Scene(picture=np.asarray(np.clip(picture, 0, 255), np.uint8), people=(person,))


@cache
def _head(who: str) -> tuple[Array, Index]:
    """The points of a portrait's head in space, the first 468 those of the face, and triangles over them."""
    face = largest(embedded_face_finder(threads=1).find(PORTRAITS[who][0]()))
    assert face.landmarks is not None
    topology = Topology.load(embedded_path(TOPOLOGY))
    points = face.landmarks[:MESH_POINTS]
    size = float(np.ptp(points[:, :2], axis=0).max())
    outline, middle = points[topology.oval], points[topology.oval].mean(axis=0)
    rings = [
        np.column_stack([(middle + far * (outline - middle))[:, :2], outline[:, 2] + back * size])
        for far, back in _RINGS
    ]
    names = topology.oval
    strips = [topology.triangles]
    for number in range(len(rings)):
        further = MESH_POINTS + number * len(outline) + np.arange(len(outline))
        strips += _strip(names, further)
        names = further
    return np.asarray(np.vstack([points, *rings]), np.float32), np.vstack(strips)


def _strip(ring: Index, further: Index) -> list[Index]:
    """Triangles between two closed rings of points."""
    ring_on, further_on = np.roll(ring, -1), np.roll(further, -1)
    return [np.column_stack([ring, ring_on, further]), np.column_stack([ring_on, further_on, further])]


def _axis(points: Array) -> Array:
    """The middle of the outline, a little behind the cheeks."""
    face = points[:MESH_POINTS]
    return np.array([face[:, 0].mean(), 0, face[:, 2].max()], np.float32)


def _painted(points: Array, triangles: Index, side: int) -> Ids:
    """Which triangle each pixel shows, from far to near: (side, side), 1-based, 0 where none."""
    canvas = np.zeros((side, side), np.int32)
    corners = np.rint(points[:, :2] * 16).astype(np.int32)[triangles]
    for index in np.argsort(-points[triangles, 2].mean(axis=1), kind="stable").tolist():
        cv2.fillConvexPoly(canvas, corners[index], index + 1, lineType=cv2.LINE_8, shift=4)
    return canvas.astype(np.intp)

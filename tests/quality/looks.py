"""What the portraits lack, painted on them: a beard, hair in the face, spectacles, hard light, other skin.

All of it is made from mesh points and textured noise, so that every pixel of it is known, and nobody's.
"""

from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.blend.masks import ellipse, fill_polygons, smoothstep
from pipeline.engines.mesh.spaces import to_bgr, to_lab
from pipeline.engines.mesh.topology import EYE_LEFT, EYE_RIGHT, LIPS_INNER, LIPS_OUTER
from pipeline.face import Array, Bgr
from pipeline.faces.find import embedded_face_finder
from pipeline.faces.landmarks import MESH_POINTS
from pipeline.faces.select import largest
from tests.quality.scene import PORTRAITS

Colour = tuple[float, float, float]  # L*a*b*

# Points of the mesh from ear to ear, along the jaw and back across cheeks and upper lip.
_JAW: Final = (132, 58, 172, 136, 150, 149, 176, 148, 152, 377, 400, 378, 379, 365, 397, 288, 361)
_BEARD_TOP: Final = (435, 427, 426, 327, 326, 2, 97, 98, 206, 207, 215)
_SIDES: Final = ((54, 21, 162, 127, 234, 93, 132, 58, 172), (284, 251, 389, 356, 454, 323, 361, 288, 397))
_TEMPLES: Final = (127, 356)
_MIDDLE: Final = 5
_BEARD, _HAIR = (26.0, 6.0, 9.0), (24.0, 8.0, 14.0)
_LIPSTICK: Final = (-12.0, 32.0, 12.0)
_FRAME: Final = (20, 16, 14)


@cache
def _points(who: str) -> Array:
    """The 468 points of a portrait."""
    face = largest(embedded_face_finder(threads=1).find(PORTRAITS[who][0]()))
    assert face.landmarks is not None
    return face.landmarks[:MESH_POINTS, :2]


def bearded(picture: Bgr, points: Array) -> Bgr:
    """A full dark beard with its moustache."""
    size = _size(points)
    middle = points[_MIDDLE]
    jaw = middle + 1.0 * (points[list(_JAW)] - middle)
    outline = np.vstack([jaw, points[list(_BEARD_TOP)]])
    shape = (picture.shape[0], picture.shape[1])
    lips = _soft(fill_polygons([points[list(LIPS_OUTER)]], shape), 0.012 * size)
    return _haired(picture, outline, _BEARD, size, 1 - np.clip(1.6 * lips, 0, 1))


def long_haired(picture: Bgr, points: Array) -> Bgr:
    """Brown hair that hangs over temples and cheeks."""
    size, middle = _size(points), points[_MIDDLE]
    for side in _SIDES:
        rim = points[list(side)]
        inner, outer = rim.copy(), rim.copy()
        inner[:, 0] += 0.24 * (middle[0] - rim[:, 0])
        outer[:, 0] -= 0.35 * (middle[0] - rim[:, 0])
        outer[-1, 1] += 0.25 * size
        inner[-1, 1] += 0.25 * size
        picture = _haired(picture, np.vstack([inner, outer[::-1]]), _HAIR, size)
    return picture


def made_up(picture: Bgr, points: Array) -> Bgr:
    """Lips of a deep red."""
    shape = (picture.shape[0], picture.shape[1])
    outer, inner = (fill_polygons([points[list(ring)]], shape) for ring in (LIPS_OUTER, LIPS_INNER))
    share = _soft(outer * (1 - inner), 0.006 * _size(points))[..., None]
    lab = to_lab(picture.astype(np.float32))
    mixed = lab + share * np.array(_LIPSTICK, np.float32)
    return _levels(to_bgr(np.asarray(mixed, np.float32)))


def spectacled(picture: Bgr, points: Array) -> Bgr:
    """Spectacles with a dark frame."""
    size, factor = _size(points), 4
    middles, widths = [], []
    for eye in (EYE_RIGHT, EYE_LEFT):
        ring = points[list(eye)]
        middles.append(ring.mean(axis=0) + np.array([0, 0.03 * size]))
        widths.append(float(np.linalg.norm(ring[0] - ring[8])))
    along = middles[1] - middles[0]
    angle = float(np.arctan2(along[1], along[0]))
    rims = [
        ellipse(middle, np.array([0.85, 0.68]) * width, angle)
        for middle, width in zip(middles, widths, strict=True)
    ]
    canvas = np.zeros((picture.shape[0] * factor, picture.shape[1] * factor), np.uint8)
    thick = max(2, round(0.022 * size * factor))
    lines = [np.vstack([rim, rim[:1]]) for rim in rims]
    lines += [_line(rims[0], rims[1])]
    lines += [
        np.vstack([_nearest(rim, points[temple]), points[temple]])
        for rim, temple in zip(rims, _TEMPLES, strict=True)
    ]
    for line in lines:
        cv2.polylines(
            canvas, [np.rint(line * factor).astype(np.int32)], isClosed=False, color=255, thickness=thick
        )
    share = cv2.resize(canvas, picture.shape[1::-1], interpolation=cv2.INTER_AREA)[..., None] / 255
    return _levels(picture * (1 - share) + np.array(_FRAME) * share)


def lit(picture: Bgr, points: Array, *, degrees: float, least: float) -> Bgr:
    """Hard light from one side: `least` of the light remains on the other.

    `degrees` is where it comes from: 0 from the picture's right, 90 from above.
    """
    size, middle = _size(points), points[_MIDDLE]
    y, x = np.indices(picture.shape[:2])
    angle = np.radians(degrees)
    towards = ((x - middle[0]) * np.cos(angle) - (y - middle[1]) * np.sin(angle)) / size
    gain = least + (1 - least) * smoothstep(towards / 0.12 + 0.5)
    return _levels(255 * ((picture / 255.0) ** 2.2 * gain[..., None]) ** (1 / 2.2))


def toned(
    picture: Bgr, points: Array, *, gain: tuple[float, float, float], added: tuple[float, float, float]
) -> Bgr:
    """Skin of another tone: L, a and b times `gain` and with `added`, where the head shows skin."""
    size = _size(points)
    lab = to_lab(picture.astype(np.float32))
    shape = (picture.shape[0], picture.shape[1])
    within = fill_polygons([np.asarray(cv2.convexHull(points.astype(np.float32))[:, 0], np.float32)], shape)
    skin = np.median(lab[within > 0], axis=0)
    off = np.linalg.norm((cv2.GaussianBlur(lab, (0, 0), 0.01 * size) - skin) / (30, 8, 10), axis=2)
    middle = (points.min(axis=0) + points.max(axis=0)) / 2
    head = fill_polygons([ellipse(middle + np.array([0, 0.15 * size]), np.array([0.62, 0.8]) * size)], shape)
    like_skin = np.maximum(
        1 - smoothstep(off - 1), _soft(within, 0.04 * size) * (1 - smoothstep((off - 3) / 2))
    )
    share = _soft(like_skin * _soft(head, 0.06 * size), 0.01 * size)[..., None]
    other = lab * np.array(gain, np.float32) + np.array(added, np.float32)
    mixed = lab * (1 - share) + other * share
    return _levels(to_bgr(np.asarray(mixed, np.float32)))


LOOKS: Final[Mapping[str, Callable[[Bgr, Array], Bgr]]] = {
    "bearded": bearded,
    "long-haired": long_haired,
    "spectacled": spectacled,
    "made up": made_up,
    "lit from the left": partial(lit, degrees=180, least=0.2),
    "lit from the right": partial(lit, degrees=0, least=0.2),
    "lit from above": partial(lit, degrees=75, least=0.3),
    "of dark skin": partial(toned, gain=(0.5, 0.8, 0.75), added=(0, 4, 4)),
    "of light skin": partial(toned, gain=(0.6, 0.6, 0.6), added=(39, 1, 2)),
}


def painted(who: str, look: str) -> Bgr:
    """A person's portrait with one of `LOOKS`, BGR uint8."""
    return LOOKS[look](PORTRAITS[who][0](), _points(who))


def _size(points: Array) -> float:
    return float(np.ptp(points, axis=0).max())


def _haired(
    picture: Bgr, outline: Array, colour: tuple[float, float, float], size: float, free: Array | float = 1
) -> Bgr:
    """Strands of hair within an outline, ragged at its edge."""
    random = np.random.default_rng(7)
    shape = (picture.shape[0], picture.shape[1])
    noise = random.normal(0, 1, shape).astype(np.float32)
    strands = cv2.GaussianBlur(noise, (0, 0), sigmaX=max(0.5, 0.006 * size), sigmaY=max(1, 0.05 * size))
    strands = np.asarray(strands / strands.std(), np.float32)
    soft = _soft(fill_polygons([outline], shape), 0.025 * size)
    share = smoothstep((soft + 0.12 * strands - 0.3) / 0.4) * free
    lab = to_lab(picture.astype(np.float32))
    hair = np.array(colour, np.float32) * (1 + 0.3 * np.clip(strands, -2, 3))[..., None]
    mixed = lab * (1 - share[..., None]) + hair * share[..., None]
    return _levels(to_bgr(np.asarray(mixed, np.float32)))


def _soft(mask: NDArray[np.number], sigma_px: float) -> Array:
    return np.asarray(cv2.GaussianBlur(mask.astype(np.float32), (0, 0), max(0.5, sigma_px)), np.float32)


def _nearest(line: Array, point: Array) -> Array:
    nearest: Array = line[int(np.argmin(np.linalg.norm(line - point, axis=1)))]
    return nearest


def _line(one: Array, other: Array) -> Array:
    """The shortest way from one ring to another."""
    gaps = np.linalg.norm(one[:, None] - other[None], axis=2)
    first, second = np.unravel_index(int(gaps.argmin()), gaps.shape)
    return np.vstack([one[first], other[second]])


def _levels(values: NDArray[np.floating]) -> Bgr:
    return np.asarray(np.clip(np.rint(values), 0, 255), np.uint8)

"""Hard light from one side: taken out of a source's face, and put on the new one as it was on the target's.

What is wide and soft of a light is exchanged for the target's when a face is drawn (`colour.match_shading`).
The edge of a shadow across a cheek, a nose or a chin is neither: a source's would stand on every target.
"""

from itertools import chain
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.blend.masks import smoothstep
from pipeline.engines.mesh.geometry import ramp
from pipeline.engines.mesh.regions import View, blurred, masked_blur
from pipeline.engines.mesh.skin import Seeds, SkinModel
from pipeline.engines.mesh.spaces import from_light, to_bgr, to_light
from pipeline.face import Array, Bgr

# Points of the mesh on the upper and the lower half of the person's right cheek, and of the left one.
_QUARTERS: Final = (
    ((100, 101, 118, 117, 119, 50), (205, 36, 203, 142, 123, 187)),
    ((329, 330, 347, 346, 348, 280), (425, 266, 423, 371, 352, 411)),
)
_RIDGE: Final = (197, 195, 5, 4)
# How many times the light on the darker half of the cheeks the other half has: where it begins to count as
# one-sided, the same for the lighter part of each, and until it is sure. Evenly lit faces reach 1.38, with
# hair about them 1.6, behind a dark frame 2.6, of which the lighter parts 1.2.
_ONE_SIDED, _LIGHTER, _SURELY = 1.85, 1.3, 0.35
# Share of the chroma that skin has in such shade which must be seen; and what of it a grey face may lack.
_STILL_SKIN, _GREY = 0.6, 1.0
_LIT = 0.7  # share of the brightest light from which a place counts as lit
_SHADE, _DEEPER = 1.25, 0.75  # times the light at which shade begins, and the range in which it is sure
_DARKEST = 8.0  # times the light at most; what lacks more is no skin in shade, or shows nothing but noise
# Sigma of the blur that keeps a shadow's edge, of the face: of a source, and of a target, whose nose and eye
# sockets must not be taken for shade and drawn on the new face.
SHARP, SOFT = 0.02, 0.055
# Sigma of the blur that says whether skin is near, of the face; how much of it is enough.
_ABOUT, _SOME = 0.04, 0.25
_LEAST = 1e-3  # light that a camera's black still has


def shadow_gain(view: View, edge: float) -> Array | None:
    """How much light each place of a face lacks, channel by channel; None where it is lit evenly.

    (h, w, 3) float32, BGR in linear light, 1 where nothing is amiss. What is no skin lacks what the skin
    about it does. `edge`, SHARP or SOFT, is how fine a shadow is followed.
    """
    seeds = Seeds.take(view, (*chain.from_iterable(chain(*_QUARTERS)), *_RIDGE))
    quarters = [[seeds.of(names) for names in side] for side in _QUARTERS]
    if any(not len(colours) for side in quarters for colours in side):
        return None
    usual, lighter = (
        np.array([[_median_of_lighter(colours, share) for colours in side] for side in quarters])
        for share in (1.0, 0.5)
    )
    sure = max(_one_sided(usual.mean(axis=axis), lighter.mean(axis=axis)) for axis in (0, 1))
    if sure <= 0:
        return None
    bright = _light(seeds.colours[:, 0])
    lit = np.median(seeds.colours[bright >= _LIT * np.percentile(bright, 90)], axis=0)
    return _missing(view, lit, edge) ** np.float32(sure)


def _median_of_lighter(colours: Array, share: float) -> Array:
    """The median (3,) of the lightest `share` of (n, 3) colours, at least one."""
    order = np.argsort(-colours[:, 0])
    return np.asarray(np.median(colours[order[: max(1, round(share * len(order)))]], axis=0), np.float32)


def _one_sided(halves: Array, lighter: Array) -> float:
    """How surely one of two halves of a face is in the shade, 0..1, by (2, 3) L*a*b* colours.

    `lighter` are those of the lighter part of either: a frame or a strand of hair leaves that as light. Shade
    keeps the hue and takes chroma with the light; dark glasses and masks have none.
    """
    order = np.argsort(halves[:, 0])
    (dark, bright), (still_dark, brighter) = halves[order], lighter[order]
    chroma = np.hypot(*bright[1:]) * (dark[0] + 16) / (bright[0] + 16)
    along = float(dark[1:] @ bright[1:]) / max(float(np.hypot(*bright[1:])), 1e-6)
    if along < _STILL_SKIN * chroma - _GREY:
        return 0.0
    return min(
        ramp(float(_light(bright[0]) / _light(dark[0])), _ONE_SIDED, _SURELY),
        ramp(float(_light(brighter[0]) / _light(still_dark[0])), _LIGHTER, _SURELY),
    )


def _light(lightness: NDArray[np.floating]) -> NDArray[np.floating]:
    """L* to light 0..1 (CIE 15, without the straight part near black)."""
    return ((lightness + 16) / 116) ** 3


def _missing(view: View, lit: Array, edge: float) -> Array:
    regions = view.regions
    skin = SkinModel.even(lit, regions.inside.shape, regions.face_px).hue_likelihood(view.lab)
    skin = np.asarray(skin * (1 - regions.features) * (regions.inside > 0), np.float32)
    calm = masked_blur(to_light(to_bgr(view.lab)), skin + np.float32(_LEAST), edge * regions.face_px)
    near = blurred(skin, _ABOUT * regions.face_px)
    full = to_light(to_bgr(np.asarray(lit, np.float32).reshape(1, 1, 3)))
    gain = full / np.maximum(calm, _LEAST)
    lack = gain[..., 1]  # green is most of what is seen
    share = smoothstep((lack - _SHADE) / _DEEPER) * smoothstep(near / _SOME)
    return np.asarray(1 + (np.clip(gain, 1, _DARKEST) - 1) * share[..., None], np.float32)


def relit(picture: Bgr, gain: Array) -> Bgr:
    """Give a BGR uint8 picture the light that it lacks; `gain` (h, w, 3) may be coarser."""
    size = picture.shape[1], picture.shape[0]
    full = cv2.resize(gain, size, interpolation=cv2.INTER_LINEAR)
    light = to_light(np.arange(256, dtype=np.float32))[picture] * full
    return np.asarray(np.rint(from_light(light)), np.uint8)

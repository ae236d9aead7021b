"""Give a drawn face the target's tone and light: L*a*b* statistics, shading, chroma, sharpness.

All arrays are maps of one face at up to 256 px: `lab` is (h, w, 3) float32 with L 0..100.
"""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.blend.masks import by_share, smoothstep
from pipeline.engines.mesh.regions import Regions, masked_blur
from pipeline.engines.mesh.spaces import from_light, to_light
from pipeline.face import Array, Bgr

Chosen = NDArray[np.intp]  # flat indices of pixels

_ENOUGH = 30  # pixels; statistics of fewer say nothing
_PLENTY = 4000  # pixels; statistics of more say nothing new
_LIKELY = 0.5
# These and what `match_shading` and `tie_chroma` add were set by eye, on swaps of the two sample portraits in
# both directions and in the light of tests/quality; no other source is known. They are a matter of taste
# within what those figures allow.
_SHADING = 0.9  # share of the target's light that the drawn face takes on
_LIGHT_REACH = 0.095  # sigma of the blur that tells light from features, of the face; a nose is 0.2 wide
_OFF_SKIN, _FEATURES = 0.003, 0.001  # weight in that blur of what is hardly skin, and of eyes, brows and lips
_FEATURES_LIT = 0.5  # share of the light that features take
_CHROMA_TIE = 0.4  # share of the difference in slope that is made up for
_STEEPEST = 0.6  # chroma per unit of lightness; more is noise in flat light
_DARKER, _LIGHTER = -22, 30  # units of lightness from skin's mean, beyond which colour no longer follows
_FLAT = 4  # variance of lightness, added: in flat light a slope says nothing
# Sigmas in which the border of a region fades, of the face; a pixel of the maps at least, or it would show.
_SOFT, _SOFT_LIGHT = 0.02, 0.015
_LAMP = 1.0, 0.5  # logarithm to 2 of the channels' ratio: where a lamp begins to show, and until it is sure
_OTHER_HUE = 2.0  # levels of a and b beyond the target's own
_SOFTER, _SHARPER = 0.85, 1.15  # ratios of detail nobody sees between
_SOFTER_FEATURES = 1.5  # ratio of edge widths; 1.3 at most between two sharp portraits at their own size


@dataclass(frozen=True, kw_only=True, eq=False)
class Lamp:
    """A coloured light on the target's face that does not shine on the source's.

    No mean and deviation of colours turns the one into the other: where there is no red light lips are dark.
    """

    #: (3,) float32: how much of each channel's light there is, by that on the source.
    gain: Array
    #: How surely it is a lamp and no complexion, 0..1.
    share: float

    def tint(self, picture: Bgr) -> Bgr:
        """Let it shine on a BGR uint8 (h, w, 3) picture."""
        levels = to_light(np.arange(256, dtype=np.float32))
        table = from_light(levels[None, :, None] * self.gain**self.share)
        return np.asarray(cv2.LUT(picture, np.rint(table).astype(np.uint8)), np.uint8)

    def keep_hues(self, lab: Array, target: Array, regions: Regions) -> Array:
        """Bring hues that the target's face has nowhere nearer to its own."""
        theirs = _pick(target, choose((regions.core > 0) & (regions.features == 0)))[1:]
        along = theirs.mean(axis=1) / max(float(np.linalg.norm(theirs.mean(axis=1))), 1e-6)
        across = np.array([-along[1], along[0]], np.float32)
        low, high = np.percentile(across @ theirs, (2, 98))
        beside = lab[..., 1:] @ across
        excess = beside - np.clip(beside, low - _OTHER_HUE, high + _OTHER_HUE)
        kept = lab.copy()
        excess *= self.share
        for channel, number in zip((1, 2), across, strict=True):
            kept[..., channel] -= excess * number
        return kept


def find_lamp(drawn: Array, target: Array, regions: Regions, skin: Array) -> Lamp | None:
    """Compare the skin of two (h, w, 3) BGR float32 0..255 faces; None where their light is alike."""
    sample = choose((regions.core > 0) & (skin > _LIKELY) & (regions.features == 0))
    if len(sample) < _ENOUGH:
        return None
    ours, theirs = (to_light(_pick(bgr, sample)).mean(axis=1) + 1e-3 for bgr in (drawn, target))
    gain = theirs / ours
    # What is only bright is pale, and what is pale has no hue to go wrong.
    added, there = (float(np.log2(light.max() / light.min())) for light in (gain, theirs))
    strength = min(added, 2 * there)
    share = float(smoothstep(np.array([strength - _LAMP[0]]) / _LAMP[1])[0])
    return None if share <= 0 else Lamp(gain=np.asarray(gain, np.float32), share=share)


def match_colour(drawn: Array, target: Array, regions: Regions, skin: Array) -> Array:
    """The drawn face's `lab` in the tone, contrast and light of the target's.

    `skin` (h, w) 0..1 says where both faces show skin: hair, frames and background teach nothing.
    """
    core = choose(regions.core > 0)
    sample = choose((regions.core > 0) & (skin > _LIKELY) & (regions.features == 0))
    if len(sample) < _ENOUGH:
        sample = core
    ours, theirs = _pick(drawn, sample), _pick(target, sample)
    calm = [_without_colour_noise(lab, sample, regions) for lab in (drawn, target)]
    stretched = stretch(drawn, *calm)
    matched = _each(np.add, stretched, theirs.mean(axis=1) - _pick(stretched, sample).mean(axis=1))
    matched = match_shading(matched, target, regions, skin)
    matched = tie_chroma(matched, target, sample, regions)
    matched = limit_highlights(matched, float(np.percentile(_pick(target, core)[0], 99.7)))
    matched = keep_hue(matched, stretched, theirs.mean(axis=1)[1:])
    return keep_blacks(matched, stretched, drawn[..., 0], float(ours[0].mean()))


def _without_colour_noise(lab: Array, chosen: Chosen, regions: Regions) -> Array:
    """The chosen pixels, (3, n), their chroma without its finest structure.

    What varies there is the camera's noise, not a face's colour.
    """
    picked = _pick(lab, chosen)
    for channel in (1, 2):
        plane = np.ascontiguousarray(lab[..., channel])
        blurred = cv2.GaussianBlur(plane, (0, 0), max(0.8, 0.02 * regions.face_px))
        picked[channel] = blurred.ravel()[chosen]
    return picked


def _each(operation: Callable[..., Array], values: Array, numbers: Array, out: Array | None = None) -> Array:
    """Combine every channel of (h, w, 3) with its number of (3,); NumPy takes five times as long at once."""
    result = np.empty_like(values) if out is None else out
    for channel, number in enumerate(numbers):
        operation(values[..., channel], number, out=result[..., channel])
    return result


def choose(mask: NDArray[np.bool_]) -> Chosen:
    """Indices of the pixels where `mask` (h, w) is true, evenly thinned out where they are very many."""
    all_of_them = np.flatnonzero(mask)
    return all_of_them[:: max(1, len(all_of_them) // _PLENTY)]


def _pick(lab: Array, chosen: Chosen) -> Array:
    """The chosen pixels channel by channel, (3, n)."""
    return np.ascontiguousarray(lab.reshape(-1, 3).take(chosen, axis=0).T)


def stretch(drawn: Array, ours: Array, theirs: Array) -> Array:
    """Give each channel the target's deviation, chroma about grey and lightness about its mean.

    `ours` and `theirs` are (3, n) samples of both faces. The stretch of lightness is bounded to 0.7..1.2,
    or less in the dark, where nothing has much contrast; a target without colour takes all colour away.
    """
    least = min(0.7, float(theirs[0].mean()) / max(float(ours[0].mean()), 1.0))
    gain = theirs.std(axis=1) / (ours.std(axis=1) + 0.5)
    gain = np.clip(gain, [least, 0.0, 0.0], [1.2, 1.3, 1.3]).astype(np.float32)
    stretched = _each(np.multiply, drawn, gain)
    stretched[..., 0] += np.float32(ours[0].mean()) * (1 - gain[0])
    return stretched


def match_shading(drawn: Array, target: Array, regions: Regions, skin: Array) -> Array:
    """Add the target's light: what is left of both after a wide blur over skin, 9.5 % of the face.

    Features take half of it: sockets behind spectacles are dark, the eyes drawn in them need not be.
    """
    weight = regions.core * ((1 - regions.features) * (_OFF_SKIN + (1 - _OFF_SKIN) * skin) + _FEATURES)
    light = masked_blur(target - drawn, np.asarray(weight, np.float32), _LIGHT_REACH * regions.face_px)
    features = cv2.dilate(regions.features, np.ones((3, 3), np.uint8))
    blurred = cv2.GaussianBlur(features, (0, 0), max(0.8, _SOFT * regions.face_px))
    share = 1 - (1 - _FEATURES_LIT) * blurred
    light *= _SHADING
    return drawn + by_share(light, np.asarray(share, np.float32))


def tie_chroma(drawn: Array, target: Array, sample: Chosen, regions: Regions) -> Array:
    """Let colour follow lightness as in the target: saturated shadows, pale highlights."""
    ours, theirs = _pick(drawn, sample), _pick(target, sample)
    slope = _CHROMA_TIE * np.clip(_chroma_slope(theirs) - _chroma_slope(ours), -_STEEPEST, _STEEPEST)
    blurred = cv2.GaussianBlur(drawn[..., 0], (0, 0), max(0.8, _SOFT_LIGHT * regions.face_px))
    lightness = blurred - ours[0].mean()
    openings = cv2.dilate(regions.openings, np.ones((3, 3), np.uint8))
    soft = cv2.GaussianBlur(openings, (0, 0), max(1.0, _SOFT * regions.face_px))
    lightness = np.clip(lightness, _DARKER, _LIGHTER) * (1 - openings) * np.clip(1 - 2 * soft, 0, 1)
    tied = drawn.copy()
    tied[..., 1] += float(slope[0]) * lightness
    tied[..., 2] += float(slope[1]) * lightness
    return tied


def _chroma_slope(samples: Array) -> Array:
    """How a and b change per unit of L over (3, n) samples; (2,)."""
    offset = samples - samples.mean(axis=1, keepdims=True)
    spread = float(offset[0] @ offset[0]) + _FLAT * offset.shape[1]
    return np.asarray(offset[1:] @ offset[0] / spread, np.float32)


def limit_highlights(lab: Array, brightest: float) -> Array:
    """Bend lightness softly so that nothing is much brighter than the target's skin ever is."""
    knee = brightest - 8
    over = np.maximum(lab[..., 0] - knee, 0)
    limited = lab.copy()
    limited[..., 0] += 8 * np.tanh(over / 12) - over
    return limited


def keep_hue(matched: Array, stretched: Array, skin_chroma: Array) -> Array:
    """Let no pixel go beyond grey into the opposite of the target's skin: pale, but never cyan.

    `skin_chroma` is (2,): mean a and b. What was drawn in such a colour keeps it.
    """
    hue = skin_chroma / max(float(np.linalg.norm(skin_chroma)), 1e-6)
    beyond = np.minimum(stretched[..., 1:] @ hue, 0) - matched[..., 1:] @ hue
    kept = matched.copy()
    missing = np.maximum(beyond, 0)
    for channel, number in zip((1, 2), hue, strict=True):
        kept[..., channel] += missing * number
    return kept


def keep_blacks(matched: Array, stretched: Array, lightness: Array, skin_lightness: float) -> Array:
    """Leave what was drawn much darker than skin dark and untinted: pupils, lashes, nostrils, frames.

    A shift that is right for skin would turn black into coloured fog.
    """
    lit = smoothstep(lightness / max(0.7 * skin_lightness, 1.0))
    plain = stretched.copy()
    plain[..., 0] = np.minimum(lightness, matched[..., 0])
    return plain + by_share(matched - plain, lit)


def find_blur(drawn: Array, target: Array, regions: Regions) -> float:
    """How much softer the target's brows, eyes and lips are drawn: the sigma to add, in pixels of the maps.

    0 up to half as soft again, which differs between sharp faces too; from there it rises steadily.
    """
    features = (regions.features > 0) & (regions.inside > 0)
    if np.count_nonzero(features) < _ENOUGH:
        return 0.0
    ours, theirs = _edge_sigma(drawn, features), _edge_sigma(target, features)
    return float(np.sqrt(max(0.0, theirs**2 - (_SOFTER_FEATURES * ours) ** 2)))


def _edge_sigma(lab: Array, where: NDArray[np.bool_]) -> float:
    """Sigma of the Gaussian that would blur a step as wide as the steepest edges here.

    Such a step of height h climbs by h / (sigma * sqrt(2 pi)) in its middle.
    """
    lightness = np.ascontiguousarray(lab[..., 0])
    across, down = (cv2.Sobel(lightness, cv2.CV_32F, *axis, scale=1 / 8) for axis in ((1, 0), (0, 1)))
    low, high = np.percentile(lightness[where], (2, 98))
    steepest = np.percentile(np.hypot(across[where], down[where]), 98)
    return float((high - low) / (np.sqrt(2 * np.pi) * max(steepest, 1e-3)))


def match_sharpness(drawn: Array, target: Array, skin: NDArray[np.bool_]) -> Array:
    """Soften or sharpen lightness until skin has about as much fine detail as the target's."""
    chosen = choose(skin)
    if len(chosen) < _ENOUGH:
        return drawn
    ours, theirs = _detail(drawn), _detail(target)
    ratio = (float(theirs.ravel()[chosen].std()) + 1e-3) / (float(ours.ravel()[chosen].std()) + 1e-3)
    if _SOFTER < ratio < _SHARPER:
        return drawn
    gain = (ratio - 1) * 0.8 if ratio < 1 else min(ratio - 1, 0.9) * 0.7
    matched = drawn.copy()
    matched[..., 0] += gain * ours
    return matched


def _detail(lab: Array) -> Array:
    """The finest structure of lightness, (h, w)."""
    lightness = np.ascontiguousarray(lab[..., 0])
    return np.asarray(lightness - cv2.GaussianBlur(lightness, (0, 0), 1.2), np.float32)

"""What of a face is its own bare skin: a smooth model of its colour, fitted where skin is known to be.

Beards, hair, spectacle frames and hands stray from what cheeks, nose and lower forehead lead to expect. Those
places alone are asked: what covers a face would otherwise widen what counts as skin until it counts itself.
"""

from dataclasses import dataclass
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from pipeline.engines.mesh.regions import View, blurred
from pipeline.engines.mesh.topology import Index
from pipeline.face import Array

# Points with skin about them on every face: the person's right cheek, the left one, nose and forehead.
RIGHT_CHEEK: Final = (50, 101, 118, 117, 205, 36, 203, 142, 123, 187, 100, 119, 126)
LEFT_CHEEK: Final = (280, 330, 347, 346, 425, 266, 423, 371, 352, 411, 329, 348, 355)
MIDDLE: Final = (6, 197, 195, 5, 4, 51, 281, 45, 275, 9, 151, 108, 337, 8, 107, 336, 104, 333, 69, 299)
_CENTER: Final = (50, 280, 6, 4)

# Places and figures were found on portraits of ten people, four of them bearded, one of dark skin, one of 80
# years; those of light and hue were widened for saturated pictures, whose shade is richer than their light.
_DISC = 0.018  # radius of a seed, of the face
_RIDGE = np.diag([0, 0.3, 0.3, 3, 3, 3])  # slopes cost a little, curvature more
_ROUNDS = 8
_NOISE = np.array([1.5, 0.8, 0.8])  # L, a, b of a photograph of even skin
_TUKEY = 3 * np.array([1.5, 1.2, 1.2])  # deviations of L, a, b from which a seed counts for nothing
_NOTHING = 1e-4
_INLIER = 0.3  # weight
_BEYOND = 0.25  # how far outside of the seeds the model is believed, in half faces
_NARROWEST, _WIDEST = np.array([3.5, 1.8, 1.8]), np.array([8.0, 3.5, 3.5])
_DARKER, _BRIGHTER, _OTHER_HUE = 2.6, 4.0, 2.6  # scales within which skin stays; highlights are forgiven more
_FADE, _FADE_BRIGHT = 1.6, 2.0
_CALM_LIGHT, _CALM_HUE = 0.006, 0.01  # sigma of the blur before looking, of the face
# Share of its chroma that skin keeps in deep shadow, takes on in light, and in a saturated picture's shade.
_PALER, _RICHER, _SHADED = 0.4, 1.3, 1.25


@dataclass(frozen=True, kw_only=True, eq=False)
class Seeds:
    """Places of skin: `names` (n,) of their points, median `colours` (n, 3) in L*a*b*, `spread` (n, 3)."""

    names: Index
    colours: Array
    spread: Array

    @classmethod
    def take(cls, view: View, names: tuple[int, ...]) -> Self:
        """Look about the named points of the mesh, as far as the maps show them."""
        discs = view.about(view.lab, names, _DISC)
        return cls(
            names=view.shown(names, _DISC),
            colours=np.median(discs, axis=1).astype(np.float32),
            spread=discs.std(axis=1).astype(np.float32),
        )

    def of(self, names: tuple[int, ...]) -> Array:
        """The (k, 3) colours of those of the named points that are there."""
        return self.colours[np.isin(self.names, names)]


@dataclass(frozen=True, kw_only=True, eq=False)
class SkinModel:
    """What colour bare skin has where.

    Attributes:
        expected: (h, w, 3) float32 L*a*b*.
        scale: (3,) float32, how far L, a and b of skin stray from that.
        face_px: the face's larger side in pixels.
    """

    expected: Array
    scale: Array
    face_px: float

    @classmethod
    def fit(cls, view: View) -> Self:
        """Fit the skin of a face."""
        seeds = Seeds.take(view, (*RIGHT_CHEEK, *LEFT_CHEEK, *MIDDLE))
        return cls.through(seeds, view)

    @classmethod
    def even(cls, colour: Array, shape: tuple[int, ...], face_px: float) -> Self:
        """Skin of one (3,) colour under even light."""
        expected = np.broadcast_to(np.asarray(colour, np.float32), (*shape, 3))
        return cls(expected=expected, scale=_WIDEST.astype(np.float32), face_px=face_px)

    @classmethod
    def through(cls, seeds: Seeds, view: View) -> Self:
        """Fit a smooth surface to seeds, those that stray from the others left out.

        Quadratic in x and y, by iteratively reweighted least squares with Tukey's biweight (Beaton and Tukey
        1974). Without any seed everything is as likely skin as not.
        """
        shape, face_px = view.regions.inside.shape, view.regions.face_px
        if not len(seeds.names):
            nothing = np.zeros((*shape, 3), np.float32)
            return cls(expected=nothing, scale=np.full(3, np.inf, np.float32), face_px=face_px)
        center, unit = view.points[list(_CENTER), :2].mean(axis=0), face_px / 2
        at = (view.points[seeds.names, :2] - center) / unit
        terms = _terms(at[:, 0], at[:, 1])
        weight = np.ones(len(at))
        for _ in range(_ROUNDS):
            weighted = terms * weight[:, None]
            surface = np.linalg.solve(terms.T @ weighted + _RIDGE, weighted.T @ seeds.colours)
            off = np.abs(seeds.colours - terms @ surface)
            far = (off / (1.48 * np.median(off, axis=0) + _NOISE) / _TUKEY).max(axis=1)
            weight = np.where(far < 1, (1 - far**2) ** 2, 0) + _NOTHING
        inlier = weight > min(_INLIER, float(weight.max()) / 2)
        scale = 1.48 * np.median(off[inlier], axis=0) + np.median(seeds.spread[inlier], axis=0)
        low, high = at.min(axis=0) - _BEYOND, at.max(axis=0) + _BEYOND
        x = np.clip((np.arange(shape[1]) - center[0]) / unit, low[0], high[0])
        y = np.clip((np.arange(shape[0]) - center[1]) / unit, low[1], high[1])[:, None]
        return cls(
            expected=_evaluate(surface.astype(np.float32), x.astype(np.float32), y.astype(np.float32)),
            scale=np.clip(scale, _NARROWEST, _WIDEST).astype(np.float32),
            face_px=face_px,
        )

    def likelihood(self, lab: Array) -> Array:
        """How much each pixel of (h, w, 3) `lab` looks like this skin, (h, w) float32 0..1."""
        light = (blurred(lab[..., 0], _CALM_LIGHT * self.face_px) - self.expected[..., 0]) / self.scale[0]
        darker = np.maximum(-light - _DARKER, 0) / _FADE
        brighter = np.maximum(light - _BRIGHTER, 0) / _FADE_BRIGHT
        return np.asarray(np.exp(-0.5 * (darker**2 + brighter**2)) * self.hue_likelihood(lab), np.float32)

    def hue_likelihood(self, lab: Array) -> Array:
        """The same by colour alone, however dark: (h, w) float32 0..1.

        Light and shade move skin along its own hue, so chroma is expected to go with lightness.
        """
        lightness = blurred(lab[..., 0], _CALM_LIGHT * self.face_px)
        richness = np.clip(lightness / np.maximum(self.expected[..., 0], 5), _PALER, _RICHER)
        full = np.maximum(richness, _SHADED)
        off = np.zeros(lightness.shape, np.float32)
        for channel in (1, 2):
            ends = self.expected[..., channel] * richness, self.expected[..., channel] * full
            there = lab[..., channel]
            stray = blurred(
                there - np.clip(there, np.minimum(*ends), np.maximum(*ends)), _CALM_HUE * self.face_px
            )
            off += (np.maximum(np.abs(stray) / self.scale[channel] - _OTHER_HUE, 0) / _FADE) ** 2
        return np.asarray(np.exp(-0.5 * off), np.float32)


def _terms(x: NDArray[np.floating], y: NDArray[np.floating]) -> NDArray[np.floating]:
    return np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=-1)


def _evaluate(surface: Array, x: Array, y: Array) -> Array:
    """The quadratic on a grid of (w,) and (h, 1) coordinates, (h, w, 3)."""
    channels = [
        (level + along * x + curved * x * x) + y * (down + tilted * x) + y * y * bowed
        for level, along, down, curved, tilted, bowed in surface.T
    ]
    return np.dstack(channels).astype(np.float32, copy=False)

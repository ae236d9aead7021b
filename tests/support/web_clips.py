"""Short videos of the two portraits that the tests of the page send."""

import tempfile
from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from functools import cache
from pathlib import Path

import numpy as np

from pipeline.face import Bgr
from tests.support.clips.make import make
from tests.support.clips.recipe import Recipe
from tests.support.faces import astronaut, hopper, scaled

SIDE = 240
RATE = Fraction(12)
FRAMES = 18
# So many keep a consumer busy for longer than any test looks; at this rate they are soon looked through.
MANY_FRAMES = 160
MANY_RATE = Fraction(80)
#: Eileen Collins is seen from here on.
ENTERS = 8
_OPTIONS: Mapping[str, Mapping[str, str]] = {
    "libx264": {"preset": "ultrafast", "crf": "20", "g": "12"},
    "libx265": {"preset": "ultrafast", "x265-params": "log-level=none"},
}


@cache
def grace(*, extension: str = "mp4", codec: str = "libx264") -> bytes:
    """Grace Hopper, who sways, with a tone; 320 x 240 pixels, her face more than 100."""
    return _clip(
        Recipe(count=FRAMES, rate=RATE, extension=extension, codec=codec, size=(320, SIDE), draw=_alone)
    )


@cache
def many_frames() -> bytes:
    """Two seconds of her."""
    return _clip(Recipe(count=MANY_FRAMES, rate=MANY_RATE, size=(320, SIDE), draw=_alone))


@cache
def two_people() -> bytes:
    """Grace Hopper on the left, and on the right, a little later, Eileen Collins."""
    return _clip(Recipe(count=FRAMES, rate=RATE, size=(2 * SIDE, SIDE), draw=_together))


@cache
def cut_off() -> bytes:
    """An MP4 whose index promises more than the file holds, as after a download that broke off."""
    whole = _clip(Recipe(rate=RATE, size=(320, SIDE), draw=_alone, muxer={"movflags": "+faststart"}))
    return whole[: len(whole) * 6 // 10]


def _clip(recipe: Recipe) -> bytes:
    full = replace(recipe, options=_OPTIONS.get(recipe.codec, {}))
    with tempfile.TemporaryDirectory() as folder:
        return make(Path(folder) / f"clip.{recipe.extension}", full).read_bytes()


def _alone(number: int, width: int, height: int) -> Bgr:
    return _swaying(_wide(_hopper(), width), number)[:height]


def _together(number: int, width: int, height: int) -> Bgr:
    left, right = _swaying(_hopper(), number), _swaying(_collins(), number + 5)
    if number < ENTERS:
        right = np.full_like(right, 96)
    return np.hstack([left, right])[:height, :width]


def _wide(square: Bgr, width: int) -> Bgr:
    more = width - SIDE
    return np.asarray(np.pad(square, ((0, 0), (more // 2, more - more // 2), (0, 0)), mode="edge"), np.uint8)


def _swaying(picture: Bgr, number: int) -> Bgr:
    """A few pixels to and fro."""
    return np.roll(picture, round(4 * np.sin(number / 3)), axis=1)


@cache
def _hopper() -> Bgr:
    return scaled(hopper()[60:420, 80:440], SIDE / 360)


@cache
def _collins() -> Bgr:
    return scaled(astronaut()[20:220, 125:325], SIDE / 200)

"""Films of the two portraits, one for each thing that may go wrong between frames."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from av.video.reformatter import ColorPrimaries, ColorTrc
from numpy.typing import NDArray

import consumer.samples
from pipeline.face import Bgr
from tests.quality.scene import PORTRAITS, other_than
from tests.support.clips.recipe import Recipe
from tests.support.films import crossing, play
from tests.support.pictures import scene as gradients

Floats = NDArray[np.float64]

_SIZE: Final = (480, 360)
_FRAMES: Final = 32
_NOISE: Final = 2.0
_BLUR_STEPS: Final = 8
_X264: Final = {"preset": "veryfast", "crf": "12", "g": "12"}
_SAMPLES: Final = Path(consumer.samples.__file__).parent
_FILES: Final = {"collins": _SAMPLES / "astronaut.png", "hopper": _SAMPLES / "grace_hopper.jpg"}

_HLG_WHITE: Final = 0.265
_TO_BT2020: Final = np.array(((0.8956, 0.0880, 0.0164), (0.0114, 0.9195, 0.0691), (0.0433, 0.3293, 0.6274))).T
"""Linear light of BT.709 to BT.2020 (ITU-R BT.2087), of columns blue, green, red."""

#: From a frame's number, or a moment between two, to where the face is, how wide in pixels, how inclined.
Motion = Callable[[float], tuple[float, float, float, float]]


@dataclass(frozen=True, kw_only=True)
class Film:
    """A clip's recipe, and pictures by the face that they are for; `source` is for the largest."""

    recipe: Recipe
    sources: Mapping[str, Path]


def films() -> dict[str, Film]:
    """By the name of what they show."""
    return {
        "upright": _film("hopper", _handheld(130)),
        "rotated": _film("collins", _handheld(130), turn=90),
        "vfr": _film("hopper", _handheld(110), times=[3000 * n + 700 * (n % 4) for n in range(_FRAMES)]),
        "crossing": _crossing(),
        "dark": _film("collins", _handheld(120), light=0.3),
        "small": _film("hopper", _handheld(36)),
        "fast": _film("collins", _rushing, blurred=True),
        "turning": _film("hopper", _rolling),
        "nearing": _film("collins", _nearing),
        "hdr": _film("hopper", _handheld(130), hdr=True),
        "interlaced": _film("collins", _handheld(120), interlaced=True),
    }


def _handheld(face_px: float) -> Motion:
    """As by a hand: a little to all sides."""

    def at(n: float) -> tuple[float, float, float, float]:
        x, y = 240 + 26 * np.sin(n / 7), 180 + 9 * np.sin(n / 4)
        return x, y, face_px * (1 + 0.06 * np.sin(n / 9)), 5 * np.sin(n / 8)

    return at


def _rushing(n: float) -> tuple[float, float, float, float]:
    """Up to 20 pixels a frame."""
    return 240 + 100 * np.sin(n / 5), 180, 100, 0


def _rolling(n: float) -> tuple[float, float, float, float]:
    return 240, 180, 120, 45 * np.sin(n / 10)


def _nearing(n: float) -> tuple[float, float, float, float]:
    return 240, 180, 40 * 1.05**n, 0


def _film(
    who: str,
    motion: Motion,
    *,
    turn: int = 0,
    times: list[int] | None = None,
    light: float = 1.0,
    blurred: bool = False,
    hdr: bool = False,
    interlaced: bool = False,
) -> Film:
    draw = partial(_drawn, who, motion, turn, light, _BLUR_STEPS if blurred else 1)
    recipe = Recipe(
        count=_FRAMES,
        size=_SIZE[::-1] if turn else _SIZE,
        rate=Fraction(25),
        options=_X264,
        sounds=(),
        turn=(turn, False, False) if turn else None,
        times=times,
        time_base=Fraction(1, 90000) if times else None,
        interlaced=interlaced,
        draw=draw,
    )
    if interlaced:
        recipe = replace(recipe, options={**_X264, "x264-params": "tff=1"})
    if hdr:
        named = "colorprim=bt2020:colormatrix=bt2020nc:transfer=arib-std-b67:log-level=error:crf=12"
        recipe = replace(
            recipe,
            codec="libx265",
            pix_fmt="yuv420p10le",
            options={"preset": "ultrafast", "x265-params": named},
            colour=(9, 1, ColorPrimaries.BT2020, ColorTrc.ARIB_STD_B67),
            draw=lambda number, width, height: _as_hlg(draw(number, width, height)),
        )
    return Film(recipe=recipe, sources={"source": _FILES[other_than(who)]})


def _drawn(
    who: str, motion: Motion, turn: int, light: float, exposures: int, number: int, width: int, height: int
) -> Bgr:
    """A frame as it is stored. Frames of two fields are asked for by field, twice as many."""
    size = (height, width) if turn else (width, height)
    moments = number + np.arange(exposures) / (2 * exposures)  # open for half of the time
    mean = np.mean([_moment(who, motion(moment), size) for moment in moments], axis=0)
    noise = np.random.default_rng(number).normal(0, _NOISE, mean.shape)
    shown = np.clip(mean * light + noise, 0, 255).astype(np.uint8)
    return np.ascontiguousarray(np.rot90(shown, -turn // 90))


def _as_hlg(bgr: Bgr) -> Bgr:
    """What a camera for HLG (ITU-R BT.2100) stores of a picture whose white is 75 % of its signal."""
    light: Floats = (bgr / 255.0) ** 2.4 @ _TO_BT2020 * _HLG_WHITE
    curved = 0.17883277 * np.log(np.maximum(12 * light - 0.28466892, 1e-9)) + 0.55991073
    return np.asarray(np.clip(255 * np.where(light < 1 / 12, np.sqrt(3 * light), curved), 0, 255), np.uint8)


def _moment(who: str, place: tuple[float, float, float, float], size: tuple[int, int]) -> Floats:
    """A portrait laid on a plain ground, its face at a place."""
    portrait, (x0, y0, x1, y1) = PORTRAITS[who][0](), PORTRAITS[who][1]
    x, y, face_px, degrees = place
    x, y = x + (size[0] - _SIZE[0]) / 2, y + (size[1] - _SIZE[1]) / 2
    middle = (x0 + x1) / 2, (y0 + y1) / 2
    factor = face_px / (x1 - x0)
    if factor < 1:
        portrait = np.asarray(cv2.GaussianBlur(portrait, (0, 0), 0.4 / factor), np.uint8)
    matrix = cv2.getRotationMatrix2D(middle, degrees, factor)
    matrix[:, 2] += np.subtract((x, y), middle)
    frame = gradients(*size).copy()
    cv2.warpAffine(
        portrait, matrix, size, dst=frame, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_TRANSPARENT
    )
    return frame.astype(np.float64)


def _crossing() -> Film:
    """Two people pass one another, and each gets the other's face."""
    act = crossing()[0]
    frames = [shown.bgr for shown in play([act])]
    recipe = Recipe(
        count=len(frames),
        size=(frames[0].shape[1], frames[0].shape[0]),
        rate=Fraction(25),
        options=_X264,
        sounds=(),
        draw=lambda number, _width, _height: frames[number],
    )
    return Film(recipe=recipe, sources={"face_0": _FILES["hopper"], "face_1": _FILES["collins"]})

"""Videos as arrays, made of the two portraits, with the truth about who is where."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.face import Bgr
from tests.support.faces import astronaut, hopper, scaled

Floats = NDArray[np.float32]
Place = tuple[float, float]

FPS = 30
WIDTH, HEIGHT = 640, 360
HEAD_PX = 130  # height of a cut-out head
_HEADS = {"collins": (astronaut, (225, 130), (95, 125)), "hopper": (hopper, (253, 225), (115, 155))}


@dataclass(frozen=True, kw_only=True, eq=False)
class Shown:
    """A frame, and where the middle of each head is that is well seen, or not quite hidden, by name."""

    bgr: Bgr
    people: Mapping[str, Place]
    glimpsed: Mapping[str, Place]


@dataclass(frozen=True, kw_only=True)
class Act:
    """What happens between two cuts.

    `places` tells where each head is in a frame, the farthest first; `blurred` are those with motion blur.
    """

    frames: int
    places: Callable[[int], Mapping[str, Place]]
    blurred: range = range(0)
    is_bright: bool = False


def crossing() -> list[Act]:
    """Two people cross, one leaves and returns, they cross again, blurred, and are elsewhere after a cut."""
    return [
        Act(
            frames=56,
            places=lambda i: {"collins": (90 + 8 * i, 180), "hopper": (550 - 8 * i, 188)},
            blurred=range(22, 25),
        ),
        Act(frames=24, places=_leaves_and_returns),
        Act(
            frames=40,
            places=lambda i: {"hopper": (94 + 9 * i, 188), "collins": (500 - 9 * i, 175)},
            blurred=range(8, 14),
        ),
        Act(
            frames=14,
            places=lambda i: {"hopper": (450, 180 + i), "collins": (200 + 3 * i, 175)},
            is_bright=True,
        ),
    ]


def _leaves_and_returns(i: int) -> Mapping[str, Place]:
    away = 12 * min(i, 24 - i)
    return {"collins": (538 + away, 180), "hopper": (94, 188)}


def play(acts: list[Act]) -> Iterator[Shown]:
    """The frames of a film, with the noise of a camera."""
    number = 0
    for act in acts:
        for i in range(act.frames):
            places = act.places(i)
            bgr = _composed(places, is_bright=act.is_bright)
            if i in act.blurred:
                bgr = np.asarray(cv2.blur(bgr, (9, 3)), np.float32)
            noise = np.random.default_rng(number).normal(0, 3, bgr.shape)
            yield Shown(
                bgr=np.clip(bgr + noise, 0, 255).astype(np.uint8),
                people=_visible(places, apart=0.35),
                glimpsed=_visible(places, apart=0.2),
            )
            number += 1


def person_at(shown: Shown, place: Place) -> str:
    """Whose face is at a place: of those who are seen at all, the nearest."""
    return min(shown.glimpsed, key=lambda name: np.hypot(*np.subtract(shown.glimpsed[name], place)))


def _visible(places: Mapping[str, Place], *, apart: float) -> dict[str, Place]:
    """Those within the frame whom nobody nearer hides: who are `apart` by that share of a head."""
    names = list(places)
    visible: dict[str, Place] = {}
    for number, name in enumerate(names):
        x, _ = places[name]
        nearer = [places[other][0] for other in names[number + 1 :]]
        if 0 < x < WIDTH and all(abs(x - other) > HEAD_PX * apart for other in nearer):
            visible[name] = places[name]
    return visible


def _composed(places: Mapping[str, Place], *, is_bright: bool) -> Floats:
    frame = _backdrop(is_bright=is_bright).copy()
    for name, (x, y) in places.items():
        head, mask = _head(name)
        height, width = mask.shape
        left, top = round(x - width / 2), round(y - height / 2)
        x0, y0, x1, y1 = max(0, left), max(0, top), min(WIDTH, left + width), min(HEIGHT, top + height)
        if x0 < x1 and y0 < y1:
            part = slice(y0 - top, y1 - top), slice(x0 - left, x1 - left)
            share = mask[part][..., None]
            frame[y0:y1, x0:x1] = frame[y0:y1, x0:x1] * (1 - share) + head[part] * share
    return frame


@cache
def _head(name: str) -> tuple[Bgr, Floats]:
    portrait, center, axes = _HEADS[name]
    picture = portrait()
    mask = np.zeros(picture.shape[:2], np.uint8)
    cv2.ellipse(mask, center, axes, 0, 0, 360, 255, -1)
    mask = np.asarray(cv2.GaussianBlur(mask, (0, 0), 4), np.uint8)
    (x, y), (half_width, half_height) = center, axes
    rows = slice(max(0, y - half_height - 12), y + half_height + 12)
    columns = slice(max(0, x - half_width - 12), x + half_width + 12)
    factor = HEAD_PX / len(picture[rows])
    share = scaled(mask[rows, columns], factor).astype(np.float32) / np.float32(255)
    return scaled(picture[rows, columns], factor), share


@cache
def _backdrop(*, is_bright: bool) -> Floats:
    noise = np.random.default_rng(int(is_bright)).uniform(60, 160, (HEIGHT, WIDTH, 3)).astype(np.float32)
    low, high = (120, 230) if is_bright else (30, 120)
    smooth = cv2.GaussianBlur(noise, (0, 0), 20)
    return np.asarray(cv2.normalize(smooth, None, low, high, cv2.NORM_MINMAX), np.float32)  # type: ignore[call-overload]  # its stubs want a destination

"""Keeping hands before a face: they are seen before anything is changed, and put back when it has been."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Final, Protocol, Self

import cv2
import numpy as np

from pipeline.blend.masks import FRACTION_BITS, fill_polygons, fixed_point, smoothstep
from pipeline.face import Array, Bgr, Face

# Shares of the palm's width, from the knuckle of the index finger to that of the little one: how thick a
# finger is, and how far beyond it the change fades in.
_FINGER: Final = 0.3
_FEATHER: Final = 0.06
_INDEX_KNUCKLE, _LITTLE_KNUCKLE = 5, 17
_PALM: Final = (0, 1, 5, 9, 13, 17)
_BONES: Final = (
    *((0, 1), (1, 2), (2, 3), (3, 4)),
    *((0, 5), (5, 6), (6, 7), (7, 8)),
    *((5, 9), (9, 10), (10, 11), (11, 12)),
    *((9, 13), (13, 14), (14, 15), (15, 16)),
    *((13, 17), (0, 17), (17, 18), (18, 19), (19, 20)),
)


class Hands(Protocol):
    """Finds the hands that may be before a face."""

    def find(self, picture: Bgr, face: Face) -> list[Array]:
        """(21, 2) float32 points of each hand about a face of a BGR uint8 (h, w, 3) picture."""
        ...

    def follow(self, picture: Bgr, hands: Iterable[Array]) -> list[Array]:
        """The points of those `hands` of the frame before that are still where they were, or nearly."""
        ...


@dataclass(frozen=True, kw_only=True, eq=False)
class KeptHand:
    """A part of a picture with a hand in it, as it was: `pixels` BGR uint8 (h, w, 3) at (x, y) `corner`.

    `shares`, (h, w) float32 0..1, is 1 on the hand and 0 where the picture may change.
    """

    corner: tuple[int, int]
    pixels: Bgr
    shares: Array

    def put_back(self, picture: Bgr) -> None:
        """Lay the hand over the BGR uint8 (h, w, 3) picture that it was cut from, in place."""
        (x, y), (height, width) = self.corner, self.shares.shape
        part = picture[y : y + height, x : x + width]
        shares = self.shares[..., None]
        part[:] = np.rint(part + shares * (self.pixels.astype(np.float32) - part))


class HandKeeper:
    """What keeps hands before faces as they are; on the device's thread the first look opens the networks.

    `models` are their files, `sha256:<hex>` by name. One that is sent to another process opens its own there.
    """

    def __init__(self, open_hands: Callable[[], Hands], *, models: Mapping[str, str]) -> None:
        self.models = models
        self._open_hands = open_hands

    def __reduce__(self) -> tuple[Callable[..., Self], tuple[()]]:
        return partial(type(self), self._open_hands, models=self.models), ()

    @cached_property
    def hands(self) -> Hands:
        """What finds them."""
        return self._open_hands()


def take(picture: Bgr, hands: Iterable[Array]) -> list[KeptHand]:
    """The hands at (21, 2) points in pixels of a BGR uint8 (h, w, 3) picture, as they are now."""
    kept = (_cut(picture, points) for points in hands)
    return [hand for hand in kept if hand is not None]


def _cut(picture: Bgr, points: Array) -> KeptHand | None:
    """The part of a picture around a hand at (21, 2) points; None outside of the picture."""
    palm_px = float(np.linalg.norm(points[_INDEX_KNUCKLE] - points[_LITTLE_KNUCKLE]))
    finger_px, feather_px = max(_FINGER * palm_px, 1.0), max(_FEATHER * palm_px, 1.0)
    margin = finger_px / 2 + feather_px + 2
    height, width = picture.shape[:2]
    x0, y0 = np.clip(np.floor(points.min(axis=0) - margin), 0, (width, height)).astype(int).tolist()
    x1, y1 = np.clip(np.ceil(points.max(axis=0) + margin), 0, (width, height)).astype(int).tolist()
    if x0 >= x1 or y0 >= y1:
        return None
    inside = _drawn(points - np.array((x0, y0), np.float32), (y1 - y0, x1 - x0), finger_px)
    gap = np.asarray(cv2.distanceTransform(1 - inside, cv2.DIST_L2, cv2.DIST_MASK_PRECISE), np.float32)
    return KeptHand(
        corner=(x0, y0), pixels=picture[y0:y1, x0:x1].copy(), shares=1 - smoothstep(gap / (feather_px + 1))
    )


def _drawn(points: Array, shape: tuple[int, int], finger_px: float) -> Bgr:
    """(h, w) uint8, 1 on a hand at (21, 2) points: its bones as thick as fingers, and its palm."""
    palm = cv2.convexHull(np.ascontiguousarray(points[list(_PALM)]))
    canvas = fill_polygons([np.asarray(palm[:, 0], np.float32)], shape)
    joints = fixed_point(points)
    for start, end in _BONES:
        cv2.line(
            canvas, joints[start].tolist(), joints[end].tolist(), 1, round(finger_px), shift=FRACTION_BITS
        )
    return canvas

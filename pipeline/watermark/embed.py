"""Hiding an id in pictures, and in frames of videos without a way through BGR."""

import threading
from collections.abc import Callable
from functools import partial
from typing import Final, Self

import cv2
import numpy as np
from av.video.reformatter import ColorRange

from pipeline.face import Array, Bgr
from pipeline.media.pictures.decode import Picture
from pipeline.media.video.colour import BT601, BT709
from pipeline.media.video.frame import FrameEditor, YuvFrame
from pipeline.watermark.ids import to_bits
from pipeline.watermark.network import HEIGHT, WIDTH, Encoder, shrunk

LEAST_PX: Final = 64
"""A picture with a shorter side is left without: there is too little to hide anything in."""
_STRIPE_ROWS: Final = 64
_BT2020: Final = (9, 10)
_BT601: Final = (BT601, 6)
# How much red and blue are of luma (ITU-T H.273, table 4), by the number of the matrix.
_SHARES: Final = {
    BT709: (0.2126, 0.0722),
    **dict.fromkeys(_BT601, (0.299, 0.114)),
    **dict.fromkeys(_BT2020, (0.2627, 0.0593)),
}
_LIMITED: Final = (219 / 255, 224 / 255)
"""What a step of 8 bits is of luma and of chroma in limited range (ITU-R BT.709, 4.6)."""


class Watermarker:
    """Hides ids in pictures, on any thread; the first one opens the network.

    `model` is its file, `sha256:<hex>`. One that is sent to another process opens its own there.
    """

    def __init__(self, open_encoder: Callable[[], Encoder], *, model: str) -> None:
        self.model = model
        self._open_encoder = open_encoder
        self._encoder: Encoder | None = None
        self._opening = threading.Lock()

    def __reduce__(self) -> tuple[Callable[..., Self], tuple[()]]:
        return partial(type(self), self._open_encoder, model=self.model), ()

    def on_picture(self, picture: Picture, mark_id: str) -> None:
        """Hide an id in a picture, in place; what is wholly transparent keeps its colours.

        Raises:
            ModelUnavailable: the network's file was changed.
        """
        height, width = picture.bgr.shape[:2]
        change = _Stretched(self._change(shrunk(picture.bgr), mark_id), width, height)
        for top in range(0, height, _STRIPE_ROWS):
            rows = slice(top, min(top + _STRIPE_ROWS, height))
            added = change.rows(rows)
            if picture.alpha is not None:
                added *= (picture.alpha[rows] > 0)[..., None]
            _add(picture.bgr[rows], added)

    def on_frame(self, frame: YuvFrame, mark_id: str) -> None:
        """Hide an id in a frame of a video, in place; raises as `on_picture`."""
        width, height = frame.size
        small = FrameEditor().look(frame, (0, 0, width, height), (WIDTH, HEIGHT))
        changes = _to_yuv(self._change(small, mark_id), frame)
        for plane, change in zip(frame.planes, changes, strict=True):
            stretched = _Stretched(change, plane.shape[1], plane.shape[0])
            for top in range(0, plane.shape[0], _STRIPE_ROWS):
                rows = slice(top, min(top + _STRIPE_ROWS, plane.shape[0]))
                _add(plane[rows], stretched.rows(rows))

    def _change(self, small: Bgr, mark_id: str) -> Array:
        with self._opening:
            if self._encoder is None:
                self._encoder = self._open_encoder()
        return self._encoder.change(small, to_bits(mark_id))


def has_room(width: int, height: int) -> bool:
    """Whether a picture of so many pixels is large enough."""
    return min(width, height) >= LEAST_PX


class _Stretched:
    """A change (180, 320) or (180, 320, 3) laid over a picture of any size, some rows at a time."""

    def __init__(self, change: Array, width: int, height: int) -> None:
        self._height = height
        self._wide = _resized(change, width, min(height, HEIGHT))

    def rows(self, rows: slice) -> Array:
        """Those rows of it, one's own."""
        if self._height <= HEIGHT:
            return self._wide[rows].copy()
        places = (np.arange(rows.start, rows.stop) + 0.5) * HEIGHT / self._height - 0.5
        places = places.clip(0, HEIGHT - 1).astype(np.float32)
        above = places.astype(int)
        below = np.minimum(above + 1, HEIGHT - 1)
        share = (places - above).reshape(-1, *[1] * (self._wide.ndim - 1))
        between: Array = self._wide[above] * (1 - share) + self._wide[below] * share
        return between


def _resized(change: Array, width: int, height: int) -> Array:
    """Each side by itself: averaged where it becomes shorter."""
    if width != WIDTH:
        how = cv2.INTER_AREA if width < WIDTH else cv2.INTER_LINEAR
        change = np.asarray(cv2.resize(change, (width, HEIGHT), interpolation=how), np.float32)
    if height != HEIGHT:
        change = np.asarray(cv2.resize(change, (width, height), interpolation=cv2.INTER_AREA), np.float32)
    return change


def _to_yuv(change: Array, frame: YuvFrame) -> tuple[Array, Array, Array]:
    """What a change of BGR is of luma and of both chroma, each (180, 320), by the frame's own matrix."""
    red_share, blue_share = _SHARES.get(frame.colour.matrix, _SHARES[BT709])
    is_full = frame.colour.range == ColorRange.JPEG
    luma_step, chroma_step = (1.0, 1.0) if is_full else _LIMITED
    blue, green, red = np.moveaxis(change, 2, 0)
    luma = red_share * red + (1 - red_share - blue_share) * green + blue_share * blue
    return (
        np.ascontiguousarray(luma * luma_step, np.float32),
        np.ascontiguousarray((blue - luma) / (2 * (1 - blue_share)) * chroma_step, np.float32),
        np.ascontiguousarray((red - luma) / (2 * (1 - red_share)) * chroma_step, np.float32),
    )


def _add(pixels: Bgr, change: Array) -> None:
    pixels[...] = np.clip(pixels + change + np.float32(0.5), 0, 255).astype(np.uint8)

"""What an animation shows: a canvas on which frames are laid, and which they leave again."""

import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from PIL import Image, ImageFile

from pipeline.face import Bgr
from pipeline.media.animations.changes import FramePart
from pipeline.media.pictures.decode import decoder_faults
from pipeline.media.pictures.pixels import split

_TILE_ROWS, _TILE_COLUMNS = 64, 4096
"""What is laid at once, so that its 32-bit sums stay small beside a canvas of any shape."""
_OPAQUE: Final = 255
STAYS, CLEARED, RESTORED = 0, 1, 2
"""What becomes of a frame's part of the canvas after it was shown, by the numbers of PNG."""


@dataclass(frozen=True, kw_only=True)
class Placement:
    """Where and how a frame is laid."""

    part: FramePart
    #: `STAYS`, `CLEARED` or `RESTORED`.
    disposal: int
    #: Whether what is below shows through where the frame is transparent.
    over: bool

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        rows, columns = self.part
        return columns.stop - columns.start, rows.stop - rows.start


class Canvas:
    """Begins transparent black; colours are not multiplied by alpha."""

    def __init__(self, size: tuple[int, int], *, grey: bool, has_alpha: bool) -> None:
        """Begin a canvas.

        Args:
            size: its width and height in pixels.
            grey: whether it has one channel of colour, or else three.
            has_alpha: whether it has alpha; without it frames cover whatever they are laid on.
        """
        width, height = size
        self._mode = "L" if grey else "RGB"
        self._pixels = np.zeros((height, width, len(self._mode) + has_alpha), np.uint8)

    @property
    def image(self) -> Image.Image:
        """What it shows, as L, LA, RGB or RGBA; it holds until the canvas is changed."""
        pixels = self._pixels
        return Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)

    def compose(
        self, stills: Iterable[tuple[Placement, io.BytesIO]], plugin: type[ImageFile.ImageFile]
    ) -> Iterator[Image.Image]:
        """What it shows with each of several frames, each of which is a picture file for a plugin of Pillow.

        Raises:
            MediaCorrupt: a frame is damaged.
        """
        for placed, still in stills:
            part = placed.part
            before = self._pixels[part].copy() if placed.disposal == RESTORED else 0
            with decoder_faults():
                self.lay(plugin(still), part, over=placed.over)
            yield self.image
            if placed.disposal != STAYS:
                self._pixels[part] = before

    def lay(self, image: Image.Image, part: FramePart, *, over: bool) -> None:
        """Put an image of any mode and of the part's size there, in place of what is there or over it."""
        colour, alpha = split(image)
        channels = len(self._mode)
        if colour.mode != self._mode and (self._mode, colour.mode) != ("RGB", "RGBA"):
            colour = colour.convert(self._mode)
        below = self._pixels[part]
        for box, tile in _tiles(*image.size):
            under = below[tile]
            above = np.asarray(colour.crop(box)).reshape(*under.shape[:2], -1)[..., :channels]
            opacity = None if alpha is None else np.asarray(alpha.crop(box))
            if over and opacity is not None:
                _lay_over(under, above, opacity)
                continue
            under[..., :channels] = above
            under[..., channels:] = _OPAQUE if opacity is None else opacity[..., None]


def _tiles(width: int, height: int) -> Iterator[tuple[tuple[int, int, int, int], FramePart]]:
    """Boxes (left, top, right, bottom) that cover a picture, and the same as rows and columns."""
    for top in range(0, height, _TILE_ROWS):
        for left in range(0, width, _TILE_COLUMNS):
            right, bottom = min(left + _TILE_COLUMNS, width), min(top + _TILE_ROWS, height)
            yield (left, top, right, bottom), (slice(top, bottom), slice(left, right))


def _lay_over(under: Bgr, above: Bgr, opacity: Bgr) -> None:
    """Lay (h, w, n) colours of (h, w) opacity over (h, w, n + 1) colours with alpha, in place.

    As PNG (third edition, 13.16) has it where the background has alpha too: of alphas a over b the result's
    is a + b (1 - a), and its colour the mean of both weighted by a and by b (1 - a); rounded to the nearest.
    """
    whole = (opacity == _OPAQUE) | (under[..., -1] == 0) & (opacity > 0)
    np.copyto(under[..., :-1], above, where=whole[..., None])
    np.copyto(under[..., -1], opacity, where=whole)
    mixed = (opacity > 0) & ~whole
    below = under[mixed].astype(np.uint32)
    a, b = opacity[mixed].astype(np.uint32)[:, None], below[:, -1:]
    by_above, by_below = _OPAQUE * a, (_OPAQUE - a) * b
    both = by_above + by_below  # 255 times the alpha of the result
    below[:, :-1] = (above[mixed] * by_above + below[:, :-1] * by_below + both // 2) // both
    below[:, -1:] = (both + _OPAQUE // 2) // _OPAQUE
    under[mixed] = below


class Cover:
    """Tells whether frames without transparency ever leave a part of the canvas open to see."""

    def __init__(self, size: tuple[int, int]) -> None:
        width, height = size
        self._open: FramePart | None = slice(0, height), slice(0, width)
        self.has_gaps = False

    def take(self, placed: Placement) -> None:
        """Look at the next frame: what is open before it has to lie within its part."""
        if self._open is not None and not _holds(placed.part, self._open):
            self.has_gaps = True
        if placed.disposal == CLEARED:
            self._open = placed.part
        elif placed.disposal != RESTORED:  # which opens again what was open before
            self._open = None


def _holds(outer: FramePart, inner: FramePart) -> bool:
    return all(a.start <= b.start and b.stop <= a.stop for a, b in zip(outer, inner, strict=True))

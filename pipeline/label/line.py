"""A line of white letters on a dark plate, as coverage."""

from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from pipeline.face import Array

# Cut out of Noto Sans CJK SC Bold, see `models/conversion/subset_font.py`.
_FONT: Final = Path(str(resources.files("pipeline.label") / "label.otf"))
_CAPITALS: Final = 0.733
"""How high its capitals are, of an em (its OS/2 table)."""
_PLATE: Final = 0.6
"""White letters on it have a contrast of 5.7 to 1 on white ground; WCAG 2.2, 1.4.3 asks for 4.5."""
_PADDING: Final = 0.7, 0.55
"""Left and right of the letters, above and below them, and ..."""
_MARGIN: Final = 0.5
"""... from the plate to the edges of the picture, in heights of a capital."""
_ROUND: Final = 0.4
_FINER: Final = 4
_PROBE_PX: Final = 24
_NOBODYS: Final = "\uffff"
"""No character, which every font shows as what it lacks."""


class Line:
    """A text in capitals of `height` pixels; see `room` and `coverage`."""

    def __init__(self, text: str, height: float) -> None:
        self._text = text
        self._font = _font(height / _CAPITALS)
        left, top, right, bottom = self._font.getbbox(text)
        beside, above = (share * height for share in _PADDING)
        #: Width and height of the plate, in pixels, both even.
        self.size = _even(right - left + 2 * beside), _even(bottom - top + 2 * above)
        #: How far the plate is from the edges, in pixels, even.
        self.margin = _even(_MARGIN * height)
        self._at = (self.size[0] - right - left) / 2, (self.size[1] - bottom - top) / 2
        self._corner = _ROUND * height

    @property
    def room(self) -> tuple[int, int]:
        """Width and height with the margins on all sides."""
        return self.size[0] + 2 * self.margin, self.size[1] + 2 * self.margin

    @cached_property
    def coverage(self) -> tuple[Array, Array]:
        """What plate and letters take of the ground, and of that the share of white: float32 (h, w), 0..1."""
        letters = Image.new("L", self.size)
        ImageDraw.Draw(letters).text(self._at, self._text, font=self._font, fill=255)
        width, height = (side * _FINER for side in self.size)
        plate = Image.new("L", (width, height))
        ImageDraw.Draw(plate).rounded_rectangle((0, 0, width - 1, height - 1), self._corner * _FINER, 255)
        white = np.asarray(letters, np.float32) / 255
        dark = np.asarray(plate.resize(self.size, Image.Resampling.BOX), np.float32) / 255 * _PLATE
        cover = 1 - (1 - dark) * (1 - white)
        return cover.astype(np.float32), white.astype(np.float32)


def has_glyph(letter: str) -> bool:
    """Whether there is something to show for a character."""
    font = _font(_PROBE_PX)
    return letter.isprintable() and bytes(font.getmask(letter)) != bytes(font.getmask(_NOBODYS))


def _font(em_px: float) -> ImageFont.FreeTypeFont:
    # The plain layout is the same wherever this runs; the other one depends on a library of the system's.
    return ImageFont.truetype(_FONT, em_px, layout_engine=ImageFont.Layout.BASIC)


def _even(length: float) -> int:
    return 2 * max(1, round(length / 2))

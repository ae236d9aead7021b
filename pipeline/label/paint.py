"""Painting a label onto pictures, and onto the planes of a video's frames."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from av.video.reformatter import ColorRange
from numpy.typing import NDArray

from pipeline.face import Array, Bgr
from pipeline.label.label import Label
from pipeline.label.line import Line
from pipeline.label.place import Box, fitting_line, free_place
from pipeline.media.pictures.decode import Picture
from pipeline.media.video.frame import YuvFrame

_FULL: Final = (0, 255)
_LIMITED: Final = (16, 235)
"""Black and white of luma (ITU-R BT.709, 4.6)."""
_NO_COLOUR: Final = 128
_OPAQUE: Final = np.float32(255)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Stamp:
    """A label made for one size of picture and its levels of black and white."""

    left: int
    top: int
    #: What it leaves of the ground, and what it adds: float32 (h, w), even sides; 1 and 0 where it is not.
    keeps: Array
    adds: Array
    #: The same of chroma, (h / 2, w / 2).
    keeps_colour: Array
    adds_colour: Array

    def part(self, plane: Bgr, scale: int = 1) -> Bgr:
        """Where it lies, of a plane that is so much smaller than the picture; a view."""
        height, width = self.keeps.shape
        top, left = self.top // scale, self.left // scale
        return plane[top : top + height // scale, left : left + width // scale]


class LabelPainter:
    """Paints one label, in place; what it made for the last size is kept. For one thread at a time.

    What is not under the label stays as it is, bit by bit.
    """

    def __init__(self, label: Label) -> None:
        self._label = label
        self._made: tuple[object, _Stamp | None] = (None, None)

    def on_picture(self, picture: Picture, faces: Sequence[Box] = ()) -> None:
        """Paint onto a picture; what was transparent under the label is not any more.

        Where the label would cover most of one of the `faces` it goes into another corner, if one is better.
        """
        height, width = picture.bgr.shape[:2]
        stamp = self._stamp((width, height), _FULL, faces)
        if stamp is None:
            return
        ground, keeps, adds = stamp.part(picture.bgr), stamp.keeps[..., None], stamp.adds[..., None]
        if picture.alpha is None:
            _put(ground, ground * keeps + adds)
            return
        see_through = stamp.part(picture.alpha)
        behind = see_through / _OPAQUE * stamp.keeps
        opaque = behind + 1 - stamp.keeps
        covers = keeps < 1  # colour under what is transparent is kept elsewhere
        mixed = (ground * behind[..., None] + adds) / np.where(covers, opaque[..., None], 1)
        _put(ground, np.where(covers, mixed, ground))
        _put(see_through, opaque * _OPAQUE)

    def on_frame(self, frame: YuvFrame) -> None:
        """Paint onto the planes of a frame."""
        stamp = self._stamp(frame.size, _FULL if frame.colour.range == ColorRange.JPEG else _LIMITED)
        if stamp is None:
            return
        luma, *chroma = frame.planes
        part = stamp.part(luma)
        _put(part, part * stamp.keeps + stamp.adds)
        for plane in chroma:
            part = stamp.part(plane, 2)
            _put(part, part * stamp.keeps_colour + stamp.adds_colour)

    def _stamp(
        self, size: tuple[int, int], levels: tuple[int, int], faces: Sequence[Box] = ()
    ) -> _Stamp | None:
        key = size, levels, tuple(faces)
        if self._made[0] != key:
            line = fitting_line(self._label, size)
            place = (0, 0) if line is None else free_place(line, self._label.corner, size, faces)
            self._made = key, None if line is None else _make(line, place, levels)
        return self._made[1]


def _put(ground: Bgr, values: NDArray[np.floating]) -> None:
    ground[...] = (values + 0.5).astype(np.uint8)


def _make(line: Line, place: tuple[int, int], levels: tuple[int, int]) -> _Stamp:
    (left, top), (black, light) = place, levels
    cover, white = line.coverage
    rows, columns = cover.shape
    halved = cover.reshape(rows // 2, 2, columns // 2, 2).mean(axis=(1, 3), dtype=np.float32)
    return _Stamp(
        left=left,
        top=top,
        keeps=1 - cover,
        adds=cover * black + white * (light - black),
        keeps_colour=1 - halved,
        adds_colour=halved * _NO_COLOUR,
    )

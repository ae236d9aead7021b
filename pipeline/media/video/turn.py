"""Which way is up: a display matrix, applied to the planes of a frame."""

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast

import av
import cv2
import numpy as np

from pipeline.face import Bgr

if TYPE_CHECKING:
    from collections.abc import Mapping

_ONE: Final = 1 << 16
"""1.0 in the first six numbers of a display matrix (ISO/IEC 14496-12, 8.3.2)."""
_DISPLAYMATRIX: Final = "DISPLAYMATRIX"


@dataclass(frozen=True, kw_only=True)
class Turn:
    """How a stored picture becomes upright: first transposed, then mirrored."""

    transpose: bool = False
    flip_x: bool = False
    flip_y: bool = False

    @property
    def is_none(self) -> bool:
        """Whether the picture is stored upright."""
        return not (self.transpose or self.flip_x or self.flip_y)

    def size(self, width: int, height: int) -> tuple[int, int]:
        """Width and height of the upright picture."""
        return (height, width) if self.transpose else (width, height)

    def apply(self, plane: Bgr, upright: Bgr) -> None:
        """Write an (h, w) uint8 plane upright into another one, which may be a view."""
        if self.transpose:
            plane = np.asarray(cv2.transpose(plane), np.uint8)
        if self.flip_x or self.flip_y:
            plane = np.asarray(cv2.flip(plane, _FLIP[self.flip_x, self.flip_y]), np.uint8)
        upright[...] = plane


_FLIP: Final = {(True, False): 1, (False, True): 0, (True, True): -1}
"""OpenCV's numbers for mirroring about the vertical axis, the horizontal one, both."""


def turn_of(frame: av.VideoFrame) -> Turn:
    """Read a decoded frame's display matrix; quarter turns and mirrors, of anything else the nearest."""
    try:
        side_data = cast("Mapping[str, bytes]", frame.side_data)
        matrix = struct.unpack("9i", bytes(side_data[_DISPLAYMATRIX])[:36])
    except KeyError:
        return Turn()
    except ValueError:  # spatial videos and TIFF pictures carry side data that PyAV has no name for
        return _turn_by_degrees(frame.rotation)
    a, b, c, d = matrix[0], matrix[1], matrix[3], matrix[4]
    if abs(a) * 2 < _ONE:
        return Turn(transpose=True, flip_x=c < 0, flip_y=b < 0)
    return Turn(flip_x=a < 0, flip_y=d < 0)


def _turn_by_degrees(degrees: int) -> Turn:
    """Of a rotation counter-clockwise."""
    quarter = round(degrees / 90) % 4
    return {
        0: Turn(),
        1: Turn(transpose=True, flip_y=True),
        2: Turn(flip_x=True, flip_y=True),
        3: Turn(transpose=True, flip_x=True),
    }[quarter]

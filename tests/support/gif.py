"""Animated GIFs written block by block, of eight colours a frame."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.face import Bgr
from tests.support import apng

Table = tuple[tuple[int, int, int], ...]
COLOURS: Table = (
    (255, 0, 0),
    (0, 255, 0),
    (0, 0, 255),
    (9, 8, 7),
    (250, 250, 250),
    (60, 0, 99),
    (0, 77, 1),
    (3, 3, 3),
)
GREYS: Table = tuple((level, level, level) for level in range(8))
_RUN = 5
"""So many codes that decoders keep to codes of 4 bits before they are told to begin anew."""


@dataclass(frozen=True, kw_only=True)
class Frame:
    """A frame of a GIF and what its control says of it."""

    #: (h, w) uint8 below 8.
    indices: Bgr
    left: int = 0
    top: int = 0
    #: 0..7; None for a frame without a control.
    disposal: int | None = 1
    #: Which index is transparent, of a frame with a control.
    clear: int | None = None
    #: Its own colours, None for those of the file.
    own: Table | None = None


def gif(frames: Sequence[Frame], size: tuple[int, int], colours: Table = COLOURS) -> bytes:
    """Write frames of 50 ms on a canvas of (width, height)."""
    out = b"GIF89a" + struct.pack("<HHBBB", *size, 0x82, 3, 0) + _table(colours)
    for frame in frames:
        if frame.disposal is not None:
            flags = frame.disposal << 2 | (frame.clear is not None)
            out += struct.pack("<4BHBB", 0x21, 0xF9, 4, flags, 5, frame.clear or 0, 0)
        height, width = frame.indices.shape
        out += struct.pack("<c4HB", b",", frame.left, frame.top, width, height, 0x82 if frame.own else 0)
        out += (_table(frame.own) if frame.own else b"") + _packed(frame.indices)
    return out + b";"


def shown(frames: Sequence[Frame], size: tuple[int, int], colours: Table = COLOURS) -> list[Bgr]:
    """(height, width, 4) uint8 RGBA of the canvas while each frame shows, as browsers have it."""
    return apng.shown([_laid(frame, frame.own or colours) for frame in frames], size)


def _laid(frame: Frame, colours: Table) -> apng.Frame:
    rgba = np.array([(*colour, 255) for colour in colours], np.uint8)[frame.indices]
    if frame.disposal is not None and frame.clear is not None:
        rgba[frame.indices == frame.clear] = 0
    disposal = {None: apng.STAYS, 0: apng.STAYS, 1: apng.STAYS, 2: apng.CLEARED}
    return apng.Frame(
        rgba=rgba,
        left=frame.left,
        top=frame.top,
        disposal=disposal.get(frame.disposal, apng.RESTORED),
        over=True,
    )


def _table(colours: Table) -> bytes:
    return bytes(value for colour in colours for value in colour)


def _packed(indices: Bgr) -> bytes:
    codes = []
    for number, index in enumerate(indices.ravel().tolist()):
        if number % _RUN == 0:
            codes.append(8)
        codes.append(index)
    codes.append(9)
    bits = sum(code << 4 * place for place, code in enumerate(codes))
    packed = bits.to_bytes(len(codes) // 2 + 1, "little")
    blocks = [packed[at : at + 255] for at in range(0, len(packed), 255)]
    return b"\3" + b"".join(bytes((len(block),)) + block for block in blocks) + b"\0"

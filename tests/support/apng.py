"""APNGs written chunk by chunk, and what they show by the specification, worked out pixel by pixel."""

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from pipeline.face import Bgr
from pipeline.media.pictures.png import png_chunk

Pixel = tuple[int, int, int, int]
STAYS, CLEARED, RESTORED = 0, 1, 2
GREY, RGB, INDEXED, GREY_ALPHA, RGBA = 0, 2, 3, 4, 6
PALETTE: tuple[Pixel, ...] = ((250, 10, 90, 255), (20, 240, 7, 128), (3, 60, 200, 1), (90, 90, 90, 0))
_LOW_BYTE = 0x5A
"""What the low byte of every sample of 16 bits is."""


@dataclass(frozen=True, kw_only=True)
class Frame:
    """A frame of an APNG and how it is laid."""

    #: (h, w, 4) uint8 RGBA; see `as_stored` for what of it a colour type keeps.
    rgba: Bgr
    left: int = 0
    top: int = 0
    disposal: int = STAYS
    over: bool = False


def as_stored(rgba: Bgr, colour_type: int) -> Bgr:
    """What a colour type keeps of RGBA: grey is its red, an index the rest of its red by 4."""
    kept = rgba.copy()
    if colour_type == INDEXED:
        return np.array(PALETTE, np.uint8)[rgba[..., 0] % len(PALETTE)]
    if colour_type in (GREY, GREY_ALPHA):
        kept[..., 1:3] = rgba[..., :1]
    if colour_type in (GREY, RGB):
        kept[..., 3] = 255
    return kept


def packed_rows(rgba: Bgr, colour_type: int, depth: int = 8) -> bytes:
    """The content of an IDAT."""
    channels = {GREY: [0], RGB: [0, 1, 2], INDEXED: [0], GREY_ALPHA: [0, 3], RGBA: [0, 1, 2, 3]}
    samples = rgba[..., channels[colour_type]]
    if colour_type == INDEXED:
        samples = samples % len(PALETTE)
    if depth == 16:
        samples = (samples.astype(">u2") << 8 | _LOW_BYTE).astype(">u2")
    return zlib.compress(b"".join(b"\0" + row.tobytes() for row in samples))


def control(number: int, frame: Frame) -> bytes:
    """An fcTL of 50 ms."""
    height, width = frame.rgba.shape[:2]
    place = (width, height, frame.left, frame.top)
    return png_chunk(
        b"fcTL", struct.pack(">I4I2HBB", number, *place, 50, 1000, frame.disposal, int(frame.over))
    )


def apng(
    frames: Sequence[Frame],
    size: tuple[int, int],
    colour_type: int = RGBA,
    *,
    depth: int = 8,
    still: Bgr | None = None,
    extra: bytes = b"",
) -> bytes:
    """Write frames on a canvas of (width, height).

    `still` is the RGBA of a picture that is no part of the animation; `extra` are chunks that come before
    the pixels.
    """
    out = b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", struct.pack(">II5B", *size, depth, colour_type, 0, 0, 0))
    out += extra
    if colour_type == INDEXED:
        out += png_chunk(b"PLTE", bytes(value for pixel in PALETTE for value in pixel[:3]))
        out += png_chunk(b"tRNS", bytes(pixel[3] for pixel in PALETTE))
    out += png_chunk(b"acTL", struct.pack(">II", len(frames), 0))
    if still is not None:
        out += png_chunk(b"IDAT", packed_rows(still, colour_type, depth))
    number = 0
    for place, frame in enumerate(frames):
        out += control(number, frame)
        number += 1
        packed = packed_rows(frame.rgba, colour_type, depth)
        if place == 0 and still is None:
            out += png_chunk(b"IDAT", packed)
        else:
            out += png_chunk(b"fdAT", struct.pack(">I", number) + packed)
            number += 1
    return out + png_chunk(b"IEND", b"")


def shown(frames: Sequence[Frame], size: tuple[int, int], colour_type: int = RGBA) -> list[Bgr]:
    """(height, width, 4) uint8 RGBA of the canvas while each frame shows (PNG, third edition, 11.3.6.2)."""
    canvas = {(x, y): (0, 0, 0, 0) for y in range(size[1]) for x in range(size[0])}
    seen = []
    for frame in frames:
        before = dict(canvas)
        stored = as_stored(frame.rgba, colour_type)
        part = [
            (frame.left + x, frame.top + y) for y in range(stored.shape[0]) for x in range(stored.shape[1])
        ]
        for x, y in part:
            r, g, b, a = (int(value) for value in stored[y - frame.top, x - frame.left])
            above = (r, g, b, a)
            canvas[x, y] = laid_over(canvas[x, y], above) if frame.over else above
        seen.append(np.array([[canvas[x, y] for x in range(size[0])] for y in range(size[1])], np.uint8))
        for place in part:
            if frame.disposal == CLEARED:
                canvas[place] = (0, 0, 0, 0)
            elif frame.disposal == RESTORED:
                canvas[place] = before[place]
    return seen


def laid_over(below: Pixel, above: Pixel) -> Pixel:
    """One pixel over another in exact fractions, rounded to the nearest at the end."""
    a, b = Fraction(above[3], 255), Fraction(below[3], 255)
    alpha = a + b * (1 - a)
    if a == 0:
        return below
    colour = [
        (Fraction(one) * a + Fraction(other) * b * (1 - a)) / alpha
        for one, other in zip(above[:3], below[:3], strict=True)
    ]
    r, g, b_, whole = (int(value + Fraction(1, 2)) for value in (*colour, 255 * alpha))
    return r, g, b_, whole

"""Animated PNG (PNG, third edition): its timeline, and its frames composed as that says.

Pillow decodes each frame as a PNG of its own. What it makes of animations is not what they show: frames that
are to be laid over others it pastes, which takes their alpha twice and darkens their edges.
"""

import io
import itertools
import struct
from collections.abc import Iterator
from typing import Final

from PIL import Image, PngImagePlugin

from pipeline.errors import MediaCorrupt
from pipeline.media.animations.canvas import RESTORED, Canvas, Cover, Placement
from pipeline.media.animations.timeline import Timeline
from pipeline.media.pictures.containers import KeptParts
from pipeline.media.pictures.metadata import orientation
from pipeline.media.pictures.png import (
    CLEAR_TYPES,
    GREY_TYPES,
    PngDescription,
    png_chunk,
    png_chunks,
)

_MOST_BYTES: Final = {b"PLTE": 3 * 256, b"tRNS": 256}
"""What of the colours is repeated for each frame, and how much at most."""
_KEPT: Final = (b"IHDR", *_MOST_BYTES, b"fcTL", b"IDAT", b"fdAT", b"IEND")
_SIGNATURE_BYTES: Final = 8
_COLOUR_TYPE_AT: Final = 25


def read_png_timeline(data: bytes) -> Timeline | None:
    """Walk an APNG to its IEND; None where it is no animation, MediaCorrupt if cut or out of order."""
    if not _announces_animation(data):
        return None
    kept, durations_ms, about = KeptParts(data, _SIGNATURE_BYTES), list[float](), PngDescription()
    size = struct.unpack(">II", data[16:24])
    order, cover = _Order(size), Cover(size)
    count, plays, clear = 0, 0, False
    for kind, start, end in png_chunks(data):
        body = memoryview(data)[start + 8 : end - 4]
        about.take(kind, body)
        if kind == b"acTL":
            count, plays = struct.unpack(">II", body)
        elif kind == b"fcTL":
            cover.take(_placement(body, size))
            durations_ms.append(_duration_ms(body))
        clear |= kind == b"tRNS"
        order.take(kind, body)
        if kind in _KEPT and (durations_ms or kind != b"IDAT"):  # but no picture that is no part of it
            kept.keep(start, end)
    if len(durations_ms) != count or about.size != size:
        raise MediaCorrupt
    return Timeline(
        size=size,
        data=kept.joined(),
        durations_ms=tuple(durations_ms),
        plays=plays,
        has_alpha=clear or about.colour_type in CLEAR_TYPES or cover.has_gaps,
        orientation=orientation(about.exif, about.xmp),
        icc=about.icc,
        notices=about.notices,
    )


def png_images(timeline: Timeline) -> Iterator[Image.Image]:
    """Compose each frame of an APNG; an image holds until the next one is asked for.

    Frames are laid on one another as the file has their colours, before any profile is applied to them.

    Raises:
        MediaCorrupt: a frame is damaged.
    """
    grey = timeline.data[_COLOUR_TYPE_AT] in GREY_TYPES
    canvas = Canvas(timeline.size, grey=grey, has_alpha=timeline.has_alpha)
    return canvas.compose(_stills(timeline.data), PngImagePlugin.PngImageFile)


def _stills(data: bytes) -> Iterator[tuple[Placement, io.BytesIO]]:
    """Each frame as a still PNG, from the data of a timeline."""
    size, form = struct.unpack(">II", data[16:24]), data[24:29]
    placed, png, colours = None, io.BytesIO(), dict[bytes, bytes]()
    for kind, start, end in png_chunks(data):
        body = memoryview(data)[start + 8 : end - 4]
        if kind in _MOST_BYTES and kind not in colours:
            colours[kind] = png_chunk(kind, bytes(body[: _MOST_BYTES[kind]]))
            png.write(colours[kind])  # they may also come between the first fcTL and its pixels
        elif kind in (b"IDAT", b"fdAT"):
            png.write(png_chunk(b"IDAT", bytes(body if kind == b"IDAT" else body[4:])))
        elif kind in (b"fcTL", b"IEND"):
            if placed is not None:
                png.write(png_chunk(b"IEND", b""))
                png.seek(0)
                yield placed, png
            if kind == b"IEND":
                break
            placed = _placement(body, size)
            png = io.BytesIO()
            header = png_chunk(b"IHDR", struct.pack(">II", *placed.size) + form)
            png.write(data[:_SIGNATURE_BYTES] + header + b"".join(colours.values()))


def _announces_animation(data: bytes) -> bool:
    """Whether an acTL stands before the pixels, where alone it counts; reads only the chunks' heads."""
    at, kind = 8, data[12:16]
    while kind not in (b"acTL", b"IDAT", b""):
        at += 12 + int.from_bytes(data[at : at + 4], "big")
        kind = data[at + 4 : at + 8]
    return kind == b"acTL"


def _placement(control: memoryview, size: tuple[int, int]) -> Placement:
    """Read an fcTL's body on a canvas of a size; raises MediaCorrupt where it cannot be."""
    if len(control) != 26:  # noqa: PLR2004 -- fixed by the format
        raise MediaCorrupt
    width, height, left, top, disposal, over = struct.unpack(">4x4I4x2B", control)
    if min(width, height) < 1 or left + width > size[0] or top + height > size[1]:
        raise MediaCorrupt
    if disposal > RESTORED or over > 1:
        raise MediaCorrupt
    part = slice(top, top + height), slice(left, left + width)
    return Placement(part=part, disposal=disposal, over=bool(over))


def _duration_ms(control: memoryview) -> float:
    delay, unit = struct.unpack(">20x2H2x", control)
    return float(1000 * delay / (unit or 100))  # a denominator of 0 stands for 100


class _Order:
    """Sees that frames are numbered, that each has pixels, and where; raises MediaCorrupt where not."""

    def __init__(self, size: tuple[int, int]) -> None:
        self._size = size
        self._numbers = itertools.count()
        self._pixels = b""
        self._has_still = False
        self._filled = True

    def take(self, kind: bytes, body: memoryview) -> None:
        """Look at the next chunk."""
        numbered = kind in (b"fcTL", b"fdAT")
        if numbered and (len(body) < 4 or int.from_bytes(body[:4], "big") != next(self._numbers)):  # noqa: PLR2004 -- of 32 bits
            raise MediaCorrupt
        if kind in (b"fcTL", b"IEND") and not self._filled:
            raise MediaCorrupt
        if kind == b"fcTL":
            self._begin(body)
        elif kind == b"IDAT" and not self._pixels:
            self._has_still = True
        elif kind in (b"IDAT", b"fdAT"):
            if kind != self._pixels:
                raise MediaCorrupt
            self._filled = True

    def _begin(self, control: memoryview) -> None:
        """Of a first frame that is the still picture, the pixels are that one's, which is whole."""
        self._pixels = b"fdAT" if self._has_still or self._pixels else b"IDAT"
        self._filled = False
        if self._pixels == b"IDAT" and struct.unpack(">4x4I", control[:20]) != (*self._size, 0, 0):
            raise MediaCorrupt

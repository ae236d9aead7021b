"""The outside of a picture file: its size, its colour profile and turn, and the bytes to decode.

Each reader walks one container format before any pixel is decoded. It refuses what is cut short, and
passes on only what the pixels need: text, previews, animation frames and unknown blocks never reach the
decoder, so that they can neither exhaust memory nor break a sound picture.
"""

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from pipeline.errors import MediaCorrupt
from pipeline.face import Notice

MAX_PROFILE_BYTES = 4 << 20
"""Colour profiles larger than this are ignored; real ones are below 2 MB (CMYK print profiles)."""


@dataclass(frozen=True, kw_only=True)
class Container:
    """What a file says of its picture."""

    #: (width, height) in pixels as stored, before any turn.
    size: tuple[int, int]
    #: The file, less what the decoder does not need.
    data: bytes
    #: (width, height) of a tile that is larger than the picture; the decoder holds a whole one.
    tile: tuple[int, int] = (0, 0)
    #: The EXIF block starting with its TIFF header, empty if there is none.
    exif: bytes = b""
    #: The XMP packet, empty if there is none.
    xmp: bytes = b""
    #: The ICC profile, empty if there is none.
    icc: bytes = b""
    #: How many pictures the file holds; 2 stands for "more than one".
    frames: int = 1
    #: Bits of a channel, where the format has several; 8 where it has not.
    depth: int = 8
    #: The chunk of a PNG's transparent colour, empty if there is none.
    transparent_colour: bytes = b""
    #: Where in `data` a JPEG's end mark stands, if it is to be checked that no bits are missing; else None.
    coded_end: int | None = None
    #: Whether what such a picture lacks shows as a grey last pixel; else only decoding it tells.
    shows_gaps: bool = False
    #: When the picture was taken, where `exif` does not say it.
    date: str | None = None
    #: What the sender should know of how the file is made.
    notices: tuple[Notice, ...] = ()


class KeptParts:
    """Parts of a file that are passed on, in order.

    Parts that touch are kept as one: a file of a million tiny blocks takes no more memory than any other.
    """

    def __init__(self, data: bytes, end: int) -> None:
        """Begin with all of `data` up to `end`."""
        self._data = data
        self._parts: list[slice] = []
        self._last = slice(0, end)
        self._size = end

    def keep(self, start: int, end: int) -> None:
        """Keep one more part, which comes after those before."""
        self._size += end - start
        if start == self._last.stop:
            self._last = slice(self._last.start, end)
        else:
            self._parts.append(self._last)
            self._last = slice(start, end)

    @property
    def size(self) -> int:
        """How many bytes are kept so far."""
        return self._size

    def joined(self, tail: bytes = b"") -> bytes:
        """Copy the parts, and then the tail."""
        view = memoryview(self._data)
        return b"".join((*(view[part] for part in (*self._parts, self._last)), tail))


GIF_CONTROL = 0xF9
"""Label of the extension that holds a frame's delay, disposal and transparent colour."""


def read_gif(data: bytes) -> Container:
    """Walk a GIF (89a) through its first frame, which alone is kept; raises MediaCorrupt if cut short."""
    at = 13 + gif_palette_bytes(data, 10)
    kept, control = data[:at], b""
    while True:
        kind = data[at : at + 1]
        if kind == b",":
            break
        if kind != b"!":
            raise MediaCorrupt
        end = gif_blocks_end(data, at + 2)
        if data[at + 1] == GIF_CONTROL and end == at + 8:
            # Without its disposal method, which matters only to a second frame.
            control = data[at : at + 3] + bytes((data[at + 3] & 0x01,)) + data[at + 4 : end]
        at = end
    if at + 10 > len(data):
        raise MediaCorrupt
    left, top, width, height = struct.unpack("<4H", data[at + 1 : at + 9])
    end = gif_blocks_end(data, at + 11 + gif_palette_bytes(data, at + 9))
    canvas_width, canvas_height = struct.unpack("<2H", data[6:10])
    return Container(
        size=(max(canvas_width, left + width), max(canvas_height, top + height)),
        data=kept + control + data[at:end] + b";",
        frames=1 if data[end : end + 1] in (b";", b"") else 2,
    )


def gif_palette_bytes(data: bytes, flags_at: int) -> int:
    """Length of the colour table that the flags at `flags_at` announce."""
    if flags_at >= len(data):
        raise MediaCorrupt
    flags = data[flags_at]
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def gif_blocks_end(data: bytes, at: int) -> int:
    """Where a chain of data blocks that starts at `at` ends; raises MediaCorrupt if it does not."""
    while at < len(data) and data[at]:
        at += data[at] + 1
    if at >= len(data):
        raise MediaCorrupt
    return at + 1


def read_webp(data: bytes) -> Container:
    """Read a WebP's canvas (RFC 9649); raises MediaCorrupt where the file is shorter than it says."""
    if int.from_bytes(data[4:8], "little") + 8 > len(data) or len(data) < 30:  # noqa: PLR2004 -- VP8 header
        raise MediaCorrupt
    kind = data[12:16]
    if kind == b"VP8X":
        width = int.from_bytes(data[24:27], "little") + 1
        height = int.from_bytes(data[27:30], "little") + 1
    elif kind == b"VP8L":
        bits = int.from_bytes(data[21:25], "little")
        width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    elif kind == b"VP8 ":
        width, height = (side & 0x3FFF for side in struct.unpack("<2H", data[26:30]))
    else:
        raise MediaCorrupt
    return Container(size=(width, height), data=data)


def riff_chunks(data: bytes, at: int, end: int) -> Iterator[tuple[bytes, bytes]]:
    """Kind and content of each RIFF chunk from `at` on; raises MediaCorrupt where one leaves `end`."""
    if end > len(data):
        raise MediaCorrupt
    while at + 8 <= end:
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        if at + 8 + size > end:
            raise MediaCorrupt
        yield data[at : at + 4], data[at + 8 : at + 8 + size]
        at += 8 + size + size % 2


def read_bmp(data: bytes) -> Container:
    """Read a BMP's size from its DIB header, whose height is negative when rows go downwards."""
    if len(data) < 26:  # noqa: PLR2004 -- the smallest header there is
        raise MediaCorrupt
    if data[14] == 12:  # noqa: PLR2004 -- BITMAPCOREHEADER, with sides of 16 bits
        width, height = struct.unpack("<2H", data[18:22])
    else:
        width, height = struct.unpack("<2i", data[18:26])
    return Container(size=(width, abs(height)), data=data)


# An item entry of ISO/IEC 14496-12, 8.11.6: version and flags, id, protection, and then the item's type.
_EXIF_ITEM = re.compile(rb"(infe.{8})Exif", re.DOTALL)


def without_exif(avif: bytes) -> bytes:
    """Rename an AVIF's EXIF item, which does not turn the picture, so that its faults do not matter."""
    return _EXIF_ITEM.sub(rb"\1skip", avif)

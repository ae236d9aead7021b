"""The outside of a picture file: its size, its colour profile and turn, and the bytes to decode.

Each reader walks one container format before any pixel is decoded. It refuses what is cut short, and
passes on only what the pixels need: text, previews, animation frames and unknown blocks never reach the
decoder, so that they can neither exhaust memory nor break a sound picture.
"""

import math
import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from pipeline.errors import MediaCorrupt

MAX_PROFILE_BYTES = 4 << 20
"""Colour profiles larger than this are ignored; real ones are below 2 MB (CMYK print profiles)."""


@dataclass(frozen=True, kw_only=True)
class Container:
    """What a file says of its picture."""

    #: (width, height) in pixels as stored, before any turn.
    size: tuple[int, int]
    #: The file, less what the decoder does not need.
    data: bytes
    #: The EXIF block starting with its TIFF header, empty if there is none.
    exif: bytes = b""
    #: The ICC profile, empty if there is none.
    icc: bytes = b""
    #: How many pictures the file holds; 2 stands for "more than one".
    frames: int = 1
    #: Bits of a channel, where the format has several; 8 where it has not.
    depth: int = 8
    #: The chunk of a PNG's transparent colour, empty if there is none.
    transparent_colour: bytes = b""


class KeptParts:
    """Parts of a file that are passed on, in order.

    Parts that touch are kept as one: a file of a million tiny blocks takes no more memory than any other.
    """

    def __init__(self, data: bytes, end: int) -> None:
        """Begin with all of `data` up to `end`."""
        self._data = data
        self._parts: list[slice] = []
        self._last = slice(0, end)

    def keep(self, start: int, end: int) -> None:
        """Keep one more part, which comes after those before."""
        if start == self._last.stop:
            self._last = slice(self._last.start, end)
        else:
            self._parts.append(self._last)
            self._last = slice(start, end)

    def joined(self, tail: bytes = b"") -> bytes:
        """Copy the parts, and then the tail."""
        view = memoryview(self._data)
        return b"".join((*(view[part] for part in (*self._parts, self._last)), tail))


def read_png(data: bytes) -> Container:
    """Walk a PNG (ISO/IEC 15948) to its IEND; raises MediaCorrupt on a bad CRC or a missing end."""
    kept, exif, icc, key, frames, depth = KeptParts(data, 8), b"", b"", b"", 1, 8
    size: tuple[int, int] | None = None
    for kind, start, end in png_chunks(data):
        body = memoryview(data)[start + 8 : end - 4]
        if kind == b"IHDR" and len(body) == 13:  # noqa: PLR2004 -- fixed by the format
            size, depth = struct.unpack(">II", body[:8]), body[8]
        elif kind == b"eXIf":
            exif = bytes(body)
        elif kind == b"iCCP":
            icc = png_profile(bytes(body))
        elif kind == b"acTL":
            frames = 2
        elif kind == b"tRNS":
            key = data[start:end]
        if kind in (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"):
            kept.keep(start, end)
    if size is None:
        raise MediaCorrupt
    return Container(
        size=size,
        data=kept.joined(),
        exif=exif,
        icc=icc,
        frames=frames,
        depth=depth,
        transparent_colour=key,
    )


def png_chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Kind, start and end of each sound chunk up to IEND; raises MediaCorrupt as `read_png`.

    Its content begins 8 bytes after the start and ends 4 before the end.
    """
    at, kind = 8, b""
    while kind != b"IEND":
        length = int.from_bytes(data[at : at + 4], "big")
        kind, end = data[at + 4 : at + 8], at + 12 + length
        if end > len(data) or (at == 8) != (kind == b"IHDR"):  # noqa: PLR2004 -- the signature's length
            raise MediaCorrupt
        crc = int.from_bytes(data[end - 4 : end], "big")
        if zlib.crc32(memoryview(data)[at + 4 : end - 4]) == crc:
            yield kind, at, end
        elif not kind[0] & 0x20:  # bit 5 of the first letter marks what a decoder may skip
            raise MediaCorrupt
        at = end


def png_profile(body: bytes) -> bytes:
    """Unpack the profile of an iCCP chunk's body; empty where that is damaged or too large."""
    inflater = zlib.decompressobj()
    try:
        # After the profile's name, its end and the number of the compression method.
        profile = inflater.decompress(body.partition(b"\0")[2][1:], MAX_PROFILE_BYTES)
    except zlib.error:
        return b""
    return profile if inflater.eof else b""


_APP1, _APP2, _SCAN, _END = 0xE1, 0xE2, 0xDA, 0xD9
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
# Their scans spend at least one bit on each block of 8 x 8 pixels; with fewer, the rest would be made up.
_JPEG_HUFFMAN = frozenset((0xC0, 0xC1, 0xC2))
_JPEG_FILL = re.compile(rb"\xff+")
_JPEG_SKIPPED = frozenset(range(0xE1, 0xEE)) | {0xFE}  # APP1 to APP13, comment; APP14 tells the colours


def read_jpeg(data: bytes) -> Container:
    """Walk a JPEG (ITU-T T.81) to its first scan; raises MediaCorrupt where there is none."""
    kept, exif, profiles = [data[:2]], b"", list[bytes]()
    size, smallest, scan = (0, 0), 0, 0
    for marker, at, end in _jpeg_segments(data):
        body, scan = data[at + 4 : end], end
        if marker in _JPEG_FRAMES and len(body) > 5:  # noqa: PLR2004 -- precision, height, width
            height, width = struct.unpack(">HH", body[1:5])
            size = (width, height)
            smallest = math.ceil(width / 8) * math.ceil(height / 8) // 8 if marker in _JPEG_HUFFMAN else 0
        if marker == _APP1 and body.startswith(b"Exif\0\0") and not exif:
            exif = body[6:]
        elif marker == _APP2 and body.startswith(b"ICC_PROFILE\0"):
            profiles.append(body[12:])
        elif marker not in _JPEG_SKIPPED:
            kept.append(data[at:end])
    if len(data) - scan < smallest:
        raise MediaCorrupt
    _check_scans(data, scan)
    return Container(size=size, data=b"".join((*kept, data[scan:])), exif=exif, icc=_join_profile(profiles))


def _jpeg_segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Marker, start and end of each segment up to the head of the first scan."""
    at, marker = 2, 0
    while marker != _SCAN:
        fill = _JPEG_FILL.match(data, at)  # any number of 0xFF may precede a marker
        if fill is None or fill.end() + 3 > len(data):
            raise MediaCorrupt
        at, marker = fill.end() - 1, data[fill.end()]
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        if end < at + 4 or end > len(data):
            raise MediaCorrupt
        yield marker, at, end
        at = end


_MAX_SCANS = 200
"""A progressive JPEG needs some ten; each costs a pass over all pixels, however few its bytes."""
_JPEG_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")  # stuffing, restarts and fill belong to a scan


def _check_scans(data: bytes, at: int) -> None:
    """Refuse a JPEG whose scans after the first, which starts at `at`, would take for ever."""
    for _ in range(_MAX_SCANS):
        marker = _JPEG_MARKER.search(data, at)
        while marker is not None and data[marker.start() + 1] not in (_SCAN, _END):
            following = marker.start() + 2
            length = max(2, int.from_bytes(data[following : following + 2], "big"))
            marker = _JPEG_MARKER.search(data, following + length)
        if marker is None or data[marker.start() + 1] == _END:
            return
        at = marker.end()
    raise MediaCorrupt("The JPEG is stored in far more passes than a picture needs; save it anew.")


def _join_profile(parts: list[bytes]) -> bytes:
    """Put the parts of a JPEG's ICC profile in order; empty if one is missing (ICC.1:2022, B.4)."""
    parts = sorted(parts)
    complete = [part[:2] for part in parts] == [bytes((n + 1, len(parts))) for n in range(len(parts))]
    return b"".join(part[2:] for part in parts) if complete else b""


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


_ORIENTATION_TAG = 0x0112


def exif_orientation(exif: bytes) -> int:
    """Read the orientation, 1..8, from the first directory of an EXIF block; 1 where there is none."""
    exif = exif.removeprefix(b"Exif\0\0")
    order = {b"II": "<", b"MM": ">"}.get(exif[:2])
    if order is None:
        return 1
    try:
        (at,) = struct.unpack_from(order + "I", exif, 4)
        (count,) = struct.unpack_from(order + "H", exif, at)
        for entry in range(at + 2, at + 2 + 12 * count, 12):
            tag, _, _, value = struct.unpack_from(order + "HHIH", exif, entry)
            if tag == _ORIENTATION_TAG:
                return int(value) if 1 <= value <= 8 else 1  # noqa: PLR2004 -- the values EXIF defines
    except struct.error:
        return 1
    return 1

"""The outside of a PNG (ISO/IEC 15948): its chunks, and what they say of its pixels."""

import struct
import zlib
from collections.abc import Iterator
from typing import Final

from pipeline.errors import MediaCorrupt
from pipeline.face import Notice
from pipeline.media.pictures.colour_space import ColourSpace, from_cicp, from_gamma
from pipeline.media.pictures.containers import MAX_PROFILE_BYTES, Container, KeptParts

GREY_TYPES: Final = (0, 4)
"""Colour types of grey, without and with alpha."""
CLEAR_TYPES: Final = (4, 6)
"""Colour types with alpha, of grey and of colour."""
PNG_HEADER_BYTES: Final = 33
"""Signature and IHDR, after which any chunk may stand."""
PNG_XMP: Final = b"XML:com.adobe.xmp\0"
_DESCRIBED_BY: Final = (b"eXIf", b"cICP", b"iCCP", b"sRGB", b"gAMA", b"cHRM")


def read_png(data: bytes) -> Container:
    """Walk a PNG to its IEND; raises MediaCorrupt on a bad CRC or a missing end."""
    kept, key, frames, about = KeptParts(data, 8), b"", 1, PngDescription()
    for kind, start, end in png_chunks(data):
        about.take(kind, memoryview(data)[start + 8 : end - 4])
        if kind == b"acTL":
            frames = 2
        elif kind == b"tRNS":
            key = data[start:end]
        if kind in (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"):
            kept.keep(start, end)
    if about.size is None:
        raise MediaCorrupt
    return Container(
        size=about.size,
        data=kept.joined(),
        exif=about.exif,
        xmp=about.xmp,
        icc=about.icc,
        frames=frames,
        depth=about.depth,
        transparent_colour=key,
        notices=about.notices,
    )


class PngDescription:
    """Takes what chunks say of the pixels, one after the other."""

    def __init__(self) -> None:
        #: Width and height in pixels; None before the header came.
        self.size: tuple[int, int] | None = None
        #: Bits of a channel.
        self.depth = 8
        #: The number of its colour type.
        self.colour_type = 0
        self._parts: dict[bytes, bytes] = {}

    def take(self, kind: bytes, body: memoryview) -> None:
        """Look at one chunk; of several of a kind the first counts."""
        if kind == b"IHDR" and len(body) == 13:  # noqa: PLR2004 -- fixed by the format
            self.size, self.depth, self.colour_type = struct.unpack(">II", body[:8]), body[8], body[9]
        elif kind in _DESCRIBED_BY or (kind == b"iTXt" and body[: len(PNG_XMP)].tobytes() == PNG_XMP):
            self._parts.setdefault(kind, bytes(body))

    @property
    def exif(self) -> bytes:
        """The EXIF block, empty if there is none."""
        return self._parts.get(b"eXIf", b"")

    @property
    def xmp(self) -> bytes:
        """The XMP packet, empty if there is none (XMP specification, part 3, 1.1.5)."""
        body = self._parts.get(b"iTXt", b"")[len(PNG_XMP) :]
        if len(body) < 2:  # noqa: PLR2004 -- two flags: whether it is packed, and how
            return b""
        text = body[2:].partition(b"\0")[2].partition(b"\0")[2]  # after its language and its name in that
        return _inflated(text) if body[0] else text

    @property
    def icc(self) -> bytes:
        """A colour profile of what the pixels mean, empty where that is sRGB or unknown.

        Of several things that say so, the first of cICP, iCCP, sRGB, gAMA with cHRM counts (PNG, third
        edition, 4.3).
        """
        space = self._space
        if space is not None:
            return space.profile(grey=self.colour_type in GREY_TYPES)
        if b"cICP" not in self._parts and b"iCCP" in self._parts:
            return png_profile(self._parts[b"iCCP"])
        return b""

    @property
    def notices(self) -> tuple[Notice, ...]:
        """What of the colours could not be heeded."""
        space = self._space
        return () if space is None else space.notices

    @property
    def _space(self) -> ColourSpace | None:
        if b"cICP" in self._parts:
            return from_cicp(self._parts[b"cICP"])
        if b"iCCP" in self._parts or b"sRGB" in self._parts:
            return None
        return from_gamma(self._parts.get(b"gAMA", b""), self._parts.get(b"cHRM", b""))


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


def png_chunks_unread(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Kind of each chunk, sound or not, and where its content begins and ends, without summing that up."""
    at = 8
    while at + 8 <= len(data):
        start = at + 8
        end = start + int.from_bytes(data[at : at + 4], "big")
        yield data[at + 4 : start], start, end
        at = end + 4


def png_chunk(kind: bytes, body: bytes) -> bytes:
    """Write a chunk with its length and CRC."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_profile(body: bytes) -> bytes:
    """Unpack the profile of an iCCP chunk's body; empty where that is damaged or too large."""
    # After the profile's name, its end and the number of the compression method.
    return _inflated(body.partition(b"\0")[2][1:])


def _inflated(packed: bytes) -> bytes:
    inflater = zlib.decompressobj()
    try:
        unpacked = inflater.decompress(packed, MAX_PROFILE_BYTES)
    except zlib.error:
        return b""
    return unpacked if inflater.eof else b""

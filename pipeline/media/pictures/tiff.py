"""The outside of a TIFF: its first directory, written anew with what its pixels need."""

import struct
from dataclasses import dataclass

from pipeline.errors import MediaCorrupt, UnsupportedMedia
from pipeline.media.pictures.containers import Container
from pipeline.media.pictures.metadata import exif_date

_TIFF_TYPE_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8}
# Geometry, layout, compression and colour; neither descriptions nor EXIF, XMP or further directories.
_TIFF_PIXEL_TAGS = frozenset(
    (*range(256, 260), 262, 266, 273, 274, 277, 278, 279, 284, 292, 293, 317, 320, *range(322, 326))
) | {332, 334, 338, 339, 347, *range(512, 522), *range(529, 533), 34675}
_WIDTH, _LENGTH, _BITS, _SAMPLES, _PLANES, _TILE_WIDTH, _TILE_LENGTH = 256, 257, 258, 277, 284, 322, 323
_XMP_TAG, _BIG_HEAD = 700, 8
_TIFF_NUMBERS = (_WIDTH, _LENGTH, _SAMPLES, _PLANES, _TILE_WIDTH, _TILE_LENGTH)


@dataclass(frozen=True, kw_only=True)
class _Layout:
    """How a TIFF (6.0) or BigTIFF writes its directories."""

    #: The order of its bytes, for `struct`.
    order: str
    #: Where the place of the first directory stands.
    head: int
    count: str
    offset: str
    entry: str

    @property
    def entry_bytes(self) -> int:
        return struct.calcsize(self.entry)

    def first_directory(self, data: bytes) -> tuple[int, range, int]:
        """Where it is, where each of its entries is, and where the next directory is; raises struct.error."""
        (at,) = struct.unpack_from(self.offset, data, self.head)
        (count,) = struct.unpack_from(self.count, data, at)
        first = at + struct.calcsize(self.count)
        end = first + count * self.entry_bytes
        (following,) = struct.unpack_from(self.offset, data, end)
        return at, range(first, end, self.entry_bytes), following


def _layout(data: bytes) -> _Layout:
    order = "<" if data[:2] == b"II" else ">"
    if data[2:4] in (b"+\0", b"\0+"):
        return _Layout(
            order=order, head=_BIG_HEAD, count=order + "Q", offset=order + "Q", entry=order + "HHQ8s"
        )
    return _Layout(order=order, head=4, count=order + "H", offset=order + "I", entry=order + "HHI4s")


def tiff_xmp(data: bytes) -> bytes:
    """The XMP packet of a TIFF's first directory (XMP specification, part 3, 1.1.6), empty if it has none."""
    layout = _layout(data)
    try:
        for entry in layout.first_directory(data)[1]:
            tag, _, length, value = struct.unpack_from(layout.entry, data, entry)
            if tag == _XMP_TAG and length > len(value):
                (offset,) = struct.unpack(layout.offset, value)
                return data[offset : offset + length]
    except struct.error:
        return b""
    return b""


def read_tiff(data: bytes) -> Container:
    """Read a TIFF's first directory (TIFF 6.0, BigTIFF) and write it anew with what concerns pixels.

    Raises:
        MediaCorrupt: the directory leaves the file.
        UnsupportedMedia: its samples are of 16 bits and in planes.
    """
    layout = _layout(data)
    order = layout.order
    numbers, kept, depth = dict[int, int](), list[bytes](), 8
    try:
        at, entries, following = layout.first_directory(data)
        for entry in entries:
            tag, kind, number, value = struct.unpack_from(layout.entry, data, entry)
            if tag not in _TIFF_PIXEL_TAGS:
                continue
            unit = _TIFF_TYPE_BYTES.get(kind, 0)
            if unit * number > len(value):
                (offset,) = struct.unpack(layout.offset, value)
                _check_inside(data, offset, unit * number)
                if tag == _BITS:
                    (depth,) = struct.unpack_from(order + "H", data, offset)
            elif tag == _BITS:
                (depth,) = struct.unpack_from(order + "H", value)
            elif tag in _TIFF_NUMBERS:
                numbers[tag] = int.from_bytes(value[:unit], "little" if order == "<" else "big")
            kept.append(data[entry : entry + layout.entry_bytes])
    except struct.error as error:
        raise MediaCorrupt from error
    if not numbers.get(_WIDTH) or not numbers.get(_LENGTH):
        raise MediaCorrupt
    if depth == 16 and numbers.get(_SAMPLES, 1) > 1 and numbers.get(_PLANES) == 2:  # noqa: PLR2004 -- TIFF 6.0
        # Pillow and OpenCV both read such a file without complaint, and wrongly.
        raise UnsupportedMedia(
            "The TIFF keeps its 16-bit colours in separate planes, which this service does not read; "
            "save it with interleaved channels or as PNG."
        )
    directory = struct.pack(layout.count, len(kept)) + b"".join(kept) + struct.pack(layout.offset, 0)
    return Container(
        size=(numbers[_WIDTH], numbers[_LENGTH]),
        tile=(numbers.get(_TILE_WIDTH, 0), numbers.get(_TILE_LENGTH, 0)),
        data=b"".join((data[:at], directory, data[at + len(directory) :])),
        frames=2 if following else 1,
        depth=depth,
        date=None if layout.head == _BIG_HEAD else exif_date(data),
    )


def _check_inside(data: bytes, offset: int, length: int) -> None:
    if offset + length > len(data):
        raise MediaCorrupt

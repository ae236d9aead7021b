"""The outside of a TIFF: its first directory, written anew with what its pixels need."""

import struct

from pipeline.errors import MediaCorrupt, UnsupportedMedia
from pipeline.media.pictures.containers import Container
from pipeline.media.pictures.metadata import exif_date

_TIFF_TYPE_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8}
# Geometry, layout, compression and colour; neither descriptions nor EXIF, XMP or further directories.
_TIFF_PIXEL_TAGS = frozenset(
    (*range(256, 260), 262, 266, 273, 274, 277, 278, 279, 284, 292, 293, 317, 320, *range(322, 326))
) | {332, 334, 338, 339, 347, *range(512, 522), *range(529, 533), 34675}
_WIDTH, _LENGTH, _BITS, _SAMPLES, _PLANES, _TILE_WIDTH, _TILE_LENGTH = 256, 257, 258, 277, 284, 322, 323
_TIFF_NUMBERS = (_WIDTH, _LENGTH, _SAMPLES, _PLANES, _TILE_WIDTH, _TILE_LENGTH)


def read_tiff(data: bytes) -> Container:
    """Read a TIFF's first directory (TIFF 6.0, BigTIFF) and write it anew with what concerns pixels.

    Raises:
        MediaCorrupt: the directory leaves the file.
        UnsupportedMedia: its samples are of 16 bits and in planes.
    """
    order = "<" if data[:2] == b"II" else ">"
    big = data[2:4] in (b"+\0", b"\0+")
    head, count_format, offset_format = (
        (8, order + "Q", order + "Q") if big else (4, order + "H", order + "I")
    )
    entry_format = order + ("HHQ8s" if big else "HHI4s")
    entry_bytes = struct.calcsize(entry_format)
    numbers, kept, depth = dict[int, int](), list[bytes](), 8
    try:
        (at,) = struct.unpack_from(offset_format, data, head)
        (count,) = struct.unpack_from(count_format, data, at)
        first = at + struct.calcsize(count_format)
        (following,) = struct.unpack_from(offset_format, data, first + count * entry_bytes)
        for entry in range(first, first + count * entry_bytes, entry_bytes):
            tag, kind, number, value = struct.unpack_from(entry_format, data, entry)
            if tag not in _TIFF_PIXEL_TAGS:
                continue
            unit = _TIFF_TYPE_BYTES.get(kind, 0)
            if unit * number > len(value):
                (offset,) = struct.unpack(offset_format, value)
                _check_inside(data, offset, unit * number)
                if tag == _BITS:
                    (depth,) = struct.unpack_from(order + "H", data, offset)
            elif tag == _BITS:
                (depth,) = struct.unpack_from(order + "H", value)
            elif tag in _TIFF_NUMBERS:
                numbers[tag] = int.from_bytes(value[:unit], "little" if order == "<" else "big")
            kept.append(data[entry : entry + entry_bytes])
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
    directory = struct.pack(count_format, len(kept)) + b"".join(kept) + struct.pack(offset_format, 0)
    return Container(
        size=(numbers[_WIDTH], numbers[_LENGTH]),
        tile=(numbers.get(_TILE_WIDTH, 0), numbers.get(_TILE_LENGTH, 0)),
        data=b"".join((data[:at], directory, data[at + len(directory) :])),
        frames=2 if following else 1,
        depth=depth,
        date=None if big else exif_date(data),
    )


def _check_inside(data: bytes, offset: int, length: int) -> None:
    if offset + length > len(data):
        raise MediaCorrupt

"""What EXIF blocks and XMP packets say of a picture: which way up it is, and when it was taken."""

import re
import struct
from collections.abc import Iterator
from typing import Final

_ORIENTATION_TAG: Final = 0x0112
_EXIF_DIRECTORY_TAG: Final = 0x8769
_DATE_TAG: Final = 0x0132
_ORIGINAL_DATE_TAG: Final = 0x9003
# EXIF 2.32 says SHORT; some writers use LONG or BYTE, and readers take them.
_NUMBERS: Final = {1: "B", 3: "H", 4: "I"}
_TEXT: Final = 2
_DATE_BYTES: Final = 19
_DATE: Final = re.compile(rb"\d{4}:\d\d:\d\d \d\d:\d\d:\d\d")
# XMP specification, part 2, 2.2: tiff:Orientation, as an attribute or as an element.
_XMP_ORIENTATION: Final = re.compile(rb"tiff:Orientation\s*(?:=\s*[\"']|>)\s*([1-8])\s*[\"'<]")
_MAX_ENTRIES: Final = 1000


def orientation(exif: bytes, xmp: bytes = b"") -> int:
    """How a picture is to be turned, 1..8 (EXIF 2.32, table 6), as EXIF says, else XMP; 1 if neither does."""
    return _exif_orientation(exif) or _xmp_orientation(xmp) or 1


def exif_date(exif: bytes) -> str | None:
    """When a picture was taken as `YYYY:MM:DD HH:MM:SS`, else when it was made; None if EXIF has neither."""
    dates: dict[int, str] = {}
    directory = 0
    for tag, kind, count, value in _entries(exif, None):
        if tag == _EXIF_DIRECTORY_TAG and kind in _NUMBERS:
            directory = _number(exif, kind, value)
        elif tag == _DATE_TAG:
            dates[tag] = _date(exif, kind, count, value)
    for tag, kind, count, value in _entries(exif, directory) if directory else ():
        if tag == _ORIGINAL_DATE_TAG:
            dates[tag] = _date(exif, kind, count, value)
    return dates.get(_ORIGINAL_DATE_TAG) or dates.get(_DATE_TAG) or None


def dated_exif(date: str) -> bytes:
    """An EXIF block, from its TIFF header on, that says when a picture was taken and nothing else."""
    text = date.encode("ascii") + b"\0"
    at = 8 + 2 + 12 + 4  # header and first directory, which points to the EXIF one
    text_at = at + 2 + 12 + 4
    return b"".join(
        (
            b"MM\0*" + struct.pack(">I", 8),
            struct.pack(">HHHIII", 1, _EXIF_DIRECTORY_TAG, 4, 1, at, 0),
            struct.pack(">HHHIII", 1, _ORIGINAL_DATE_TAG, _TEXT, len(text), text_at, 0),
            text,
        )
    )


def _exif_orientation(exif: bytes) -> int:
    for tag, kind, _, value in _entries(exif, None):
        if tag == _ORIENTATION_TAG and kind in _NUMBERS:
            number = _number(exif, kind, value)
            return number if 1 <= number <= 8 else 0  # noqa: PLR2004 -- the values EXIF defines
    return 0


def _xmp_orientation(xmp: bytes) -> int:
    found = _XMP_ORIENTATION.search(xmp)
    return int(found[1]) if found else 0


def _entries(exif: bytes, at: int | None) -> Iterator[tuple[int, int, int, bytes]]:
    """Tag, type, count and value of each entry of a directory, the first one where `at` is None."""
    order = _order(exif)
    if order is None:
        return
    exif = exif.removeprefix(b"Exif\0\0")
    try:
        if at is None:
            (at,) = struct.unpack_from(order + "I", exif, 4)
        (count,) = struct.unpack_from(order + "H", exif, at)
        for entry in range(at + 2, at + 2 + 12 * min(count, _MAX_ENTRIES), 12):
            tag, kind, number, value = struct.unpack_from(order + "HHI4s", exif, entry)
            yield tag, kind, number, value
    except struct.error:
        return  # a block that breaks off says what it has said so far


def _order(exif: bytes) -> str | None:
    return {b"II": "<", b"MM": ">"}.get(exif.removeprefix(b"Exif\0\0")[:2])


def _number(exif: bytes, kind: int, value: bytes) -> int:
    (number,) = struct.unpack_from((_order(exif) or "<") + _NUMBERS[kind], value)
    return int(number)


def _date(exif: bytes, kind: int, count: int, value: bytes) -> str:
    """The text of a date's entry; empty where it is none, as cameras without a clock write it."""
    if kind != _TEXT or count < _DATE_BYTES:
        return ""
    exif, (at,) = exif.removeprefix(b"Exif\0\0"), struct.unpack((_order(exif) or "<") + "I", value)
    text = exif[at : at + _DATE_BYTES]
    return text.decode("ascii") if _DATE.fullmatch(text) else ""

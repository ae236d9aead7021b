"""The outside of a JPEG (ITU-T T.81): its segments up to the first scan, and whether its scans are whole."""

import io
import math
import re
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from PIL import Image, JpegImagePlugin

from pipeline.errors import MediaCorrupt
from pipeline.face import Notice
from pipeline.media.pictures.containers import Container

_APP1, _APP2, _SCAN, _END = 0xE1, 0xE2, 0xDA, 0xD9
_ALONE = frozenset((0x01, *range(0xD0, 0xD8)))  # markers without a segment
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_PROGRESSIVE = 0xC2
# Their scans spend at least one bit on each block of 8 x 8 pixels; with fewer, the rest would be made up.
_HUFFMAN = frozenset((0xC0, 0xC1, _PROGRESSIVE))
_SKIPPED = frozenset(range(0xE1, 0xEE)) | {0xFE}  # APP1 to APP13, comment; APP14 tells the colours
JPEG_XMP = b"http://ns.adobe.com/xap/1.0/\0"
_COEFFICIENTS = 64

# What stands between segments is skipped, as libjpeg does. Any number of 0xFF may precede a marker, of which
# only the last is looked at: to match them all, a file of nothing else would take the square of its length.
_MARKER = re.compile(rb"\xff([^\x00\xff])")
_MARKER_IN_SCAN = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")  # stuffing, restarts and fill belong to a scan
_MAX_SCANS: Final = 200
"""A progressive JPEG needs some ten; each costs a pass over all pixels, however few its bytes."""

_NO_END: Final = Notice(
    code="end_missing",
    message="The JPEG lacks the mark that ends it, as some phones and panoramas write it; "
    "nothing of its picture is missing.",
)
# No byte is a marker's, and to a decoder in want of bits each row is a picture like no other.
_OTHER_BITS: Final = tuple(map(bytes, np.random.default_rng(1).integers(1, 255, (4, 512), np.uint8)))
_GREY: Final = 128
_STRIPE_ROWS: Final = 64


@dataclass(frozen=True, kw_only=True)
class _Frame:
    """What a frame header says."""

    marker: int
    size: tuple[int, int]
    #: The numbers of its components.
    components: Sequence[int]

    @property
    def smallest(self) -> int:
        """The fewest bytes that its scans can have."""
        if self.marker not in _HUFFMAN:
            return 0
        width, height = self.size
        return math.ceil(width / 8) * math.ceil(height / 8) // 8


@dataclass(frozen=True, kw_only=True)
class _Scans:
    """What the scans of a picture are."""

    heads: Sequence[bytes]
    #: Where the end mark stands; None where there is none.
    end: int | None


class _Head:
    """What stands before the first scan."""

    def __init__(self) -> None:
        self.kept: list[bytes] = []
        self.exif = b""
        self.xmp = b""
        self.profiles: list[bytes] = []
        self.frame: _Frame | None = None

    def take(self, marker: int, segment: bytes) -> None:
        """Look at one segment, and keep it if it concerns the pixels."""
        body = segment[4:]
        if marker in _FRAMES and len(body) > 5:  # noqa: PLR2004 -- precision, height, width, components
            height, width = struct.unpack(">HH", body[1:5])
            self.frame = _Frame(marker=marker, size=(width, height), components=body[6::3][: body[5]])
        if marker == _APP1 and body.startswith(b"Exif\0\0"):
            self.exif = self.exif or body[6:]
        elif marker == _APP1 and body.startswith(JPEG_XMP):
            self.xmp = self.xmp or body[len(JPEG_XMP) :]
        elif marker == _APP2 and body.startswith(b"ICC_PROFILE\0"):
            self.profiles.append(body[12:])
        elif marker not in _SKIPPED:
            self.kept.append(segment)


def read_jpeg(data: bytes) -> Container:
    """Walk a JPEG to the end of its last scan; raises MediaCorrupt where one is missing."""
    head, scan, start = _Head(), b"", 0
    for marker, at, end in jpeg_segments(data):
        scan, start = data[at:end], end
        head.take(marker, scan)
    frame = head.frame
    if frame is None or len(data) - start < frame.smallest:
        raise MediaCorrupt
    scans = _find_scans(data, start, scan[4:])
    counted = frame.marker in _HUFFMAN
    if (counted and not _covers(frame, scans.heads)) or (scans.end is None and not counted):
        raise MediaCorrupt
    before = b"".join((data[:2], *head.kept))
    coded, tail = data[start:], b""
    if scans.end is None:
        coded, tail = coded.rstrip(b"\xff"), b"\xff\xd9"  # of which the last may be half an end mark
    bits = len(coded) if scans.end is None else scans.end - start
    return Container(
        size=frame.size,
        data=b"".join((before, coded, tail)),
        exif=head.exif,
        xmp=head.xmp,
        icc=_join_profile(head.profiles),
        coded_end=len(before) + bits if counted else None,
        shows_gaps=scans.end is not None and len(scans.heads) == 1 and frame.marker != _PROGRESSIVE,
        notices=() if scans.end is not None else (_NO_END,),
    )


def check_whole(image: Image.Image, container: Container) -> None:
    """Refuse a decoded JPEG whose scans broke off, which libjpeg fills with grey or leaves coarse.

    Where bits are missing, the decoder takes those that follow: so the file is decoded once more with others
    before its end mark. Most pictures need not be: what their only scan lacks shows in their last pixel.

    Raises:
        MediaCorrupt: something is missing.
    """
    end = container.coded_end
    if end is None or (container.shows_gaps and not _ends_grey(image)):
        return
    data = memoryview(container.data)
    # Where bits are known to be missing, if only the end mark's, more than one guess is worth its time.
    for bits in _OTHER_BITS if container.notices else _OTHER_BITS[:1]:
        with JpegImagePlugin.JpegImageFile(io.BytesIO(b"".join((data[:end], bits, data[end:])))) as other:
            other.load()
            _compare(image, other)


def _compare(image: Image.Image, other: Image.Image) -> None:
    width, height = image.size
    for top in range(0, height, _STRIPE_ROWS):
        box = (0, top, width, min(top + _STRIPE_ROWS, height))
        if image.crop(box).tobytes() != other.crop(box).tobytes():
            raise MediaCorrupt


def _ends_grey(image: Image.Image) -> bool:
    last = image.getpixel((image.width - 1, image.height - 1))
    values = last if isinstance(last, tuple) else (last,)
    return all(value is not None and abs(value - _GREY) <= 1 for value in values)


def jpeg_segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Marker, start and end of each segment up to the head of the first scan; raises MediaCorrupt."""
    at, marker = 2, 0
    while marker != _SCAN:
        found = _MARKER.search(data, at)
        if found is None or found.end() + 2 > len(data):
            raise MediaCorrupt
        at, marker = found.end() - 2, found[1][0]
        if marker in _ALONE:
            at = found.end()
            continue
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        if end < at + 4 or end > len(data) or marker == _END:
            raise MediaCorrupt
        yield marker, at, end
        at = end


def _find_scans(data: bytes, at: int, first: bytes) -> _Scans:
    """Go on from the first scan, whose bits begin at `at`; refuses those that would take for ever."""
    heads = [first]
    while len(heads) <= _MAX_SCANS:
        marker = _MARKER_IN_SCAN.search(data, at)
        if marker is None:
            return _Scans(heads=heads, end=None)
        kind, following = data[marker.start() + 1], marker.end()
        if kind == _END:
            end = marker.start()
            while data[end - 1] == 0xFF:  # noqa: PLR2004 -- any number of which may precede a marker
                end -= 1
            return _Scans(heads=heads, end=end)
        length = max(2, int.from_bytes(data[following : following + 2], "big"))
        at = following + length
        if kind == _SCAN:
            heads.append(data[following + 2 : at])
    raise MediaCorrupt("The JPEG is stored in far more passes than a picture needs; save it anew.")


def _covers(frame: _Frame, heads: Sequence[bytes]) -> bool:
    """Whether the scans bring every component, and of a progressive picture every bit of it."""
    missing: Mapping[int, np.ndarray] = {
        component: np.full(_COEFFICIENTS, 255) for component in frame.components
    }
    for head in heads:
        count = head[0] if head else 0
        if len(head) < 1 + 2 * count + 3:
            return False
        first, last, bits = head[1 + 2 * count : 4 + 2 * count]
        for component in head[1 : 1 + 2 * count : 2]:
            if component in missing and frame.marker == _PROGRESSIVE:
                missing[component][first : last + 1] = bits & 0x0F
            elif component in missing:
                missing[component][:] = 0
    return not any(bits.any() for bits in missing.values())


def _join_profile(parts: list[bytes]) -> bytes:
    """Put the parts of a JPEG's ICC profile in order; empty if one is missing (ICC.1:2022, B.4)."""
    parts = sorted(parts)
    complete = [part[:2] for part in parts] == [bytes((n + 1, len(parts))) for n in range(len(parts))]
    return b"".join(part[2:] for part in parts) if complete else b""

"""Frames to an animated GIF, PNG or WebP with its timing and its provenance mark, one frame at a time."""

import io
import itertools
import struct
from collections.abc import Sequence
from fractions import Fraction
from typing import Final, Literal, Protocol

import cv2
import numpy as np
from PIL import Image

from pipeline.face import Bgr
from pipeline.media.animations.gif_writer import GifWriter
from pipeline.media.animations.timeline import Timeline, riff_chunks
from pipeline.media.pictures.containers import png_chunks
from pipeline.media.pictures.decode import Picture
from pipeline.media.pictures.encode import PNG_HEADER_BYTES, OutputFormat, encode, png_chunk, png_xmp
from pipeline.media.sniff import MediaType

AnimationFormat = Literal["gif", "png", "webp"]

_SAME_AS_TARGET: dict[str, AnimationFormat] = {"gif": "gif", "png": "png", "webp": "webp"}


def animation_format(requested: OutputFormat | None, media: MediaType) -> AnimationFormat | None:
    """Choose the format of an animation's result; None where a format was asked for that does not move."""
    return _SAME_AS_TARGET.get(requested or media.name)


class Packer(Protocol):
    """Packs an animation in one format, frame by frame; what does not change is stored once.

    The bytes it returns, joined, are the file, of which it keeps none; a frame it keeps until the next came.
    """

    @property
    def patch(self) -> tuple[int, bytes] | None:
        """After `finish`: where in the file something must be written over, and what."""
        ...

    def add(self, frame: Picture) -> bytes:
        """Pack a frame; all are of one size. Raises whatever encoders raise."""
        ...

    def finish(self) -> bytes:
        """Pack what comes after the last frame; there was at least one."""
        ...


def open_packer(
    to: AnimationFormat, timeline: Timeline, *, quality: int, lossless: bool, xmp: bytes | None
) -> Packer:
    """Begin an animation that shows its frames as long as `timeline` says, and as often.

    Durations are rounded to hundredths of a second for GIF and to milliseconds for WebP, such that the sum
    stays right.

    Args:
        to: PNG is exact; GIF is where a frame has at most 256 colours and no half transparency.
        timeline: how long each frame shows, how often all of it, and whether any may be transparent.
        quality: 1..100, of lossy WebP.
        lossless: whether WebP is to be exact.
        xmp: the provenance mark, see `pipeline.marks.provenance.xmp_packet`.
    """
    if to == "gif":
        return GifWriter(_rounded(timeline.durations_ms, 10), plays=timeline.plays, xmp=xmp)
    if to == "png":
        return ApngWriter(timeline, xmp=xmp)
    return WebpWriter(timeline, quality=None if lossless else quality, xmp=xmp)


def _rounded(durations_ms: Sequence[float], unit_ms: int) -> list[int]:
    """Durations in whole units, the moments of change being rounded so that errors do not add up."""
    moments = [0, *(round(end / unit_ms) for end in itertools.accumulate(durations_ms))]
    return [later - earlier for earlier, later in itertools.pairwise(moments)]


#: Rows and columns of a frame.
Part = tuple[slice, slice]
_NOTHING: Final = slice(0, 1), slice(0, 1)  # no format has frames without a pixel


class _Changes:
    """Finds in each frame the part that differs from the one before."""

    def __init__(self, *, has_alpha: bool, even: bool) -> None:
        self._has_alpha = has_alpha
        self._step = 2 if even else 1
        self._before: Bgr | None = None

    def next(self, frame: Picture) -> tuple[Bgr, Part]:
        """The changed part of a frame as (h, w, 3 or 4) BGR(A), and where it is; the first is whole."""
        pixels = frame.bgr
        if self._has_alpha:
            alpha = np.full(pixels.shape[:2], 255, np.uint8) if frame.alpha is None else frame.alpha
            pixels = np.dstack((pixels, alpha))
        height, width = pixels.shape[:2]
        whole = slice(0, height), slice(0, width)
        rows, columns = whole if self._before is None else _changed_part(self._before, pixels) or _NOTHING
        top, left = (part.start // self._step * self._step for part in (rows, columns))
        self._before = pixels
        place = slice(top, rows.stop), slice(left, columns.stop)
        return pixels[place], place


def _changed_part(before: Bgr, after: Bgr) -> Part | None:
    """The smallest part that holds all that differs between (h, w, n) pictures; None if nothing does."""
    changed = np.any(before != after, axis=-1)
    rows, columns = (np.flatnonzero(changed.any(axis)) for axis in (1, 0))
    if not rows.size:
        return None
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def _parted(pixels: Bgr) -> tuple[Bgr, Bgr | None]:
    return np.ascontiguousarray(pixels[..., :3]), pixels[..., 3].copy() if pixels.shape[2] > 3 else None  # noqa: PLR2004 -- BGRA


class ApngWriter:
    """Packs an APNG (PNG, third edition): every frame replaces its part of the canvas; see `Packer`."""

    patch = None

    def __init__(self, timeline: Timeline, *, xmp: bytes | None) -> None:
        self._timeline = timeline
        self._durations_ms = iter(timeline.durations_ms)
        self._xmp = xmp
        self._numbers = itertools.count()
        self._changes = _Changes(has_alpha=timeline.has_alpha, even=False)
        self._empty = True

    def add(self, frame: Picture) -> bytes:
        """Pack a frame; the first also as the picture that viewers show which know no animations."""
        pixels, (rows, columns) = self._changes.next(frame)
        bgr, alpha = _parted(pixels)
        png = encode(bgr, alpha, to="png", quality=100, xmp=None).data
        out = self._head(png) if self._empty else []
        place = (bgr.shape[1], bgr.shape[0], columns.start, rows.start)
        duration = _fraction(next(self._durations_ms))
        control = struct.pack(">I4I2HBB", next(self._numbers), *place, *duration, 0, 0)
        out.append(png_chunk(b"fcTL", control))
        out.extend(
            self._data(png[start + 8 : end - 4]) for kind, start, end in png_chunks(png) if kind == b"IDAT"
        )
        self._empty = False
        return b"".join(out)

    def finish(self) -> bytes:
        """Pack the end."""
        return png_chunk(b"IEND", b"")

    def _head(self, png: bytes) -> list[bytes]:
        """What comes before the first frame, of which `png` is the picture."""
        timeline = self._timeline
        return [
            png[:PNG_HEADER_BYTES] + (b"" if self._xmp is None else png_xmp(self._xmp)),
            png_chunk(b"acTL", struct.pack(">II", len(timeline.durations_ms), timeline.plays)),
        ]

    def _data(self, packed: bytes) -> bytes:
        if self._empty:
            return png_chunk(b"IDAT", packed)
        return png_chunk(b"fdAT", struct.pack(">I", next(self._numbers)) + packed)


def _fraction(duration_ms: float) -> tuple[int, int]:
    """Seconds as a fraction of two 16-bit numbers."""
    seconds = min(duration_ms / 1000, 65_535)
    fraction = Fraction(seconds).limit_denominator(int(65_535 / max(seconds, 1)))
    return fraction.numerator, fraction.denominator


_CLEAR, _XMP, _ANIMATED = 0x10, 0x04, 0x02
_REPLACE = 0x02  # do not blend with what is there
_LONGEST_MS = (1 << 24) - 1


class WebpWriter:
    """Packs an animated WebP (RFC 9649); see `Packer`.

    Every frame replaces its part of the canvas, which starts even. The file begins with its length, which is
    known at its end.
    """

    def __init__(self, timeline: Timeline, *, quality: int | None, xmp: bytes | None) -> None:
        """Begin an animation; it is exact where no quality is given."""
        self._timeline = timeline
        self._durations_ms = iter(_rounded(timeline.durations_ms, 1))
        self._quality = quality
        self._xmp = xmp
        self._changes = _Changes(has_alpha=timeline.has_alpha, even=True)
        self._size_bytes = 0

    @property
    def patch(self) -> tuple[int, bytes]:
        """The length of what follows it."""
        return 4, struct.pack("<I", self._size_bytes - 8)

    def add(self, frame: Picture) -> bytes:
        """Pack a frame."""
        pixels, (rows, columns) = self._changes.next(frame)
        height, width = pixels.shape[:2]
        duration_ms = min(next(self._durations_ms), _LONGEST_MS)
        values = (columns.start // 2, rows.start // 2, width - 1, height - 1, duration_ms)
        control = b"".join(map(_three, values)) + bytes((_REPLACE,))
        packed = _riff(b"ANMF", control + _webp_pixels(pixels, self._quality))
        if not self._size_bytes:
            packed = self._head(width, height) + packed
        self._size_bytes += len(packed)
        return packed

    def finish(self) -> bytes:
        """Pack the mark."""
        mark = b"" if self._xmp is None else _riff(b"XMP ", self._xmp)
        self._size_bytes += len(mark)
        return mark

    def _head(self, width: int, height: int) -> bytes:
        timeline = self._timeline
        flags = _ANIMATED | (_CLEAR if timeline.has_alpha else 0) | (0 if self._xmp is None else _XMP)
        canvas = bytes((flags, 0, 0, 0)) + _three(width - 1) + _three(height - 1)
        repeats = struct.pack("<IH", 0, min(timeline.plays, 65_535))
        return b"RIFF" + bytes(4) + b"WEBP" + _riff(b"VP8X", canvas) + _riff(b"ANIM", repeats)


def _webp_pixels(pixels: Bgr, quality: int | None) -> bytes:
    """The chunks of a still WebP that hold its pixels; exact where no quality is given."""
    if quality is None:
        buffer = io.BytesIO()
        code = cv2.COLOR_BGRA2RGBA if pixels.shape[2] > 3 else cv2.COLOR_BGR2RGB  # noqa: PLR2004 -- BGRA
        # Effort 40 of 100; `exact` keeps the colour of what is transparent.
        Image.fromarray(cv2.cvtColor(pixels, code)).save(
            buffer, "webp", lossless=True, exact=True, method=2, quality=40
        )
        still = buffer.getvalue()
    else:
        bgr, alpha = _parted(pixels)
        still = encode(bgr, alpha, to="webp", quality=quality, xmp=None).data
    return b"".join(
        _riff(kind, body)
        for kind, body in riff_chunks(still, 12, len(still))
        if kind in (b"ALPH", b"VP8 ", b"VP8L")
    )


def _three(value: int) -> bytes:
    return value.to_bytes(3, "little")


def _riff(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("<I", len(body)) + body + bytes(len(body) % 2)

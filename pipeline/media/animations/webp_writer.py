"""Animated WebP, exact or not, with the whole range of transparency."""

import io
import struct

import cv2
from PIL import Image

from pipeline.face import Bgr
from pipeline.media.animations.changes import Changes, parted, rounded
from pipeline.media.animations.timeline import Timeline
from pipeline.media.packets import riff_chunk
from pipeline.media.pictures.containers import riff_chunks
from pipeline.media.pictures.decode import Picture
from pipeline.media.pictures.encode import encode

_CLEAR, _XMP, _ANIMATED = 0x10, 0x04, 0x02
_REPLACE = 0x02  # do not blend with what is there
_LONGEST_MS = (1 << 24) - 1


class WebpWriter:
    """Packs an animated WebP (RFC 9649); see `pipeline.media.animations.write.Packer`.

    Every frame replaces its part of the canvas, which starts even. The file begins with its length, which is
    known at its end.
    """

    def __init__(self, timeline: Timeline, *, quality: int | None, xmp: bytes | None) -> None:
        """Begin an animation; it is exact where no quality is given."""
        self._timeline = timeline
        self._durations_ms = iter(rounded(timeline.durations_ms, 1))
        self._quality = quality
        self._xmp = xmp
        self._changes = Changes(has_alpha=timeline.has_alpha, even=True)
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
        packed = riff_chunk(b"ANMF", control + _webp_pixels(pixels, self._quality))
        if not self._size_bytes:
            packed = self._head(width, height) + packed
        self._size_bytes += len(packed)
        return packed

    def finish(self) -> bytes:
        """Pack the mark."""
        mark = b"" if self._xmp is None else riff_chunk(b"XMP ", self._xmp)
        self._size_bytes += len(mark)
        return mark

    def _head(self, width: int, height: int) -> bytes:
        timeline = self._timeline
        flags = _ANIMATED | (_CLEAR if timeline.has_alpha else 0) | (0 if self._xmp is None else _XMP)
        canvas = bytes((flags, 0, 0, 0)) + _three(width - 1) + _three(height - 1)
        repeats = struct.pack("<IH", 0, min(timeline.plays, 65_535))
        return b"RIFF" + bytes(4) + b"WEBP" + riff_chunk(b"VP8X", canvas) + riff_chunk(b"ANIM", repeats)


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
        bgr, alpha = parted(pixels)
        still = encode(bgr, alpha, to="webp", quality=quality, xmp=None).data
    return b"".join(
        riff_chunk(kind, body)
        for kind, body in riff_chunks(still, 12, len(still))
        if kind in (b"ALPH", b"VP8 ", b"VP8L")
    )


def _three(value: int) -> bytes:
    return value.to_bytes(3, "little")

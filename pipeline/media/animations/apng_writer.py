"""Animated PNG, which is exact and has the whole range of transparency."""

import itertools
import struct
from fractions import Fraction

from pipeline.media.animations.changes import Changes, parted
from pipeline.media.animations.timeline import Timeline
from pipeline.media.packets import png_xmp
from pipeline.media.pictures.decode import Picture
from pipeline.media.pictures.encode import encode
from pipeline.media.pictures.png import PNG_HEADER_BYTES, png_chunk, png_chunks


class ApngWriter:
    """Packs an APNG (PNG, third edition); see `pipeline.media.animations.write.Packer`.

    Every frame replaces its part of the canvas.
    """

    patch = None

    def __init__(self, timeline: Timeline, *, xmp: bytes | None) -> None:
        self._timeline = timeline
        self._durations_ms = iter(timeline.durations_ms)
        self._xmp = xmp
        self._numbers = itertools.count()
        self._changes = Changes(has_alpha=timeline.has_alpha, even=False)
        self._empty = True

    def add(self, frame: Picture) -> bytes:
        """Pack a frame; the first also as the picture that viewers show which know no animations."""
        pixels, (rows, columns) = self._changes.next(frame)
        bgr, alpha = parted(pixels)
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

"""Frames to an animated GIF, PNG or WebP with its timing and its provenance mark, one frame at a time."""

import io
import itertools
import struct
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from typing import Literal

import cv2
import numpy as np
from PIL import Image

from pipeline.errors import OutputInvalid
from pipeline.face import Bgr
from pipeline.media.animations.gif_writer import write_gif
from pipeline.media.animations.timeline import riff_chunks
from pipeline.media.pictures.containers import png_chunks
from pipeline.media.pictures.decode import Picture
from pipeline.media.pictures.encode import PNG_HEADER_BYTES, Encoded, OutputFormat, encode, png_chunk, png_xmp
from pipeline.media.sniff import MEDIA_TYPES, MediaType

AnimationFormat = Literal["gif", "png", "webp"]

_SAME_AS_TARGET: dict[str, AnimationFormat] = {"gif": "gif", "png": "png", "webp": "webp"}


def animation_format(requested: OutputFormat | None, media: MediaType) -> AnimationFormat | None:
    """Choose the format of an animation's result; None where a format was asked for that does not move."""
    return _SAME_AS_TARGET.get(requested or media.name)


def encode_animation(
    frames: Iterable[Picture],
    durations_ms: Sequence[float],
    *,
    plays: int,
    has_alpha: bool,
    to: AnimationFormat,
    quality: int,
    lossless: bool,
    xmp: bytes | None,
) -> Encoded:
    """Encode an animation, holding a few frames at a time; what does not change is stored once.

    Args:
        frames: as many as there are durations, all of one size.
        durations_ms: how long each shows, in milliseconds; rounded to hundredths of a second for GIF and
            to milliseconds for WebP, such that the sum stays right.
        plays: how often all of it is shown; 0 is for ever.
        has_alpha: whether any frame may be transparent.
        to: PNG is exact; GIF is where a frame has at most 256 colours and no half transparency.
        quality: 1..100, of lossy WebP.
        lossless: whether WebP is to be exact.
        xmp: the provenance mark, see `pipeline.marks.provenance.xmp_packet`.

    Raises:
        MediaTooLarge: the format cannot hold a picture this wide or high.
        OutputInvalid: the encoder failed.
    """
    try:
        if to == "gif":
            data, size = write_gif(frames, _rounded(durations_ms, 10), plays=plays, xmp=xmp)
        elif to == "png":
            data, size = _write_png(frames, durations_ms, plays, has_alpha=has_alpha, xmp=xmp)
        else:
            data, size = _write_webp(
                frames,
                durations_ms,
                plays,
                has_alpha=has_alpha,
                quality=None if lossless else quality,
                xmp=xmp,
            )
    except (OSError, ValueError, RuntimeError, struct.error, cv2.error) as error:
        raise OutputInvalid from error
    return Encoded(
        data=data,
        media=MEDIA_TYPES[to],
        width=size[0],
        height=size[1],
        frames=len(durations_ms),
        duration_s=round(sum(durations_ms) / 1000, 3),
    )


def _rounded(durations_ms: Sequence[float], unit_ms: int) -> Iterator[int]:
    """Durations in whole units, the moments of change being rounded so that errors do not add up."""
    moments = [0, *(round(end / unit_ms) for end in itertools.accumulate(durations_ms))]
    return (later - earlier for earlier, later in itertools.pairwise(moments))


Box = tuple[slice, slice]
_NOTHING = slice(0, 1), slice(0, 1)  # no format has frames without a pixel


def _changes(frames: Iterable[Picture], *, has_alpha: bool, even: bool) -> Iterator[tuple[Bgr, Box]]:
    """Each frame as (h, w, 3 or 4) BGR(A) with the part that differs from the one before."""
    before: Bgr | None = None
    for frame in frames:
        pixels = frame.bgr
        if has_alpha:
            alpha = np.full(pixels.shape[:2], 255, np.uint8) if frame.alpha is None else frame.alpha
            pixels = np.dstack((pixels, alpha))
        height, width = pixels.shape[:2]
        whole = slice(0, height), slice(0, width)
        rows, columns = whole if before is None else changed_box(before, pixels) or _NOTHING
        step = 2 if even else 1
        top, left = rows.start // step * step, columns.start // step * step
        yield pixels, (slice(top, rows.stop), slice(left, columns.stop))
        before = pixels


def changed_box(before: Bgr, after: Bgr) -> Box | None:
    """Rows and columns of the smallest box that holds all that differs between (h, w, n) pictures, if any."""
    changed = np.any(before != after, axis=-1)
    rows, columns = (np.flatnonzero(changed.any(axis)) for axis in (1, 0))
    if not rows.size:
        return None
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def _parted(pixels: Bgr) -> tuple[Bgr, Bgr | None]:
    return np.ascontiguousarray(pixels[..., :3]), pixels[..., 3].copy() if pixels.shape[2] > 3 else None  # noqa: PLR2004 -- BGRA


def _write_png(
    frames: Iterable[Picture],
    durations_ms: Sequence[float],
    plays: int,
    *,
    has_alpha: bool,
    xmp: bytes | None,
) -> tuple[bytes, tuple[int, int]]:
    """Write an APNG (PNG, third edition): every frame replaces its part of the canvas."""
    out, numbers, size = list[bytes](), itertools.count(), (0, 0)
    changes = _changes(frames, has_alpha=has_alpha, even=False)
    for (pixels, box), duration_ms in zip(changes, durations_ms, strict=True):
        bgr, alpha = _parted(pixels[box])
        png = encode(bgr, alpha, to="png", quality=100, xmp=None).data
        packed = [chunk[8:-4] for kind, chunk in png_chunks(png) if kind == b"IDAT"]
        first = not out
        if first:
            size = (bgr.shape[1], bgr.shape[0])
            out.append(png[:PNG_HEADER_BYTES] + (b"" if xmp is None else png_xmp(xmp)))
            out.append(png_chunk(b"acTL", struct.pack(">II", len(durations_ms), plays)))
        place = (bgr.shape[1], bgr.shape[0], box[1].start, box[0].start)
        control = struct.pack(">I4I2HBB", next(numbers), *place, *_fraction(duration_ms), 0, 0)
        out.append(png_chunk(b"fcTL", control))
        out.extend(
            png_chunk(b"IDAT", body) if first else png_chunk(b"fdAT", struct.pack(">I", next(numbers)) + body)
            for body in packed
        )
    return b"".join((*out, png_chunk(b"IEND", b""))), size


def _fraction(duration_ms: float) -> tuple[int, int]:
    """Seconds as a fraction of two 16-bit numbers."""
    seconds = min(duration_ms / 1000, 65_535)
    fraction = Fraction(seconds).limit_denominator(int(65_535 / max(seconds, 1)))
    return fraction.numerator, fraction.denominator


_CLEAR, _XMP, _ANIMATED = 0x10, 0x04, 0x02
_REPLACE = 0x02  # do not blend with what is there
_LONGEST_MS = (1 << 24) - 1


def _write_webp(
    frames: Iterable[Picture],
    durations_ms: Sequence[float],
    plays: int,
    *,
    has_alpha: bool,
    quality: int | None,
    xmp: bytes | None,
) -> tuple[bytes, tuple[int, int]]:
    """Write an animated WebP (RFC 9649): every frame replaces its part of the canvas, which starts even."""
    out, size = list[bytes](), (0, 0)
    changes = _changes(frames, has_alpha=has_alpha, even=True)
    for (pixels, box), duration_ms in zip(changes, _rounded(durations_ms, 1), strict=True):
        part = pixels[box]
        if not out:
            size = (part.shape[1], part.shape[0])
        head = b"".join(
            _three(value)
            for value in (
                box[1].start // 2,
                box[0].start // 2,
                part.shape[1] - 1,
                part.shape[0] - 1,
                min(duration_ms, _LONGEST_MS),
            )
        )
        out.append(_riff(b"ANMF", head + bytes((_REPLACE,)) + _webp_pixels(part, quality)))
    flags = _ANIMATED | (_CLEAR if has_alpha else 0) | (0 if xmp is None else _XMP)
    canvas = bytes((flags, 0, 0, 0)) + _three(size[0] - 1) + _three(size[1] - 1)
    anim = struct.pack("<IH", 0, min(plays, 65_535))
    mark = b"" if xmp is None else _riff(b"XMP ", xmp)
    body = b"".join((b"WEBP", _riff(b"VP8X", canvas), _riff(b"ANIM", anim), *out, mark))
    return b"RIFF" + struct.pack("<I", len(body)) + body, size


def _webp_pixels(part: Bgr, quality: int | None) -> bytes:
    """The chunks of a still WebP that hold its pixels; exact where no quality is given."""
    if quality is None:
        buffer = io.BytesIO()
        code = cv2.COLOR_BGRA2RGBA if part.shape[2] > 3 else cv2.COLOR_BGR2RGB  # noqa: PLR2004 -- BGRA
        # Effort 40 of 100; `exact` keeps the colour of what is transparent.
        Image.fromarray(cv2.cvtColor(part, code)).save(
            buffer, "webp", lossless=True, exact=True, method=2, quality=40
        )
        still = buffer.getvalue()
    else:
        bgr, alpha = _parted(part)
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

"""Pixels to a picture file with its provenance mark and no other metadata."""

import io
from dataclasses import dataclass
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pipeline.errors import MediaTooLarge, OutputInvalid
from pipeline.face import Bgr, Notice
from pipeline.media.packets import png_xmp
from pipeline.media.pictures.metadata import dated_exif
from pipeline.media.pictures.png import PNG_HEADER_BYTES, png_chunk
from pipeline.media.sniff import MEDIA_TYPES, MediaType

OutputFormat = Literal["jpeg", "png", "webp", "avif"]

# What is not written becomes what loses nothing (PNG), or what every viewer opens (JPEG for HEIC photos).
_SAME_AS_TARGET: dict[str, OutputFormat] = {
    "jpeg": "jpeg",
    "png": "png",
    "webp": "webp",
    "avif": "avif",
    "gif": "png",
    "bmp": "png",
    "tiff": "png",
    "heic": "jpeg",
}

# Longest side that a format or its writer can hold (libjpeg's JPEG_MAX_DIMENSION; libpng's user limits;
# RFC 9649, 14 bits; AV1 7.20.2, 16 bits).
_MAX_SIDE: dict[OutputFormat, int] = {"jpeg": 65_500, "png": 1_000_000, "webp": 16_383, "avif": 65_536}

# From here on colour is kept at full resolution: halved colour shows as a fringe along lips and hair
# (largest chroma error at quality 95: 7 levels against 13), at 37 % more bytes and no more time.
_FULL_COLOUR_QUALITY = 90
_STRIP = 256  # rows

# Half the time of Pillow's fastest level and within 1 % of the size of its default one.
_PNG_PARAMETERS = (
    cv2.IMWRITE_PNG_STRATEGY,
    cv2.IMWRITE_PNG_STRATEGY_RLE,
    cv2.IMWRITE_PNG_FILTER,
    cv2.IMWRITE_PNG_FILTER_PAETH,
    # libpng's own 8 KB make hundreds of chunks, each of which costs whoever goes over them, as signing does.
    cv2.IMWRITE_PNG_ZLIBBUFFER_SIZE,
    1 << 20,
)


@dataclass(frozen=True, kw_only=True)
class Encoded:
    """An encoded picture: its bytes, what they are, its size in pixels, and what was lost on the way."""

    data: bytes
    media: MediaType
    width: int
    height: int
    notices: tuple[Notice, ...] = ()


def output_format(requested: OutputFormat | None, media: MediaType) -> OutputFormat:
    """Choose the format of a result: what was asked for, else the target's own.

    GIF, BMP and TIFF targets become PNG, HEIC ones JPEG, as those formats are not written.
    """
    return requested or _SAME_AS_TARGET[media.name]


def encode(
    bgr: Bgr, alpha: Bgr | None, *, to: OutputFormat, quality: int, xmp: bytes | None, date: str | None = None
) -> Encoded:
    """Encode a picture, embedding an XMP packet and a date, and nothing else.

    Args:
        bgr: (h, w, 3) uint8 sRGB in BGR order, not multiplied by alpha.
        alpha: (h, w) uint8, 255 is opaque, or None; laid on white for JPEG, which has none.
        to: the format to write; PNG is exact, the others lossy.
        quality: 1..100, of no effect on PNG. From 90 JPEG and AVIF keep colour at full resolution.
        xmp: the provenance mark, see `pipeline.marks.provenance.xmp_packet`; None only for previews.
        date: when it was taken, `YYYY:MM:DD HH:MM:SS`, as the only thing that EXIF says; None for no EXIF.

    Raises:
        MediaTooLarge: the format cannot hold a picture this wide or high.
        OutputInvalid: the encoder failed.
    """
    height, width = bgr.shape[:2]
    _check_side(max(width, height), to)
    notices: tuple[Notice, ...] = ()
    if to == "jpeg" and alpha is not None:
        if alpha.min() < 255:  # noqa: PLR2004 -- opaque
            bgr = on_white(bgr, alpha)
            message = "JPEG has no transparency; see-through parts were made white."
            notices = (Notice(code="alpha_flattened", message=message),)
        alpha = None
    try:
        if to == "png":
            data = _png(bgr if alpha is None else np.dstack((bgr, alpha)), xmp, date)
        else:
            data = _pillow(bgr, alpha, to, quality, xmp, date)
    except (OSError, ValueError, RuntimeError, cv2.error) as error:
        raise OutputInvalid from error
    return Encoded(data=data, media=MEDIA_TYPES[to], width=width, height=height, notices=notices)


def encode_deep_png(pixels: NDArray[np.uint16], *, xmp: bytes | None, date: str | None = None) -> Encoded:
    """Encode (h, w, 3 or 4) uint16 BGR(A), not multiplied by alpha, as PNG; raises as `encode`."""
    height, width = pixels.shape[:2]
    _check_side(max(width, height), "png")
    try:
        data = _png(pixels, xmp, date)
    except cv2.error as error:
        raise OutputInvalid from error
    return Encoded(data=data, media=MEDIA_TYPES["png"], width=width, height=height)


def _check_side(side: int, to: OutputFormat) -> None:
    if side > _MAX_SIDE[to]:
        advice = "Send a smaller one." if to == "png" else "Ask for output_format png."
        raise MediaTooLarge(
            f"A {to.upper()} picture can have at most {_MAX_SIDE[to]} pixels a side. {advice}"
        )


def on_white(bgr: Bgr, alpha: Bgr) -> Bgr:
    """Lay (h, w, 3) uint8 BGR with (h, w) uint8 alpha, 255 opaque, on white."""
    return on_grey(bgr, alpha, 255)


def on_grey(bgr: Bgr, alpha: Bgr, level: int) -> Bgr:
    """Lay (h, w, 3) uint8 BGR with (h, w) uint8 alpha, 255 opaque, on a grey of 0 to 255."""
    laid = np.empty_like(bgr)
    for top in range(0, len(bgr), _STRIP):  # products need six times the memory of the pixels
        rows = slice(top, top + _STRIP)
        opacity = alpha[rows, :, None].astype(np.uint16)
        laid[rows] = (bgr[rows] * opacity + level * (255 - opacity) + 127) // 255
    return laid


def _png(pixels: Bgr | NDArray[np.uint16], xmp: bytes | None, date: str | None) -> bytes:
    written, encoded = cv2.imencode(".png", pixels, _PNG_PARAMETERS)
    if not written:
        raise OutputInvalid
    if xmp is None and date is None:
        return encoded.tobytes()
    file = encoded.data
    mark = b"" if xmp is None else png_xmp(xmp)
    taken = b"" if date is None else png_chunk(b"eXIf", dated_exif(date))
    return b"".join((file[:PNG_HEADER_BYTES], mark, taken, file[PNG_HEADER_BYTES:]))


def _pillow(
    bgr: Bgr, alpha: Bgr | None, to: OutputFormat, quality: int, xmp: bytes | None, date: str | None
) -> bytes:
    if alpha is None:
        image = Image.fromarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB))
    else:
        image = Image.fromarray(cv2.cvtColor(np.dstack((bgr, alpha)), cv2.COLOR_BGRA2RGBA))
    full_colour = quality >= _FULL_COLOUR_QUALITY
    # WebP's method and AVIF's speed: the fastest step before files grow (1080p: 0.1 s and 0.4 s).
    settings: dict[str, dict[str, Any]] = {
        "jpeg": {"subsampling": "4:4:4" if full_colour else "4:2:0"},
        "webp": {"method": 2},
        "avif": {"subsampling": "4:4:4" if full_colour else "4:2:0", "speed": 9},
    }
    if xmp is not None:
        settings[to]["xmp"] = xmp
    if date is not None:
        settings[to]["exif"] = b"Exif\0\0" + dated_exif(date) if to == "jpeg" else dated_exif(date)
    buffer = io.BytesIO()
    image.save(buffer, to, quality=quality, **settings[to])
    return buffer.getvalue()

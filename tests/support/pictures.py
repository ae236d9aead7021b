"""Pictures made for tests: a smooth scene that survives lossy codecs, in every format that is read."""

import io
import struct
import zlib
from typing import Any

import cv2
import numpy as np
import pillow_heif
from PIL import Image

from pipeline.face import Bgr


def scene(width: int, height: int) -> Bgr:
    """Make a (height, width, 3) uint8 BGR picture of gentle gradients; its four corners differ."""
    x, y = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    planes = (40 + 170 * x, 60 + 150 * y, 200 - 120 * x * y)
    return np.stack(planes, axis=-1).astype(np.uint8)


def texture(width: int, height: int) -> Bgr:
    """Make a (height, width, 3) uint8 BGR picture of noise, so that no part of a file is empty."""
    return np.random.default_rng(7).integers(0, 256, (height, width, 3)).astype(np.uint8)


def save(image: Image.Image, form: str, **settings: Any) -> bytes:  # noqa: ANN401 -- Pillow's own settings
    """Write an image by Pillow, or by pillow-heif for HEIC."""
    buffer = io.BytesIO()
    if form == "HEIC":
        pillow_heif.from_pillow(image).save(buffer, **settings)
    else:
        image.save(buffer, form, **settings)
    return buffer.getvalue()


def to_image(bgr: Bgr) -> Image.Image:
    """Make a Pillow image of BGR pixels."""
    return Image.fromarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB).astype(np.uint8))


def with_alpha(bgr: Bgr) -> Image.Image:
    """Make an RGBA image of BGR pixels, its alpha falling from left to right."""
    image = to_image(bgr)
    ramp = np.linspace(255, 0, bgr.shape[1]).astype(np.uint8)
    image.putalpha(Image.fromarray(np.tile(ramp, (bgr.shape[0], 1))))
    return image


def every_format(bgr: Bgr) -> dict[str, bytes]:
    """Write the picture once in each flavour of file that is read, by a name for the test's report."""
    image, clear = to_image(bgr), with_alpha(bgr)
    two = {"save_all": True, "append_images": [image.transpose(Image.Transpose.ROTATE_180)]}
    deep = bgr.astype(np.uint16) * 257
    return {
        "jpeg": save(image, "JPEG", quality=95),
        "jpeg-progressive": save(image, "JPEG", quality=95, progressive=True),
        "jpeg-grey": save(image.convert("L"), "JPEG", quality=95),
        "jpeg-cmyk": save(image.convert("CMYK"), "JPEG", quality=95),
        "png": save(image, "PNG"),
        "png-alpha": save(clear, "PNG"),
        "png-palette": save(image.quantize(64), "PNG"),
        "png-animated": save(image, "PNG", **two),
        "png-16": cv2.imencode(".png", deep)[1].tobytes(),
        "webp": save(image, "WEBP", quality=95),
        "webp-lossless": save(clear, "WEBP", lossless=True),
        "webp-animated": save(image, "WEBP", **two),
        "gif": save(image, "GIF"),
        "gif-animated": save(image, "GIF", **two),
        "bmp": save(image, "BMP"),
        "bmp-palette": save(image.quantize(64), "BMP"),
        "tiff": save(image, "TIFF"),
        "tiff-pages": save(image, "TIFF", **two),
        "tiff-lzw": save(image, "TIFF", compression="tiff_lzw"),
        "tiff-jpeg": save(image, "TIFF", compression="jpeg"),
        "tiff-16": cv2.imencode(".tiff", deep)[1].tobytes(),
        "avif": save(image, "AVIF", quality=90, speed=10),
        "avif-alpha": save(clear, "AVIF", quality=90, speed=10),
        "heic": save(image, "HEIC", quality=90),
    }


def png_chunk(kind: bytes, body: bytes) -> bytes:
    """Build a PNG chunk with its length and CRC."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(size: tuple[int, int], *, depth: int, colour: int, rows: bytes, before: bytes = b"") -> bytes:
    """Build a PNG from raw filtered rows, with any chunks `before` the pixels."""
    header = struct.pack(">IIBBBBB", *size, depth, colour, 0, 0, 0)
    chunks = (
        png_chunk(b"IHDR", header),
        before,
        png_chunk(b"IDAT", zlib.compress(rows)),
        png_chunk(b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)

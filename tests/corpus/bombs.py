"""Small files that ask for much: memory, frames, text, time."""

import struct
import zlib
from collections.abc import Iterator

import cv2
import numpy as np
from PIL import Image

from tests.corpus.item import TOO_LARGE, Odd, refused, sound
from tests.corpus.lies import patch
from tests.support.animations import in_every_format, walk
from tests.support.pictures import png, png_chunk, save, scene, to_image, with_alpha

_SIZE = (20, 10)
_MIB = 1 << 20


def bombs() -> Iterator[Odd]:
    """All of them."""
    yield from _huge()
    yield from _long()
    yield from _wordy()


def _huge() -> Iterator[Odd]:
    gif = save(to_image(scene(4, 4)), "GIF")
    bmp = save(to_image(scene(4, 4)), "BMP")
    jpeg = save(to_image(scene(16, 16)), "JPEG")
    rows, large = zlib.compress(bytes(64 * _MIB), 9), (1500, 1200)
    for depth, colour in ((1, 0), (8, 2), (16, 6)):
        name = f"png-65000x65000-{depth}bit"
        yield refused(name, png((65_000, 65_000), depth=depth, colour=colour, rows=bytes(9)), TOO_LARGE)
    head = struct.pack(">IIBBBBB", 1900, 2000, 8, 6, 0, 0, 0)
    parts = ((b"IHDR", head), (b"IDAT", rows), (b"IDAT", rows), (b"IEND", b""))
    packed = b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(kind, body) for kind, body in parts)
    yield Odd(name="png-more-pixels-than-it-has", data=packed)
    deep = png((1400, 1400), depth=16, colour=6, rows=(b"\0" + bytes(8 * 1400)) * 1400)
    yield sound("png-16bit-of-zeros", deep, (1400, 1400))
    yield refused("gif-canvas", patch(gif, 6, "<HH", 65_535, 65_535), TOO_LARGE)
    yield refused("bmp-60000", patch(bmp, 18, "<ii", 60_000, 60_000), TOO_LARGE)
    frame = jpeg.index(b"\xff\xc0")
    wide = patch(jpeg, frame + 5, ">HH", 65_500, 65_500) + bytes(9 * _MIB)
    yield refused("jpeg-65500", wide, TOO_LARGE)
    tiff = save(Image.fromarray(np.zeros((1900, 2000), np.uint8)), "TIFF", compression="tiff_lzw")
    yield sound("tiff-lzw-of-zeros", tiff, (2000, 1900))
    strip = save(Image.fromarray(np.zeros((1, 4_000_000), np.uint8)), "PNG")
    yield refused("png-one-row", strip, TOO_LARGE)
    for form in ("WEBP", "AVIF", "GIF", "HEIC"):
        flat = save(Image.new("RGB", (1999, 1999)), form)
        yield sound(f"{form.lower()}-of-one-colour", flat, (1999, 1999))
    for form, settings in (("WEBP", {}), ("AVIF", {"speed": 10}), ("HEIC", {}), ("PNG", {})):
        yield sound(f"{form.lower()}-large", save(with_alpha(scene(*large)), form, **settings), large)
    noise = np.random.default_rng(4).integers(0, 65_536, (1000, 1500, 4)).astype(np.uint16)
    yield sound("tiff-16bit-of-noise", cv2.imencode(".tiff", noise)[1].tobytes(), (1500, 1000))


def _long() -> Iterator[Odd]:
    gif = save(to_image(scene(2, 2)), "GIF")
    frame = gif[gif.index(b",\0\0\0\0") : -1]
    yield refused("gif-100000-frames", gif[:-1] + frame * 99_999 + b";", TOO_LARGE)
    flat = save(Image.new("RGB", (1500, 1500)), "GIF")
    large = flat[flat.index(b",\0\0\0\0") : -1]
    yield refused("gif-large-frames", flat[:-1] + large * 150 + b";", TOO_LARGE)
    moving = in_every_format(walk(3), (50, 50, 50))
    webp = moving["webp"]
    at = webp.rindex(b"ANMF")
    body = webp[:at] + webp[at:] * 5000
    yield refused("webp-5000-frames", patch(body, 4, "<I", len(body) - 8), TOO_LARGE)
    tiff = save(to_image(scene(*_SIZE)), "TIFF")
    start = struct.unpack_from("<I", tiff, 4)[0]
    yield sound("tiff-2001-pages", _with_more_pages(tiff, start, 2000), _SIZE)
    entry = tiff[start + 2 : start + 14]
    many = struct.pack("<H", 65_535) + entry * 65_535 + bytes(4)
    yield Odd(name="tiff-65535-entries", data=patch(tiff, 4, "<I", len(tiff)) + many)


def _with_more_pages(tiff: bytes, start: int, more: int) -> bytes:
    """Chain copies of the directory that begins at `start`, all of the same pixels."""
    end = start + 2 + 12 * int(struct.unpack_from("<H", tiff, start)[0])
    directory, size = tiff[start:end], end + 4 - start
    following = [len(tiff) + size * number for number in range(1, more)]
    pages = (directory + struct.pack("<I", after) for after in (*following, 0))
    return patch(tiff, end, "<I", len(tiff)) + b"".join(pages)


def _wordy() -> Iterator[Odd]:
    packed = zlib.compress(bytes(64 * _MIB), 9)
    pixels = {"depth": 8, "colour": 2, "rows": b"\0\1\2\3"}
    for kind in (b"zTXt", b"iTXt", b"iCCP"):
        body = (b"name\0\1\0\0\0" if kind == b"iTXt" else b"name\0\0") + packed
        text = png((1, 1), before=png_chunk(kind, body) * 20, **pixels)  # type: ignore[arg-type] # one dict of several types
        yield sound(f"png-{kind.decode()}-of-gigabytes", text, (1, 1))
    many = png((1, 1), before=png_chunk(b"tEXt", b"k\0v") * 200_000, **pixels)  # type: ignore[arg-type] # as above
    yield sound("png-200000-texts", many, (1, 1))
    huge = png((1, 1), before=png_chunk(b"eXIf", bytes(8 * _MIB)), **pixels)  # type: ignore[arg-type] # as above
    yield sound("png-exif-of-8-mib", huge, (1, 1))
    nested = b"<x>" * 100_000 + b"</x>" * 100_000
    entities = b"<!DOCTYPE x [<!ENTITY a 'aaaaaaaa'><!ENTITY b '&a;&a;&a;&a;&b;'>]><x>&b;</x>"
    jpeg = save(to_image(scene(*_SIZE)), "JPEG")
    for name, xmp in (("nested", nested[:60_000]), ("entities", entities)):
        body = b"http://ns.adobe.com/xap/1.0/\0" + xmp
        segment = b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body
        yield sound(f"jpeg-xmp-{name}", jpeg[:2] + segment + jpeg[2:], _SIZE)
        yield sound(f"webp-xmp-{name}", save(to_image(scene(*_SIZE)), "WEBP", xmp=xmp), _SIZE)
        yield sound(f"avif-xmp-{name}", save(to_image(scene(*_SIZE)), "AVIF", xmp=xmp, speed=10), _SIZE)
    comment = b"\xff\xfe\xff\xff" + bytes(65_533)
    yield sound("jpeg-200-comments", jpeg[:2] + comment * 200 + jpeg[2:], _SIZE)
    profile = b"\xff\xe2\xff\xff" + b"ICC_PROFILE\0\1\xff" + bytes(65_519)
    yield sound("jpeg-200-profiles", jpeg[:2] + profile * 200 + jpeg[2:], _SIZE)
    yield sound(
        "webp-icc-of-8-mib", save(to_image(scene(*_SIZE)), "WEBP", icc_profile=bytes(8 * _MIB)), _SIZE
    )
    loop = b"MM\0*\0\0\0\x08\0\1\x87\x69\0\4\0\0\0\1\0\0\0\x08\0\0\0\x08"  # an EXIF directory within itself
    for form in ("JPEG", "PNG", "WEBP"):
        odd = save(to_image(scene(*_SIZE)), form, exif=b"Exif\0\0" + loop)
        yield sound(f"{form.lower()}-exif-within-itself", odd, _SIZE)

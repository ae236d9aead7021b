"""BMP in every header, depth and packing that Windows ever wrote."""

import struct
from collections.abc import Iterator

import numpy as np
from PIL import Image

from tests.corpus.item import Odd, sound
from tests.support.pictures import save, scene, to_image, with_alpha

SIZE = (12, 10)
_RLE8, _RLE4, _FIELDS = 1, 2, 3


def bmp_files() -> Iterator[Odd]:
    """By Pillow and by hand."""
    for mode in ("1", "L", "P", "RGB"):
        yield sound(f"bmp-{mode}", save(to_image(scene(*SIZE)).convert(mode), "BMP"), SIZE)
    yield sound("bmp-RGBA", save(with_alpha(scene(*SIZE)), "BMP"), SIZE)
    for depth in (1, 4, 8, 16, 24, 32):
        for down in (False, True):
            yield sound(f"bmp-{depth}bit{'-down' * down}", write(depth, down=down), SIZE)
    for header in (52, 56, 108, 124):
        yield Odd(name=f"bmp-header{header}", data=write(32, header=header, packing=_FIELDS), size=SIZE)
    yield sound("bmp-565", write(16, packing=_FIELDS, masks=(0xF800, 0x07E0, 0x001F)), SIZE)
    yield sound("bmp-555", write(16, packing=_FIELDS, masks=(0x7C00, 0x03E0, 0x001F)), SIZE)
    yield Odd(
        name="bmp-odd-masks", data=write(16, packing=_FIELDS, masks=(0xFFFF, 0x0001, 0x8000)), size=SIZE
    )
    for depth, packing in ((8, _RLE8), (4, _RLE4)):
        runs = b"".join(bytes((12, 3)) + b"\0\0" for _ in range(10)) + b"\0\1"
        yield sound(f"bmp-rle{depth}", write(depth, packing=packing, pixels=runs), SIZE)
        yield Odd(
            name=f"bmp-rle{depth}-endless", data=write(depth, packing=packing, pixels=bytes((255, 3)) * 999)
        )
        yield Odd(
            name=f"bmp-rle{depth}-jumps",
            data=write(depth, packing=packing, pixels=bytes((0, 2, 255, 255)) * 9),
        )
    yield sound("bmp-core", _core(), SIZE)


def write(
    depth: int,
    *,
    down: bool = False,
    header: int = 40,
    packing: int = 0,
    masks: tuple[int, ...] = (0xFF0000, 0xFF00, 0xFF),
    pixels: bytes | None = None,
) -> bytes:
    """Write noise as a BMP; `pixels` stand for the packed ones."""
    width, height = SIZE
    palette = bytes(range(4)) * (1 << depth) if depth <= 8 else b""
    if pixels is None:
        stride = (width * depth + 31) // 32 * 4
        pixels = np.random.default_rng(depth).integers(0, 256, stride * height).astype(np.uint8).tobytes()
    dib = struct.pack(
        "<IiiHHIIiiII", header, width, -height if down else height, 1, depth, packing, len(pixels), 0, 0, 0, 0
    )
    fields = b"".join(struct.pack("<I", mask) for mask in masks) if packing == _FIELDS else b""
    dib = (dib + fields).ljust(max(header, 40 + len(fields)), b"\0")
    at = 14 + len(dib) + len(palette)
    return struct.pack("<2sIHHI", b"BM", at + len(pixels), 0, 0, at) + dib + palette + pixels


def _core() -> bytes:
    width, height = SIZE
    pixels = bytes(width * 3 * height)
    return struct.pack("<2sIHHIIHHHH", b"BM", 26 + len(pixels), 0, 0, 26, 12, width, height, 1, 24) + pixels


def as_icon(image: Image.Image) -> bytes:
    """Write a Windows icon of a picture."""
    return save(image, "ICO")

"""TIFF 6.0 in every layout: colour, depth, compression, byte order, planes, strips and tiles."""

import io
import itertools
import struct
from collections.abc import Iterator

import numpy as np
from PIL import Image

from tests.corpus.item import UNSUPPORTED, Odd, refused, sound
from tests.support.pictures import save, scene, to_image, with_alpha

SIZE = (48, 32)
_MODES = ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "I;16")
_COMPRESSIONS = ("raw", "tiff_lzw", "tiff_adobe_deflate", "packbits", "zstd", "lzma")


def tiff_files() -> Iterator[Odd]:
    """What Pillow writes, and what it does not: planes, tiles, and samples of 16 bits."""
    yield from _by_pillow()
    for order, channels, depth, layout in itertools.product(
        "<>", (1, 3, 4), (8, 16), ("strip", "planes", "tiles")
    ):
        if (channels, layout) != (1, "planes"):
            name = f"tiff-{'II' if order == '<' else 'MM'}-{channels}x{depth}bit-{layout}"
            yield _odd_layout(name, write(order, channels, depth, layout), layout, depth)
    for orientation in range(2, 9):
        size = SIZE[::-1] if orientation > 4 else SIZE
        yield sound(f"tiff-turned{orientation}", write("<", 3, 8, "strip", orientation=orientation), size)
    yield sound("tiff-white-is-zero", write("<", 1, 8, "strip", photometric=0), SIZE)
    yield refused("tiff-float", save(Image.fromarray(np.zeros((9, 9), np.float32)), "TIFF"), UNSUPPORTED)
    yield refused("tiff-int32", save(Image.new("I", (9, 9)), "TIFF"), UNSUPPORTED)
    yield refused("tiff-lab", save(Image.new("LAB", (9, 9)), "TIFF"), UNSUPPORTED)


def _by_pillow() -> Iterator[Odd]:
    for mode, compression in itertools.product(_MODES, _COMPRESSIONS):
        data = save(_image(mode), "TIFF", compression=compression)
        yield sound(f"tiff-{mode}-{compression}", data, SIZE)
    for compression in ("group3", "group4", "tiff_ccitt"):
        yield sound(f"tiff-1-{compression}", save(_image("1"), "TIFF", compression=compression), SIZE)
    for mode in ("L", "RGB", "YCbCr"):
        yield sound(f"tiff-{mode}-jpeg", save(_image(mode), "TIFF", compression="jpeg"), SIZE)
    colour = _image("RGB")
    yield sound("tiff-big", save(colour, "TIFF", big_tiff=True), SIZE)
    yield sound("tiff-predictor", save(colour, "TIFF", compression="tiff_lzw", tiffinfo={317: 2}), SIZE)
    pages = {"save_all": True, "append_images": [colour, _image("L")]}
    yield sound("tiff-pages", save(colour, "TIFF", **pages), SIZE)


def _odd_layout(name: str, data: bytes, layout: str, depth: int) -> Odd:
    if (layout, depth) == ("planes", 16):
        return refused(name, data, UNSUPPORTED)
    return sound(name, data, SIZE)


def _image(mode: str) -> Image.Image:
    if mode == "I;16":
        return Image.fromarray((np.arange(48 * 32, dtype=np.uint16) * 40).reshape(32, 48))
    if mode in ("LA", "RGBA"):
        return with_alpha(scene(*SIZE)).convert(mode)
    return to_image(scene(*SIZE)).convert(mode)


def write(
    order: str,
    channels: int,
    depth: int,
    layout: str,
    *,
    orientation: int = 1,
    photometric: int | None = None,
) -> bytes:
    """Write noise as an uncompressed TIFF: one strip, one a plane, or tiles of 32 x 32."""
    width, height = SIZE
    samples = np.random.default_rng(2).integers(0, 1 << depth, (height, width, channels))
    typed = samples.astype(order + ("u2" if depth == 16 else "u1"))
    if layout == "planes":
        parts = [typed[..., channel].tobytes() for channel in range(channels)]
    elif layout == "tiles":
        padded = np.pad(typed, ((0, 0), (0, 16), (0, 0)))
        parts = [padded[:, :32].tobytes(), padded[:, 32:].tobytes()]
    else:
        parts = [typed.tobytes()]
    file = io.BytesIO(b"II*\0\0\0\0\0" if order == "<" else b"MM\0*\0\0\0\0")
    file.seek(8)
    offsets = []
    for part in parts:
        offsets.append(file.tell())
        file.write(part)
    tiled = layout == "tiles"
    tags: dict[int, tuple[int, ...]] = {
        256: (width,),
        257: (height,),
        258: (depth,) * channels,
        259: (1,),
        262: (photometric if photometric is not None else 2 if channels > 2 else 1,),
        (324 if tiled else 273): tuple(offsets),
        274: (orientation,),
        277: (channels,),
        (325 if tiled else 279): tuple(len(part) for part in parts),
        284: (2 if layout == "planes" else 1,),
        **({322: (32,), 323: (32,)} if tiled else {278: (height,)}),
        **({338: (2,)} if channels == 4 else {}),
    }
    return _with_directory(file, order, tags)


def _with_directory(file: io.BytesIO, order: str, tags: dict[int, tuple[int, ...]]) -> bytes:
    entries = []
    for tag, values in sorted(tags.items()):
        form, kind = ("I", 4) if max(values) > 65_535 or tag in (273, 279, 324, 325) else ("H", 3)
        packed = struct.pack(f"{order}{len(values)}{form}", *values)
        if len(packed) > 4:
            at = struct.pack(order + "I", file.tell())
            file.write(packed)
            packed = at
        entries.append(struct.pack(order + "HHI", tag, kind, len(values)) + packed.ljust(4, b"\0"))
    start = file.tell()
    file.write(struct.pack(order + "H", len(entries)) + b"".join(entries) + bytes(4))
    file.seek(4)
    file.write(struct.pack(order + "I", start))
    return file.getvalue()

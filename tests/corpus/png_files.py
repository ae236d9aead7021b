"""PNG in every colour type, depth and interlacing (ISO/IEC 15948), written sample by sample."""

import struct
import zlib
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from tests.corpus.item import Odd, sound
from tests.support.pictures import png_chunk

SIZE = (37, 29)
GREY, RGB, PALETTE, GREY_ALPHA, RGBA = 0, 2, 3, 4, 6
_CHANNELS = {GREY: 1, RGB: 3, PALETTE: 1, GREY_ALPHA: 2, RGBA: 4}
_DEPTHS = {GREY: (1, 2, 4, 8, 16), RGB: (8, 16), PALETTE: (1, 2, 4, 8), GREY_ALPHA: (8, 16), RGBA: (8, 16)}
_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))

Samples = NDArray[np.uint16]


def png_files() -> Iterator[Odd]:
    """Every kind of pixel there is, each with and without interlacing and a transparent colour."""
    for colour, depths in _DEPTHS.items():
        for depth in depths:
            for interlaced in (False, True):
                for keyed in (False, True) if colour in (GREY, RGB, PALETTE) else (False,):
                    name = f"png-colour{colour}-{depth}bit{'-adam7' * interlaced}{'-trns' * keyed}"
                    yield sound(name, write(colour, depth, interlaced=interlaced, keyed=keyed), SIZE)
    for kind in range(5):
        yield sound(f"png-filter{kind}", write(RGB, 8, filtered=kind), SIZE)
    for size in ((1, 1), (1, 300), (300, 1), (7, 1), (1, 7)):
        yield sound(f"png-adam7-{size[0]}x{size[1]}", write(RGBA, 8, interlaced=True, size=size), size)
    yield sound("png-idat-of-one-byte", write(RGB, 8, idat_bytes=1), SIZE)


def write(
    colour: int,
    depth: int,
    *,
    interlaced: bool = False,
    keyed: bool = False,
    filtered: int = 0,
    size: tuple[int, int] = SIZE,
    idat_bytes: int = 1 << 20,
    before: bytes = b"",
) -> bytes:
    """Write noise as a PNG; `filtered` names the filter that its rows are said to have passed."""
    width, height = size
    top = min(1 << depth, 65_536)
    samples = (
        np.random.default_rng(depth * 10 + colour).integers(
            0, top, (height, width, _CHANNELS[colour]), dtype=np.uint16, endpoint=False
        )
        if top < 65_536
        else np.random.default_rng(1)
        .integers(0, 65_536, (height, width, _CHANNELS[colour]))
        .astype(np.uint16)
    )
    passes = [samples[y::dy, x::dx] for x, y, dx, dy in _ADAM7] if interlaced else [samples]
    rows = b"".join(bytes((filtered,)) + _pack(row, depth) for part in passes if part.size for row in part)
    packed = zlib.compress(rows)
    body = [png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, int(interlaced)))]
    if colour == PALETTE:
        body.append(png_chunk(b"PLTE", bytes(range(3 << depth)) if depth < 7 else bytes(range(256)) * 3))
    if keyed:
        key = bytes((0, 128)) if colour == PALETTE else samples[0, 0].astype(">u2").tobytes()
        body.append(png_chunk(b"tRNS", key))
    body.append(before)
    body.extend(png_chunk(b"IDAT", packed[at : at + idat_bytes]) for at in range(0, len(packed), idat_bytes))
    return b"\x89PNG\r\n\x1a\n" + b"".join((*body, png_chunk(b"IEND", b"")))


def _pack(row: Samples, depth: int) -> bytes:
    flat = row.reshape(-1)
    if depth == 16:
        return flat.astype(">u2").tobytes()
    bits = np.unpackbits(flat.astype(np.uint8)[:, None], axis=1)[:, 8 - depth :]
    return np.packbits(bits.reshape(-1)).tobytes()

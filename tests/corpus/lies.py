"""Files whose parts contradict one another, in the ways that have broken decoders before."""

import struct
import zlib
from collections.abc import Iterator

from tests.corpus import png_files, tiff_files
from tests.corpus.item import CORRUPT, TOO_LARGE, UNSUPPORTED, Odd, refused, sound
from tests.support.animations import in_every_format, walk
from tests.support.pictures import png_chunk, save, scene, to_image

_SIZE = (32, 24)
_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def lies() -> Iterator[Odd]:
    """All of them."""
    yield from _png()
    yield from _apng()
    yield from _jpeg()
    yield from _gif()
    yield from _webp()
    yield from _bmp()
    yield from _tiff()
    yield from _boxes()


def patch(data: bytes, at: int, form: str, *values: int) -> bytes:
    """Overwrite a file's bytes at `at` by packed numbers."""
    return data[:at] + struct.pack(form, *values) + data[at + struct.calcsize(form) :]


def _chunks(*parts: tuple[bytes, bytes]) -> bytes:
    return _SIGNATURE + b"".join(png_chunk(kind, body) for kind, body in parts)


def _png() -> Iterator[Odd]:
    data = save(to_image(scene(*_SIZE)), "PNG")
    head = struct.pack(">IIBBBBB", *_SIZE, 8, 2, 0, 0, 0)
    rows = zlib.compress(bytes(24 * 97))
    for length in (0, 1, 0x7FFFFFFF, 0xFFFFFFFF):
        yield refused(f"png-idat-length-{length:x}", patch(data, 33, ">I", length), CORRUPT)
    yield refused("png-header-length", patch(data, 8, ">I", 12), CORRUPT)
    yield refused("png-crc", patch(data, 29, ">I", 0), CORRUPT)
    yield refused("png-no-header", _chunks((b"IDAT", rows), (b"IEND", b"")), CORRUPT)
    yield refused("png-no-pixels", _chunks((b"IHDR", head), (b"IEND", b"")), CORRUPT)
    yield refused("png-empty-pixels", _chunks((b"IHDR", head), (b"IDAT", b""), (b"IEND", b"")), CORRUPT)
    two = _chunks((b"IHDR", head), (b"IHDR", head), (b"IDAT", rows), (b"IEND", b""))
    yield refused("png-two-headers", two, CORRUPT)
    few = _chunks((b"IHDR", head), (b"IDAT", zlib.compress(bytes(200))), (b"IEND", b""))
    yield refused("png-too-few-pixels", few, CORRUPT)
    for name, changed in {
        "depth-3": (*_SIZE, 3, 2, 0, 0, 0),
        "colour-5": (*_SIZE, 8, 5, 0, 0, 0),
        "compression-1": (*_SIZE, 8, 2, 1, 0, 0),
        "interlace-9": (*_SIZE, 8, 2, 0, 0, 9),
        "no-width": (0, 24, 8, 2, 0, 0, 0),
        "negative": (0xFFFFFFFF, 24, 8, 2, 0, 0, 0),
    }.items():
        body = struct.pack(">IIBBBBB", *changed)
        odd = _chunks((b"IHDR", body), (b"IDAT", rows), (b"IEND", b""))
        yield Odd(name=f"png-{name}", data=odd, ends=frozenset((CORRUPT, TOO_LARGE, UNSUPPORTED, "result")))
    palette = struct.pack(">IIBBBBB", *_SIZE, 8, 3, 0, 0, 0)
    unpainted = _chunks((b"IHDR", palette), (b"IDAT", zlib.compress(bytes(24 * 33))), (b"IEND", b""))
    yield Odd(name="png-no-palette", data=unpainted)
    yield sound("png-unknown-chunk", png_files.write(2, 8, before=png_chunk(b"zzZz", b"?")), png_files.SIZE)
    yield Odd(name="png-unknown-critical", data=png_files.write(2, 8, before=png_chunk(b"ZZZZ", b"?")))


def _apng() -> Iterator[Odd]:
    data = in_every_format(walk(3), (50, 50, 50))["png"]
    control = data.index(b"fcTL", data.index(b"fcTL") + 4)
    for name, at, value in (
        ("width", 8, 4000),
        ("no-width", 8, 0),
        ("left", 16, 39),
        ("top", 20, 0xFFFFFFFF),
    ):
        body = patch(data[control + 4 : control + 30], at - 4, ">I", value)
        odd = data[: control - 4] + png_chunk(b"fcTL", body) + data[control + 34 :]
        yield refused(f"apng-frame-{name}", odd, CORRUPT)
    plenty = data.index(b"acTL")
    for count in (0, 1, 2, 4, 1 << 30):
        body = struct.pack(">II", count, 0)
        odd = data[: plenty - 4] + png_chunk(b"acTL", body) + data[plenty + 16 :]
        yield Odd(name=f"apng-of-{count}", data=odd, ends=frozenset((CORRUPT, TOO_LARGE)))
    short = data[: control - 4] + png_chunk(b"fcTL", bytes(9)) + data[control + 34 :]
    yield refused("apng-short-control", short, CORRUPT)
    at = data.index(b"fdAT")
    yield refused("apng-frame-without-pixels", data[: at - 4] + data[data.index(b"fcTL", at) - 4 :], CORRUPT)


def _jpeg() -> Iterator[Odd]:
    data = save(to_image(scene(*_SIZE)), "JPEG")
    frame = data.index(b"\xff\xc0")
    for width, height in ((0, 24), (32, 0), (0, 0)):
        yield refused(f"jpeg-{width}x{height}", patch(data, frame + 5, ">HH", height, width), CORRUPT)
    lines = b"\xff\xdc\0\4" + struct.pack(">H", 24)
    late = patch(data, frame + 5, ">H", 0)[:-2] + lines + data[-2:]
    yield refused("jpeg-height-at-the-end", late, CORRUPT)  # DNL, which no common decoder reads
    for marker in range(0xC1, 0xD0):
        if marker not in (0xC4, 0xC8, 0xCC):
            odd = data[: frame + 1] + bytes((marker,)) + data[frame + 2 :]
            yield Odd(name=f"jpeg-frame-{marker:x}", data=odd)
    for depth in (0, 1, 12, 16):
        yield Odd(name=f"jpeg-{depth}bit", data=patch(data, frame + 4, ">B", depth))
    for count in (0, 2, 4, 255):
        yield Odd(name=f"jpeg-{count}-components", data=patch(data, frame + 9, ">B", count))
    for sampling in (0x00, 0x44, 0x3F, 0xF1):
        yield Odd(name=f"jpeg-sampling-{sampling:x}", data=patch(data, frame + 11, ">B", sampling))
    for kind in (0xC4, 0xDB, 0xDA):
        at = data.index(bytes((0xFF, kind)))
        for length in (0, 1, 2, 0xFFFF):
            yield Odd(name=f"jpeg-{kind:x}-length{length}", data=patch(data, at + 2, ">H", length))
    yield refused("jpeg-start-only", b"\xff\xd8\xff", CORRUPT)
    yield refused("jpeg-fill-only", b"\xff\xd8" + b"\xff" * 10_000, CORRUPT)
    yield refused("jpeg-scans-without-end", _endless_scans(), CORRUPT)


def _endless_scans() -> bytes:
    """A progressive JPEG whose scans are repeated some thousand times, each of which costs a pass."""
    data = save(to_image(scene(1500, 1500)), "JPEG", progressive=True, quality=5)
    last = data.rindex(b"\xff\xda")
    return data[:-2] + data[last:-2] * 3000 + data[-2:]


def _gif() -> Iterator[Odd]:
    data = save(to_image(scene(*_SIZE)), "GIF")
    frame = data.index(b",\0\0\0\0")
    yield Odd(name="gif-lzw-0", data=_gif_code(data, 0))
    yield Odd(name="gif-lzw-13", data=_gif_code(data, 13))
    yield Odd(name="gif-frame-of-none", data=patch(data, frame + 5, "<HH", 0, 0))
    yield Odd(name="gif-frame-beside-canvas", data=patch(data, frame + 1, "<HH", 900, 900))
    yield Odd(name="gif-canvas-smaller", data=patch(data, 6, "<HH", 4, 4))
    yield refused("gif-no-frame", data[:frame] + b";", CORRUPT)
    yield refused("gif-endless-comment", data[:frame] + b"!\xfe" + b"\xffa" * 200_000, CORRUPT)


def _gif_code(data: bytes, bits: int) -> bytes:
    at = data.index(b",\0\0\0\0")
    table = 3 << ((data[at + 9] & 7) + 1) if data[at + 9] & 0x80 else 0
    return patch(data, at + 10 + table, "<B", bits)


def _webp() -> Iterator[Odd]:
    lossy, exact = (save(to_image(scene(*_SIZE)), "WEBP", lossless=lossless) for lossless in (False, True))
    moving = in_every_format(walk(3), (50, 50, 50))["webp"]
    extended = save(to_image(scene(*_SIZE)), "WEBP", icc_profile=bytes(40))
    yield Odd(name="webp-riff-0", data=patch(lossy, 4, "<I", 0))
    yield refused("webp-riff-long", patch(lossy, 4, "<I", 1 << 30), CORRUPT)
    yield Odd(name="webp-16383", data=patch(lossy, 26, "<HH", 16_383, 16_383))
    yield Odd(name="webp-0x0", data=patch(lossy, 26, "<HH", 0, 0))
    yield Odd(name="webp-lossless-16384", data=patch(exact, 21, "<I", 0x0FFFFFFF))
    yield Odd(name="webp-canvas-differs", data=patch(extended, 24, "<I", 99))
    yield Odd(name="webp-canvas-huge", data=patch(extended, 24, "<IH", 0xFFFF003F, 0xFF))
    yield Odd(name="webp-flags-all", data=patch(extended, 20, "<B", 0xFF))
    at = moving.index(b"ANMF")
    for name, offset, values in (("left", 8, (0xFF, 0xFF, 0xFF)), ("width", 14, (0xFF, 0xFF, 0xFF))):
        yield Odd(name=f"webp-frame-{name}", data=patch(moving, at + offset, "<BBB", *values))
    yield Odd(name="webp-frame-length", data=patch(moving, at + 4, "<I", 0xFFFFFFF0))
    yield Odd(name="webp-canvas-of-moving", data=patch(moving, 24, "<I", 0))


def _bmp() -> Iterator[Odd]:
    data = save(to_image(scene(*_SIZE)), "BMP")
    for name, at, form, value in (
        ("offset", 10, "<I", 0xFFFFFFF0),
        ("offset-0", 10, "<I", 0),
        ("width-0", 18, "<i", 0),
        ("width-negative", 18, "<i", -32),
        ("height-least", 22, "<i", -(1 << 31)),
        ("planes", 26, "<H", 9),
        ("bits-3", 28, "<H", 3),
        ("bits-64", 28, "<H", 64),
        ("packing-99", 30, "<I", 99),
        ("packing-jpeg", 30, "<I", 4),
        ("colours", 46, "<I", 0xFFFFFFFF),
    ):
        yield Odd(name=f"bmp-{name}", data=patch(data, at, form, value))


def _tiff() -> Iterator[Odd]:
    data = tiff_files.write("<", 3, 8, "strip")
    start = struct.unpack_from("<I", data, 4)[0]
    yield refused("tiff-directory-outside", patch(data, 4, "<I", 0xFFFFFF00), CORRUPT)
    yield refused("tiff-directory-0", patch(data, 4, "<I", 0), CORRUPT, UNSUPPORTED)
    for count in (0, 1, 9999, 65_535):
        yield Odd(name=f"tiff-{count}-entries", data=patch(data, start, "<H", count))
    loop = patch(data, len(data) - 4, "<I", start)
    yield Odd(name="tiff-directory-that-follows-itself", data=loop)
    for entry in range(struct.unpack_from("<H", data, start)[0]):
        at = start + 2 + 12 * entry
        tag = struct.unpack_from("<H", data, at)[0]
        for name, form, values in (
            ("zero", "<HII", (4, 1, 0)),
            ("many", "<HII", (4, 0x7FFFFFFF, 8)),
            ("vast", "<HII", (4, 1, 0xFFFFFFFF)),
            ("kind", "<HI", (99, 1)),
        ):
            yield Odd(name=f"tiff-{tag}-{name}", data=patch(data, at + 2, form, *values))


_BOXES = (b"ftyp", b"meta", b"iloc", b"iinf", b"infe", b"iprp", b"ipco", b"ispe", b"ipma", b"mdat")


def _boxes() -> Iterator[Odd]:
    """AVIF and HEIC, whose boxes have lengths, offsets and references to one another."""
    picture = to_image(scene(64, 48))
    for form, data in (("avif", save(picture, "AVIF", speed=10)), ("heic", save(picture, "HEIC"))):
        for kind in _BOXES:
            at = data.index(kind)
            name = f"{form}-{kind.decode()}"
            for length in (0, 1, 7, 0x7FFFFFFF):
                yield Odd(name=f"{name}-length{length}", data=patch(data, at - 4, ">I", length))
            yield Odd(name=f"{name}-ones", data=patch(data, at + 4, ">QQ", *[(1 << 64) - 1] * 2))
            yield Odd(name=f"{name}-renamed", data=data[:at] + b"free" + data[at + 4 :])

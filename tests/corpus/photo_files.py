"""JPEG, WebP, AVIF and HEIC in every mode, sampling and depth that can be written here."""

import io
import struct
from collections.abc import Iterator

import cv2
import numpy as np
import pillow_heif
from PIL import Image, ImageCms

from tests.corpus.item import CORRUPT, Odd, refused, sound
from tests.support.animations import in_every_format, walk
from tests.support.pictures import save, scene, to_image, with_alpha

SIZE = (40, 24)
_TURNED_FROM = 5  # from this EXIF orientation on width and height change places


def photo_files() -> Iterator[Odd]:
    """All of them."""
    yield from _jpeg()
    yield from _webp()
    yield from _avif()
    yield from _heic()


def exif(orientation: int) -> bytes:
    """Write an EXIF block with an orientation, a place, a maker's note and a comment."""
    block = Image.Exif()
    block[0x0112], block[0x010E], block[0x010F] = orientation, "SECRET description", "SECRET maker"
    block.get_ifd(0x8769)[0x927C] = b"SECRET maker note"
    block.get_ifd(0x8769)[0x9286] = b"ASCII\0\0\0SECRET comment"
    block.get_ifd(0x8825)[1] = "N"
    block.get_ifd(0x8825)[2] = (48.0, 51.0, 29.0)
    return block.tobytes()


def _turned(size: tuple[int, int], orientation: int) -> tuple[int, int]:
    return size[::-1] if orientation >= _TURNED_FROM else size


def _jpeg() -> Iterator[Odd]:
    image = to_image(scene(*SIZE))
    for mode in ("L", "RGB", "CMYK"):
        for progressive in (False, True):
            name = f"jpeg-{mode}{'-progressive' * progressive}"
            yield sound(name, save(image.convert(mode), "JPEG", progressive=progressive), SIZE)
    for sampling in (0x111111, 0x211111, 0x221111, 0x121111, 0x411111):
        for progressive in (False, True):
            settings = (
                cv2.IMWRITE_JPEG_SAMPLING_FACTOR,
                sampling,
                cv2.IMWRITE_JPEG_PROGRESSIVE,
                int(progressive),
            )
            data = cv2.imencode(".jpg", scene(*SIZE), settings)[1].tobytes()
            yield sound(f"jpeg-{sampling:x}{'-progressive' * progressive}", data, SIZE)
    for orientation in range(1, 9):
        data = save(image, "JPEG", exif=exif(orientation))
        yield sound(f"jpeg-turned{orientation}", data, _turned(SIZE, orientation))
    for quality in (1, 100):
        yield sound(f"jpeg-quality{quality}", save(image, "JPEG", quality=quality), SIZE)
    plain = save(image, "JPEG")
    yield sound("jpeg-restarts", save(image, "JPEG", restart_marker_blocks=1), SIZE)
    yield sound("jpeg-rgb-not-ycc", save(image, "JPEG", keep_rgb=True), SIZE)
    yield sound("jpeg-icc", save(image, "JPEG", icc_profile=_srgb()), SIZE)
    yield sound("jpeg-filled", plain[:2] + b"\xff" * 40 + plain[2:], SIZE)
    yield sound("jpeg-no-end", plain[:-2], SIZE)
    yield refused("jpeg-half", plain[: len(plain) // 2], CORRUPT)
    yield refused("jpeg-half-closed", plain[: len(plain) // 2] + plain[-2:], CORRUPT)
    yield sound("jpeg-stray-bytes", plain[:20] + b"stray bytes" + plain[20:], SIZE)
    yield sound("jpeg-two-in-one", plain + plain, SIZE)
    yield sound("mpo", save(image, "MPO", save_all=True, append_images=[image.convert("L")]), SIZE)
    for size in ((1, 1), (1, 2000), (2000, 1), (7, 9)):
        yield sound(f"jpeg-{size[0]}x{size[1]}", save(to_image(scene(*size)), "JPEG"), size)


def _webp() -> Iterator[Odd]:
    image, clear = to_image(scene(*SIZE)), with_alpha(scene(*SIZE))
    for name, picture in (("rgb", image), ("rgba", clear), ("grey", image.convert("L"))):
        for lossless in (False, True):
            data = save(picture, "WEBP", lossless=lossless)
            yield sound(f"webp-{name}{'-lossless' * lossless}", data, SIZE)
    for orientation in range(1, 9):
        data = save(image, "WEBP", exif=exif(orientation), icc_profile=_srgb(), xmp=b"<SECRET/>")
        yield sound(f"webp-turned{orientation}", data, _turned(SIZE, orientation))
    yield sound("webp-1x1", save(to_image(scene(1, 1)), "WEBP"), (1, 1))
    yield sound("webp-alpha-packed", save(clear, "WEBP", alpha_quality=10, method=6), SIZE)


def _avif() -> Iterator[Odd]:
    image, clear = to_image(scene(*SIZE)), with_alpha(scene(*SIZE))
    for sampling in ("4:4:4", "4:2:2", "4:2:0", "4:0:0"):
        for name, picture in (("rgb", image), ("rgba", clear)):
            data = save(picture, "AVIF", subsampling=sampling, speed=10)
            yield sound(f"avif-{name}-{sampling}", data, SIZE)
    for depth in (8, 10, 12):
        for channels in (1, 3, 4):
            deep = np.random.default_rng(depth).integers(0, 1 << depth, (24, 40, channels))
            kind = np.uint8 if depth == 8 else np.uint16
            settings = (cv2.IMWRITE_AVIF_DEPTH, depth, cv2.IMWRITE_AVIF_SPEED, 10)
            data = cv2.imencode(".avif", deep.astype(kind), settings)[1].tobytes()
            yield sound(f"avif-{channels}x{depth}bit", data, SIZE)
    for orientation in range(1, 9):
        data = save(image, "AVIF", exif=exif(orientation), speed=10)
        yield sound(f"avif-turned{orientation}", data, _turned(SIZE, orientation))
    frames = [to_image(frame) for frame in walk(3)]
    moving = save(frames[0], "AVIF", save_all=True, append_images=frames[1:], duration=50, speed=10)
    yield sound("avif-moving", moving, (40, 30))


def _heic() -> Iterator[Odd]:
    image, clear = to_image(scene(*SIZE)), with_alpha(scene(*SIZE))
    for mode, picture in (("L", image.convert("L")), ("RGB", image), ("RGBA", clear)):
        for chroma in (420, 422, 444):
            data = save(picture, "HEIC", chroma=chroma)
            yield sound(f"heic-{mode}-{chroma}", data, SIZE)
    for depth in (10, 12):
        deep = np.random.default_rng(depth).integers(0, 65_536, (24, 40, 3)).astype(np.uint16)
        heif = pillow_heif.from_bytes(mode="RGB;16", size=SIZE, data=deep.tobytes())
        yield sound(f"heic-{depth}bit", _saved(heif, bit_depth=depth), SIZE)
    for orientation in range(1, 9):
        turned = pillow_heif.from_pillow(image)
        turned.info["exif"] = exif(orientation)
        yield sound(f"heic-turned{orientation}", _saved(turned), _turned(SIZE, orientation))
    several = pillow_heif.from_pillow(image)
    several.add_from_pillow(image.convert("L"))
    yield sound("heic-two", _saved(several), SIZE)


def _saved(heif: "pillow_heif.HeifFile", **settings: int) -> bytes:
    buffer = io.BytesIO()
    heif.save(buffer, **settings)
    return buffer.getvalue()


def _srgb() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def animated_files() -> Iterator[Odd]:
    """GIF, PNG and WebP that move, with odd times; and still GIFs of every kind."""
    image = to_image(scene(*SIZE))
    for mode in ("1", "L", "P"):
        for interlace in (0, 1):
            data = save(image.convert(mode), "GIF", interlace=interlace)
            yield sound(f"gif-{mode}{'-interlaced' * interlace}", data, SIZE)
    clear = image.quantize(16)
    yield sound("gif-clear", save(clear, "GIF", transparency=3), SIZE)
    yield sound("gif-87a", save(image, "GIF").replace(b"GIF89a", b"GIF87a", 1), SIZE)
    for times in ((0, 0, 0), (0, 50, 0), (10, 655_350, 20), (20, 30, 40)):
        label = "-".join(map(str, times))
        for name, data in in_every_format(walk(3), [min(time, 65_000) for time in times]).items():
            yield sound(f"{name}-moving-{label}", data, (40, 30))
    for disposal in range(4):
        frames = [to_image(frame) for frame in walk(3)]
        data = save(frames[0], "GIF", save_all=True, append_images=frames[1:], disposal=disposal)
        yield sound(f"gif-disposal{disposal}", data, (40, 30))
    for loop in (0, 1, 65_535):
        frames = [to_image(frame) for frame in walk(3)]
        data = save(frames[0], "GIF", save_all=True, append_images=frames[1:], loop=loop)
        yield sound(f"gif-loop{loop}", data, (40, 30))
    yield sound("gif-no-trailer", save(image, "GIF")[:-1], SIZE)
    yield sound("gif-canvas-of-none", _gif_without_canvas(save(image, "GIF")), SIZE)


def _gif_without_canvas(gif: bytes) -> bytes:
    return gif[:6] + struct.pack("<HH", 0, 0) + gif[10:]

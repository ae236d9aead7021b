"""Any picture file to 8-bit sRGB pixels the right way up, or a sentence that says why not."""

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import cv2
import numpy as np
import pillow_heif
from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    ImageFile,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from pipeline.errors import InputError, MediaCorrupt, MediaTooLarge, UnsupportedMedia
from pipeline.faces import Bgr, Notice
from pipeline.image_io.colour import to_srgb
from pipeline.image_io.containers import (
    Container,
    exif_orientation,
    read_bmp,
    read_gif,
    read_jpeg,
    read_png,
    read_tiff,
    read_webp,
    without_exif,
)
from pipeline.image_io.sniff import MediaType, sniff


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The largest picture that is decoded: pixels of the stored picture, bytes of the file."""

    max_pixels: int = 64_000_000
    max_bytes: int = 50_000_000


@dataclass(frozen=True, kw_only=True, eq=False)
class Picture:
    """A decoded picture, upright and in sRGB.

    Attributes:
        bgr: (h, w, 3) uint8, contiguous, writable; BGR, not multiplied by alpha.
        alpha: (h, w) uint8, contiguous, 255 is opaque; None where the file has no transparency.
        media: what the file was.
        notices: what the sender should know, such as that only a first frame was read.
    """

    bgr: Bgr
    alpha: Bgr | None
    media: MediaType
    notices: tuple[Notice, ...] = ()


@dataclass(frozen=True, kw_only=True, eq=False)
class _Loaded:
    """Decoded pixels as the file holds them, and how they are meant."""

    image: Image.Image
    exif: bytes = b""
    icc: bytes = b""
    frames: int = 1


@dataclass(frozen=True, kw_only=True, eq=False)
class _Header:
    """Width and height in pixels as the decoder will hold them, and how to decode them."""

    size: tuple[int, int]
    load: Callable[[], _Loaded]


def decode(data: bytes, limits: Limits) -> Picture:
    """Decode a picture file of any readable format.

    Pictures of 16 bits a channel keep their high byte; animations and documents keep their first frame.
    Thread-safe.

    Raises:
        UnsupportedMedia: the file is no picture, or one of a kind that is not read.
        MediaTooLarge: the file or the picture exceeds `limits`; no pixel was decoded.
        MediaCorrupt: the file is empty, damaged or cut short.
    """
    media = _accept(data, limits)
    with _faults():
        header = _OPENERS[media.name](data)
        _check_size(header.size, limits)
        loaded = header.load()
        _check_size(loaded.image.size, limits)
        bgr, alpha = _pixels(loaded)
    return Picture(bgr=bgr, alpha=alpha, media=media, notices=_notices(loaded.frames))


def count_pixels(data: bytes, limits: Limits) -> int:
    """Count the pixels of a picture file by its header alone; raises as `decode` does."""
    media = _accept(data, limits)
    with _faults():
        width, height = _OPENERS[media.name](data).size
        _check_size((width, height), limits)
    return width * height


def _accept(data: bytes, limits: Limits) -> MediaType:
    if not data:
        raise MediaCorrupt("The file is empty.")
    if len(data) > limits.max_bytes:
        raise MediaTooLarge(
            f"The file has {len(data) / 1e6:.1f} MB; at most {limits.max_bytes / 1e6:.1f} MB are accepted."
        )
    media = sniff(data)
    if media.kind != "picture":
        raise UnsupportedMedia(_not_a_picture(media))
    return media


def _check_size(size: tuple[int, int], limits: Limits) -> None:
    width, height = size
    if min(width, height) < 1:
        raise MediaCorrupt
    if width * height > limits.max_pixels:
        raise MediaTooLarge(
            f"The picture has {width} x {height} pixels; at most "
            f"{limits.max_pixels / 1e6:.1f} million are accepted. Send a smaller one."
        )


@contextmanager
def _faults() -> Iterator[None]:
    """Name the faults of decoders, which raise whatever their parsers run into, as ours."""
    try:
        yield
    except (InputError, MemoryError):
        raise
    except Image.DecompressionBombError as error:
        raise MediaTooLarge from error
    except Exception as error:
        raise MediaCorrupt from error


def _not_a_picture(media: MediaType) -> str:
    if media.kind == "video":
        return f"This file is {media.label}, but a picture is needed here."
    return f"This file is {media.label}. Send a JPEG, PNG, WebP, GIF, BMP, TIFF, AVIF or HEIC picture."


def _notices(frames: int) -> tuple[Notice, ...]:
    if frames == 1:
        return ()
    message = "The file holds more than one picture; only the first was used."
    return (Notice(code="first_frame_only", message=message),)


def _pillow(plugin: type[ImageFile.ImageFile], read: Callable[[bytes], Container]) -> "_Opener":
    """Open by one Pillow plugin: never by another one's guess, and without Pillow's global settings."""

    def opener(data: bytes) -> _Header:
        container = read(data)

        def load() -> _Loaded:
            image = plugin(io.BytesIO(container.data))
            image.load()
            return _Loaded(
                image=image,
                exif=container.exif or image.info.get("exif", b""),
                icc=container.icc or image.info.get("icc_profile") or b"",
                frames=max(container.frames, getattr(image, "n_frames", 1)),
            )

        return _Header(size=container.size, load=load)

    return opener


def _open_avif(data: bytes) -> _Header:
    image = AvifImagePlugin.AvifImageFile(io.BytesIO(without_exif(data)))

    def load() -> _Loaded:
        image.load()
        info = image.info
        return _Loaded(
            image=image,
            exif=info.get("exif", b""),
            icc=info.get("icc_profile", b""),
            frames=image.n_frames,
        )

    return _Header(size=image.size, load=load)


def _open_heic(data: bytes) -> _Header:
    heif = pillow_heif.open_heif(data, convert_hdr_to_8bit=True)

    def load() -> _Loaded:
        pixels = heif.data  # libheif turns the picture itself, so its EXIF orientation no longer applies
        image = Image.frombuffer(heif.mode, heif.size, pixels, "raw", heif.mode, heif.stride, 1)
        return _Loaded(image=image, icc=heif.info.get("icc_profile", b""))

    return _Header(size=heif.size, load=load)


_Opener = Callable[[bytes], _Header]

_OPENERS: dict[str, _Opener] = {
    "jpeg": _pillow(JpegImagePlugin.JpegImageFile, read_jpeg),
    "png": _pillow(PngImagePlugin.PngImageFile, read_png),
    "webp": _pillow(WebPImagePlugin.WebPImageFile, read_webp),
    "gif": _pillow(GifImagePlugin.GifImageFile, read_gif),
    "bmp": _pillow(BmpImagePlugin.BmpImageFile, read_bmp),
    "tiff": _pillow(TiffImagePlugin.TiffImageFile, read_tiff),
    "avif": _open_avif,
    "heic": _open_heic,
}

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def _pixels(loaded: _Loaded) -> tuple[Bgr, Bgr | None]:
    image, alpha = _split(loaded.image)
    image = to_srgb(image, loaded.icc)
    turn = _TURNS.get(exif_orientation(loaded.exif))
    if turn is not None:
        image = image.transpose(turn)
        alpha = None if alpha is None else alpha.transpose(turn)
    return _bgr(image), None if alpha is None else np.array(alpha)


_STRIPE_ROWS = 64


def _bgr(image: Image.Image) -> Bgr:
    """Copy an image out in stripes: their buffers stay in cache, and no second whole copy is held."""
    if image.mode == "L":
        return cv2.cvtColor(np.asarray(image), cv2.COLOR_GRAY2BGR).astype(np.uint8, copy=False)
    if image.mode not in ("RGB", "RGBA"):
        image = image.convert("RGB")
    width, height = image.size
    bgr = np.empty((height, width, 3), np.uint8)
    for top in range(0, height, _STRIPE_ROWS):
        stripe = image.crop((0, top, width, min(top + _STRIPE_ROWS, height)))
        pixels = np.frombuffer(stripe.tobytes("raw", "BGR"), np.uint8)
        bgr[top : top + _STRIPE_ROWS] = pixels.reshape(-1, width, 3)
    return bgr


def _split(image: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """Separate any mode into colour (L, RGB, CMYK; the A of RGBA is to be ignored) and alpha (L)."""
    if image.mode.startswith("I;16"):
        return _high_byte(image)
    key = image.info.get("transparency")
    if image.mode == "RGB" and key is not None and max(key) > 255:  # noqa: PLR2004 -- a key of 16 bits
        image.info["transparency"] = tuple(value >> 8 for value in key)
    if image.has_transparency_data:
        image = image if image.mode == "RGBA" else image.convert("RGBA")
        return image, image.getchannel("A")
    if image.mode in ("L", "RGB", "CMYK"):
        return image, None
    if image.mode == "1":
        return image.convert("L"), None
    if image.mode in ("P", "YCbCr", "RGBX"):
        return image.convert("RGB"), None
    raise UnsupportedMedia(
        "The picture's colours are stored in a way this service does not read; save it as 8-bit RGB."
    )


def _high_byte(image: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    deep = np.asarray(image)
    grey = Image.fromarray((deep >> 8).astype(np.uint8))
    key = image.info.get("transparency")
    return grey, None if key is None else Image.fromarray(np.where(deep == key, 0, 255).astype(np.uint8))

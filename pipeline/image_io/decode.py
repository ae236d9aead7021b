"""Any picture file to 8-bit sRGB pixels the right way up, or a sentence that says why not."""

import io
from collections.abc import Callable
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
class _Opened:
    """A file whose header is read: the image that will load its pixels, and how they are meant."""

    image: Image.Image
    exif: bytes = b""
    icc: bytes = b""
    frames: int = 1


_Check = Callable[[int, int], None]


def decode(data: bytes, limits: Limits) -> Picture:
    """Decode a picture file of any readable format.

    Pictures of 16 bits a channel keep their high byte; animations and documents keep their first frame.

    Raises:
        UnsupportedMedia: the file is no picture, or one of a kind that is not read.
        MediaTooLarge: the file or the picture exceeds `limits`; no pixel was decoded.
        MediaCorrupt: the file is empty, damaged or cut short.
    """
    if not data:
        raise MediaCorrupt("The file is empty.")
    if len(data) > limits.max_bytes:
        raise MediaTooLarge(
            f"The file has {len(data) / 1e6:.0f} MB; at most {limits.max_bytes / 1e6:.0f} MB are accepted."
        )
    media = sniff(data)
    if media.kind != "picture":
        raise UnsupportedMedia(_not_a_picture(media))

    def check(width: int, height: int) -> None:
        if min(width, height) < 1:
            raise MediaCorrupt
        if width * height > limits.max_pixels:
            raise MediaTooLarge(
                f"The picture has {width} x {height} pixels; at most "
                f"{limits.max_pixels / 1e6:.0f} million are accepted. Send a smaller one."
            )

    try:
        opened = _OPENERS[media.name](data, check)
        opened.image.load()
        check(*opened.image.size)
        bgr, alpha = _pixels(opened)
    except (InputError, MemoryError):
        raise
    except Image.DecompressionBombError as error:
        raise MediaTooLarge from error
    except Exception as error:
        # Decoders raise whatever their parsers run into: OSError, ValueError, SyntaxError, struct.error ...
        raise MediaCorrupt from error
    return Picture(bgr=bgr, alpha=alpha, media=media, notices=_notices(opened.frames))


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

    def opener(data: bytes, check: _Check) -> _Opened:
        container = read(data)
        check(*container.size)
        image = plugin(io.BytesIO(container.data))
        return _Opened(
            image=image,
            exif=container.exif or image.info.get("exif", b""),
            icc=container.icc or image.info.get("icc_profile") or b"",
            frames=max(container.frames, getattr(image, "n_frames", 1)),
        )

    return opener


def _open_avif(data: bytes, check: _Check) -> _Opened:
    image = AvifImagePlugin.AvifImageFile(io.BytesIO(data))
    check(*image.size)
    return _Opened(
        image=image,
        exif=image.info.get("exif", b""),
        icc=image.info.get("icc_profile", b""),
        frames=image.n_frames,
    )


def _open_heic(data: bytes, check: _Check) -> _Opened:
    heif = pillow_heif.open_heif(data, convert_hdr_to_8bit=True)
    check(*heif.size)
    pixels = heif.data  # libheif turns the picture itself, so its EXIF orientation no longer applies
    check(*heif.size)
    image = Image.frombuffer(heif.mode, heif.size, pixels, "raw", heif.mode, heif.stride, 1)
    return _Opened(image=image, icc=heif.info.get("icc_profile", b""))


_Opener = Callable[[bytes, _Check], _Opened]

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


def _pixels(opened: _Opened) -> tuple[Bgr, Bgr | None]:
    image, alpha = _split(opened.image)
    image = to_srgb(image, opened.icc)
    turn = _TURNS.get(exif_orientation(opened.exif))
    if turn is not None:
        image = image.transpose(turn)
        alpha = None if alpha is None else alpha.transpose(turn)
    if image.mode not in ("L", "RGB"):
        image = image.convert("RGB")
    code = cv2.COLOR_GRAY2BGR if image.mode == "L" else cv2.COLOR_RGB2BGR
    bgr = cv2.cvtColor(np.asarray(image), code)
    return bgr.astype(np.uint8, copy=False), None if alpha is None else np.array(alpha)


def _split(image: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """Separate any mode into colour (L, RGB or CMYK) and alpha (L)."""
    if image.mode.startswith("I;16"):
        return _high_byte(image)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        return image.convert("RGB"), image.getchannel("A")
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

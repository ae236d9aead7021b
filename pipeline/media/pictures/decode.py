"""Any picture file to 8-bit sRGB pixels the right way up, or a sentence that says why not."""

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

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
from pipeline.face import Bgr, Notice
from pipeline.media.pictures.containers import (
    Container,
    read_bmp,
    read_gif,
    read_jpeg,
    read_png,
    read_webp,
    without_exif,
)
from pipeline.media.pictures.pixels import to_pixels
from pipeline.media.pictures.tiff import read_tiff
from pipeline.media.sniff import MediaType, sniff

DEEP_BITS = 16
"""Bits of a channel from which on a PNG or TIFF has more than the pipeline works on."""
BYTES_PER_PIXEL = 16
"""BGR and alpha, and what the decoders take beside: 7 to 16, by format."""
_ENCODED_BYTES_PER_PIXEL = {"avif": 48, "webp": 32, "heic": 32}
"""Where a format's own encoder, or with alpha that of the format it becomes, takes more: 45, 31 and 26."""
_DEEP_BYTES_PER_PIXEL = 64
"""Where 16 bits are kept: the original twice, its high bytes, and a PNG that may not pack: 60 of noise."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The largest picture that is decoded.

    Attributes:
        max_pixels: of the stored picture, or of one frame.
        max_bytes: of the file.
        max_frames: of an animation.
        max_animation_pixels: of an animation, in all its frames.
    """

    max_pixels: int = 64_000_000
    max_bytes: int = 50_000_000
    max_frames: int = 1000
    max_animation_pixels: int = 256_000_000


@dataclass(frozen=True, kw_only=True, eq=False)
class Picture:
    """A decoded picture, upright and in sRGB.

    Attributes:
        bgr: (h, w, 3) uint8, contiguous, writable; BGR, not multiplied by alpha.
        alpha: (h, w) uint8, contiguous, 255 is opaque; None where the file has no transparency.
        media: what the file was.
        notices: what the sender should know, such as that only a first frame was read.
        deep: the file itself, where it holds more than 8 bits a channel that can be kept, see
            `pipeline.media.pictures.depth`.
    """

    bgr: Bgr
    alpha: Bgr | None
    media: MediaType
    notices: tuple[Notice, ...] = ()
    deep: bytes | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class _Loaded:
    """Decoded pixels as the file holds them, and how they are meant."""

    image: Image.Image
    exif: bytes = b""
    icc: bytes = b""
    frames: int = 1


@dataclass(frozen=True, kw_only=True, eq=False)
class _Header:
    """Width and height in pixels as the decoder will hold them, how to decode them, bits of a channel."""

    size: tuple[int, int]
    load: Callable[[], _Loaded]
    depth: int = 8


def decode(data: bytes, limits: Limits) -> Picture:
    """Decode a picture file of any readable format.

    Of pictures of 16 bits a channel this is the high byte, and the file is kept along; of animations and
    documents it is the first frame. Thread-safe.

    Raises:
        UnsupportedMedia: the file is no picture, or one of a kind that is not read.
        MediaTooLarge: the file or the picture exceeds `limits`; no pixel was decoded.
        MediaCorrupt: the file is empty, damaged or cut short.
    """
    media = accept(data, limits)
    with decoder_faults():
        header = _OPENERS[media.name](data)
        check_size(header.size, limits)
        loaded = header.load()
        check_size(loaded.image.size, limits)
        bgr, alpha = to_pixels(loaded.image, exif=loaded.exif, icc=loaded.icc)
    deep = data if header.depth == DEEP_BITS else None
    return Picture(bgr=bgr, alpha=alpha, media=media, notices=_notices(loaded.frames), deep=deep)


def count_pixels(data: bytes, limits: Limits) -> int:
    """Count the pixels of a picture file by its header alone; raises as `decode` does."""
    width, height = _read_header(data, limits).size
    return width * height


def count_bytes(data: bytes, limits: Limits, *, to: str | None = None) -> int:
    """Memory that a picture takes from decoding to encoding, by its header.

    `to` names the format of the result; None is that which `output_format` chooses. Raises as `decode` does.
    """
    header = _read_header(data, limits)
    width, height = header.size
    if header.depth == DEEP_BITS:
        return width * height * _DEEP_BYTES_PER_PIXEL
    formats = (sniff(data).name, to or "")
    return width * height * max(_ENCODED_BYTES_PER_PIXEL.get(name, BYTES_PER_PIXEL) for name in formats)


def _read_header(data: bytes, limits: Limits) -> _Header:
    media = accept(data, limits)
    with decoder_faults():
        header = _OPENERS[media.name](data)
        check_size(header.size, limits)
    return header


def accept(data: bytes, limits: Limits) -> MediaType:
    """Tell which picture format a file has; raises as `decode` for what is none, empty or too large."""
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


def check_size(size: tuple[int, int], limits: Limits) -> None:
    """Refuse a picture of no pixels (MediaCorrupt) or too many (MediaTooLarge)."""
    width, height = size
    if min(width, height) < 1:
        raise MediaCorrupt
    if width * height > limits.max_pixels:
        raise MediaTooLarge(
            f"The picture has {width} x {height} pixels; at most "
            f"{limits.max_pixels / 1e6:.1f} million are accepted. Send a smaller one."
        )


@contextmanager
def decoder_faults() -> Iterator[None]:
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

        return _Header(size=container.size, load=load, depth=container.depth)

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
        return _Loaded(image=image, icc=heif.info.get("icc_profile", b""), frames=len(heif))

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

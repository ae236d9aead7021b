"""Any picture file to 8-bit sRGB pixels the right way up, or a sentence that says why not."""

import io
import re
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Final

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
from pipeline.media.pictures.colour_space import HDR_READ_AS_SDR, HDR_TRANSFERS
from pipeline.media.pictures.containers import (
    Container,
    read_bmp,
    read_gif,
    read_webp,
    without_exif,
)
from pipeline.media.pictures.jpeg import check_whole, read_jpeg
from pipeline.media.pictures.metadata import exif_date, orientation
from pipeline.media.pictures.pixels import to_pixels
from pipeline.media.pictures.png import read_png
from pipeline.media.pictures.tiff import read_tiff
from pipeline.media.sniff import MediaType, sniff

DEEP_BITS: Final = 16
"""Bits of a channel from which on a PNG or TIFF has more than the pipeline works on."""
BYTES_PER_PIXEL: Final = 16
"""BGR and alpha, and what the decoders take beside: 7 to 16, by format."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The largest picture that is decoded."""

    #: Pixels of the stored picture, or of one frame.
    max_pixels: int = 64_000_000
    #: Bytes of the file.
    max_bytes: int = 50_000_000
    #: Frames of an animation.
    max_frames: int = 1000
    #: Pixels of an animation, in all its frames.
    max_animation_pixels: int = 256_000_000


@dataclass(frozen=True, kw_only=True, eq=False)
class Original16Bit:
    """A picture of 16 bits a channel as its file packs it, see `pipeline.media.pictures.depth`."""

    #: The file as OpenCV is to read it.
    packed: bytes
    #: EXIF orientation, 1..8, that OpenCV does not apply itself.
    orientation: int
    #: CRC-32 of the 8-bit BGR that was decoded from it: so the original need not be decoded before it is
    #: wanted, and still tells whether its high bytes are what the pipeline worked on.
    checksum: int
    #: The same of its alpha, None where it has none.
    alpha_checksum: int | None


@dataclass(frozen=True, kw_only=True, eq=False)
class Picture:
    """A decoded picture, or a frame of what moves, upright and in sRGB."""

    #: (h, w, 3) uint8, contiguous, writable; BGR, not multiplied by alpha.
    bgr: Bgr
    #: (h, w) uint8, contiguous, 255 is opaque; None where the file has no transparency.
    alpha: Bgr | None
    #: What the file was.
    media: MediaType
    #: What the sender should know, such as that only a first frame was read.
    notices: tuple[Notice, ...] = ()
    #: When it was taken, as EXIF writes it: `YYYY:MM:DD HH:MM:SS`; None where the file does not say.
    date: str | None = None
    #: The 16 bits a channel of which `bgr` holds the high 8; None where the file has no more than those.
    original_16bit: Original16Bit | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class _Loaded:
    """Decoded pixels as the file holds them, and how they are meant."""

    image: Image.Image
    #: 1..8, as EXIF counts them; 1 where the decoder has turned it.
    orientation: int = 1
    icc: bytes = b""
    date: str | None = None
    frames: int = 1
    notices: tuple[Notice, ...] = ()


@dataclass(frozen=True, kw_only=True, eq=False)
class _Header:
    """What a file says before it is decoded."""

    #: Width and height in pixels as the decoder will hold them.
    size: tuple[int, int]
    load: Callable[[], _Loaded]
    #: The same of the picture itself, where the decoder holds more.
    picture_size: tuple[int, int] | None = None
    #: None for the formats whose decoders read the container themselves.
    container: Container | None = None


class PictureFile:
    """A picture of which the header was read, to be loaded once."""

    def __init__(self, media: MediaType, header: _Header, limits: Limits) -> None:
        self.media = media
        #: Width and height in pixels as the decoder will hold them, before any turn.
        self.size = header.size
        #: Bits of a channel.
        self.depth = 8 if header.container is None else header.container.depth
        self._header: _Header | None = header
        self._limits = limits

    @property
    def pixels(self) -> int:
        """How many pixels the picture has."""
        return self.size[0] * self.size[1]

    @property
    def decode_bytes(self) -> int:
        """Memory that loading takes, the pixels included."""
        return self.pixels * BYTES_PER_PIXEL

    def load(self) -> Picture:
        """Decode the picture, and let go of the file, which some decoders keep along with its pixels.

        Of pictures of 16 bits a channel this is the high byte, with the original; of animations and documents
        it is the first frame.

        Raises:
            MediaTooLarge: the picture has more pixels than its header said, and too many.
            MediaCorrupt: the file is damaged or cut short.
        """
        header, self._header = self._header, None
        if header is None:
            raise RuntimeError("a picture file is loaded once")
        with decoder_faults():
            loaded = header.load()
            check_size(loaded.image.size, self._limits)
            bgr, alpha = to_pixels(loaded.image, orientation=loaded.orientation, icc=loaded.icc)
        return Picture(
            bgr=bgr,
            alpha=alpha,
            media=self.media,
            notices=(*_notices(loaded.frames), *loaded.notices),
            date=loaded.date,
            original_16bit=_original(self.media, header.container, bgr, alpha),
        )


def open_picture(
    data: bytes, limits: Limits, media: MediaType | None = None, container: Container | None = None
) -> PictureFile:
    """Read the header of a picture file of any readable format. Thread-safe.

    Args:
        data: the file.
        limits: the largest that is accepted.
        media: what `sniff` says of it, where that was asked before.
        container: what its reader says of it, where it was walked before.

    Raises:
        UnsupportedMedia: the file is no picture, or one of a kind that is not read.
        MediaTooLarge: the file or the picture exceeds `limits`.
        MediaCorrupt: the file is empty, or is damaged or cut short as far as its header tells.
    """
    media = accept(data, limits, media)
    with decoder_faults():
        if media.name in _PILLOW:
            plugin, read = _PILLOW[media.name]
            header = _pillow(plugin, container or read(data))
        else:
            header = _OPENERS[media.name](data)
        check_size(header.picture_size or header.size, limits)
        _check_tile(header.size, limits)
    return PictureFile(media, header, limits)


def decode(data: bytes, limits: Limits) -> Picture:
    """Open a picture file and load it at once; raises as `open_picture` and `PictureFile.load` do."""
    return open_picture(data, limits).load()


def accept(data: bytes, limits: Limits, media: MediaType | None = None) -> MediaType:
    """Tell which picture format a file has, which is `media` where that is known.

    Raises as `open_picture` for what is none, empty or too large.
    """
    if not data:
        raise MediaCorrupt("The file is empty.")
    if len(data) > limits.max_bytes:
        raise MediaTooLarge(
            f"The file has {len(data) / 1e6:.1f} MB; at most {limits.max_bytes / 1e6:.1f} MB are accepted."
        )
    media = media or sniff(data)
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


_TILE_PIXELS: Final = 1 << 20
"""A tile of so many pixels is held whatever the limit: writers take one size for pictures of any."""


def _check_tile(held: tuple[int, int], limits: Limits) -> None:
    width, height = held
    if width * height > max(limits.max_pixels, _TILE_PIXELS):
        raise MediaTooLarge(
            f"The TIFF is stored in tiles so large that {width} x {height} pixels had to be held; at most "
            f"{limits.max_pixels / 1e6:.1f} million are accepted. Save it in smaller tiles or as PNG."
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


def _original(
    media: MediaType, container: Container | None, bgr: Bgr, alpha: Bgr | None
) -> Original16Bit | None:
    if container is None or container.depth != DEEP_BITS:
        return None
    # OpenCV makes alpha of a transparent colour in some PNGs and not in others; and turns TIFFs, not PNGs.
    return Original16Bit(
        packed=container.data.replace(container.transparent_colour, b"", 1),
        orientation=orientation(container.exif, container.xmp) if media.name == "png" else 1,
        checksum=zlib.crc32(bgr.data),
        alpha_checksum=None if alpha is None else zlib.crc32(alpha.data),
    )


def _pillow(plugin: type[ImageFile.ImageFile], container: Container) -> _Header:
    """Load by one Pillow plugin: never by another one's guess, and without Pillow's global settings."""

    def load() -> _Loaded:
        image = plugin(io.BytesIO(container.data))
        image.load()
        check_whole(image, container)
        exif = container.exif or image.info.get("exif", b"")
        return _Loaded(
            image=image,
            orientation=orientation(exif, container.xmp or image.info.get("xmp", b"")),
            icc=container.icc or image.info.get("icc_profile") or b"",
            date=container.date or exif_date(exif),
            frames=max(container.frames, getattr(image, "n_frames", 1)),
            notices=container.notices,
        )

    held = max(container.size[0], container.tile[0]), max(container.size[1], container.tile[1])
    return _Header(size=held, picture_size=container.size, load=load, container=container)


def _open_avif(data: bytes) -> _Header:
    image = AvifImagePlugin.AvifImageFile(io.BytesIO(without_exif(data)))

    def load() -> _Loaded:
        image.load()
        info = image.info
        return _Loaded(
            image=image,
            orientation=orientation(info.get("exif", b"")),  # which Pillow makes of the file's own turns
            icc=info.get("icc_profile", b""),
            date=_avif_date(data),
            frames=image.n_frames,
            notices=(HDR_READ_AS_SDR,) if _has_hdr_tones(data) else (),
        )

    return _Header(size=image.size, load=load)


def _open_heic(data: bytes) -> _Header:
    heif = pillow_heif.open_heif(data, convert_hdr_to_8bit=True)

    def load() -> _Loaded:
        pixels = heif.data  # libheif turns the picture itself, so its EXIF orientation no longer applies
        image = Image.frombuffer(heif.mode, heif.size, pixels, "raw", heif.mode, heif.stride, 1)
        return _Loaded(
            image=image,
            icc=heif.info.get("icc_profile", b""),
            date=exif_date(heif.info.get("exif") or b""),
            frames=len(heif),
            notices=(HDR_READ_AS_SDR,) if _has_hdr_tones(data) else (),
        )

    return _Header(size=heif.size, load=load)


_MOST_BLOCKS: Final = 8
_TIFF_HEADER = re.compile(rb"II\*\0|MM\0\*")


def _avif_date(data: bytes) -> str | None:
    """When an AVIF was taken, by the EXIF block in it, whose place only its item tables tell."""
    if b"Exif" not in data:
        return None
    dates = (exif_date(data[found.start() :]) for found in islice(_TIFF_HEADER.finditer(data), _MOST_BLOCKS))
    return next((date for date in dates if date), None)


# The colour box of ISO/IEC 14496-12, 12.1.5, with its primaries, tones, matrix and range.
_COLOUR_BOX = re.compile(rb"colrnclx..(..)", re.DOTALL)


def _has_hdr_tones(data: bytes) -> bool:
    """Whether an AVIF or HEIC speaks of PQ or HLG alone; a gain map says so beside ordinary tones."""
    tones = {int.from_bytes(found[1], "big") for found in _COLOUR_BOX.finditer(data)}
    return bool(tones) and tones <= set(HDR_TRANSFERS)


_PILLOW: dict[str, tuple[type[ImageFile.ImageFile], Callable[[bytes], Container]]] = {
    "jpeg": (JpegImagePlugin.JpegImageFile, read_jpeg),
    "png": (PngImagePlugin.PngImageFile, read_png),
    "webp": (WebPImagePlugin.WebPImageFile, read_webp),
    "gif": (GifImagePlugin.GifImageFile, read_gif),
    "bmp": (BmpImagePlugin.BmpImageFile, read_bmp),
    "tiff": (TiffImagePlugin.TiffImageFile, read_tiff),
}
_OPENERS: dict[str, Callable[[bytes], _Header]] = {"avif": _open_avif, "heic": _open_heic}

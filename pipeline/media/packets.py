"""How each format of pictures carries an XMP packet: written, and read without decoding a pixel.

Pillow writes those of JPEG, WebP and AVIF pictures. Videos are in `pipeline.media.video.packets`.
"""

import io
import struct
from collections.abc import Callable, Iterator
from typing import Final

import pillow_heif
from PIL import AvifImagePlugin

from pipeline.errors import InputError
from pipeline.marks.claims import Claim, read_packet
from pipeline.media.pictures.containers import gif_blocks_end, gif_palette_bytes, riff_chunks, without_exif
from pipeline.media.pictures.decode import decoder_faults
from pipeline.media.pictures.jpeg import JPEG_XMP, jpeg_segments
from pipeline.media.pictures.png import PNG_XMP, PngDescription, png_chunk, png_chunks_unread
from pipeline.media.pictures.tiff import tiff_xmp
from pipeline.media.sniff import MediaType

_GIF_HEAD: Final = b"!\xff\x0bXMP DataXMP"
# Leads a reader that takes the packet for blocks to its end, from wherever it enters.
_GIF_TRAILER: Final = b"\x01" + bytes(range(255, -1, -1)) + b"\0"
_APP1: Final = 0xE1


def png_xmp(xmp: bytes) -> bytes:
    """Wrap a packet in the iTXt chunk of the XMP specification, part 3, 1.1.5."""
    return png_chunk(b"iTXt", PNG_XMP + bytes(4) + xmp)


def gif_xmp(xmp: bytes) -> bytes:
    """Wrap a packet in the extension of the XMP specification, part 3, 1.1.2."""
    return _GIF_HEAD + xmp + _GIF_TRAILER


def riff_chunk(kind: bytes, body: bytes) -> bytes:
    """Write a chunk of a WebP; that of an XMP packet is called `XMP ` (RFC 9649)."""
    return kind + struct.pack("<I", len(body)) + body + bytes(len(body) % 2)


def picture_claim(data: bytes, media: MediaType) -> Claim | None:
    """What a picture says of its own making; None where it says nothing, or is damaged before it could.

    Args:
        data: the file.
        media: what `sniff` says of it; whatever is no picture says nothing here.
    """
    find = _PACKETS.get(media.name)
    if find is None:
        return None
    try:
        with decoder_faults():
            packet = next(filter(None, find(data)), None)
    except InputError:
        return None
    return None if packet is None else read_packet(packet)


def _of_jpeg(data: bytes) -> Iterator[bytes]:
    for marker, start, end in jpeg_segments(data):
        if marker == _APP1 and data.startswith(JPEG_XMP, start + 4):
            yield data[start + 4 + len(JPEG_XMP) : end]


def _of_png(data: bytes) -> Iterator[bytes]:
    about = PngDescription()
    for kind, start, end in png_chunks_unread(data):
        if kind == b"iTXt" and data.startswith(PNG_XMP, start):
            about.take(kind, memoryview(data)[start:end])
            yield about.xmp


def _of_webp(data: bytes) -> Iterator[bytes]:
    chunks = riff_chunks(data, 12, int.from_bytes(data[4:8], "little") + 8)
    return (body for kind, body in chunks if kind == b"XMP ")


def _of_gif(data: bytes) -> Iterator[bytes]:
    at = 13 + gif_palette_bytes(data, 10)
    while (kind := data[at : at + 1]) in (b",", b"!"):
        start = at
        blocks = start + 2 if kind == b"!" else start + 11 + gif_palette_bytes(data, start + 9)
        at = gif_blocks_end(data, blocks)
        if data.startswith(_GIF_HEAD, start):
            yield data[start + len(_GIF_HEAD) : at - len(_GIF_TRAILER)]


def _of_tiff(data: bytes) -> Iterator[bytes]:
    yield tiff_xmp(data)


def _of_avif(data: bytes) -> Iterator[bytes]:
    yield AvifImagePlugin.AvifImageFile(io.BytesIO(without_exif(data))).info.get("xmp", b"")


def _of_heic(data: bytes) -> Iterator[bytes]:
    yield pillow_heif.open_heif(data).info.get("xmp") or b""


_PACKETS: Final[dict[str, Callable[[bytes], Iterator[bytes]]]] = {
    "jpeg": _of_jpeg,
    "png": _of_png,
    "webp": _of_webp,
    "gif": _of_gif,
    "tiff": _of_tiff,
    "avif": _of_avif,
    "heic": _of_heic,
}

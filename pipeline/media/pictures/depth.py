"""Results of 16 bits a channel: what a swap changed, laid on the target as its file holds it."""

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.face import Notice
from pipeline.media.pictures.containers import exif_orientation, png_chunks, read_png
from pipeline.media.pictures.decode import Limits, Picture, decode, decoder_faults
from pipeline.media.pictures.encode import Encoded, OutputFormat, encode, encode_deep_png
from pipeline.media.pictures.tiff import read_tiff
from pipeline.media.sniff import MediaType

Deep = NDArray[np.uint16]

_STRIPE_ROWS = 64
_STEP = 257
"""One of 256 levels in levels of 65536: 255 x 257 = 65535."""


def encode_picture(picture: Picture, *, to: OutputFormat, quality: int, xmp: bytes | None) -> Encoded:
    """Encode a picture as `encode` does, as PNG with the 16 bits a channel of the file it was decoded from.

    There pixels that were not changed are those of the file, bit by bit; others differ from it by as much
    as they were changed, so that no step shows at the edge of a change. Where the 16 bits are not to be had,
    as with a colour profile that had to be converted, the result has 8, with a notice.
    """
    if to != "png" or picture.deep is None:
        return encode(picture.bgr, picture.alpha, to=to, quality=quality, xmp=xmp)
    deep = _deepen(picture, picture.deep)
    if deep is not None:
        return encode_deep_png(deep, xmp=xmp)
    message = "The target has 16 bits a channel in a form that could not be kept; the result has 8."
    encoded = encode(picture.bgr, picture.alpha, to=to, quality=quality, xmp=xmp)
    return replace(encoded, notices=(*encoded.notices, Notice(code="depth_reduced", message=message)))


def _deepen(picture: Picture, file: bytes) -> Deep | None:
    """(h, w, 3 or 4) uint16 BGR(A), not multiplied by alpha; None where it is not what `decode` read."""
    height, width = picture.bgr.shape[:2]
    before = decode(file, Limits(max_pixels=height * width, max_bytes=len(file)))
    with decoder_faults():
        deep = _read(file, before)
    if deep is None or deep.shape[:2] != before.bgr.shape[:2]:
        return None
    for top in range(0, height, _STRIPE_ROWS):
        rows = slice(top, top + _STRIPE_ROWS)
        colour = deep[rows, :, :3]
        if not np.array_equal(colour >> 8, before.bgr[rows]):
            return None
        change = picture.bgr[rows].astype(np.int32) - before.bgr[rows]
        colour[:] = (colour + _STEP * change).clip(0, 65_535)
    return deep


def _read(file: bytes, before: Picture) -> Deep | None:
    """The pixels of a file as `before` holds their high bytes, alpha included; None where they differ."""
    pixels = cv2.imdecode(np.frombuffer(_without_key(file, before.media), np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None or pixels.dtype != np.uint16:
        return None
    deep: Deep = np.dstack((pixels,) * 3) if pixels.ndim == 2 else pixels.astype(np.uint16, copy=False)  # noqa: PLR2004 -- grey
    # OpenCV turns TIFFs itself.
    turned = _turned(deep, exif_orientation(read_png(file).exif)) if before.media.name == "png" else deep
    if before.alpha is None:
        return np.ascontiguousarray(turned[..., :3])
    if turned.shape[2] == 3:  # noqa: PLR2004 -- no alpha of its own, but a transparent colour
        return np.dstack((turned, before.alpha.astype(np.uint16) * _STEP))
    if turned.shape[:2] != before.alpha.shape or not np.array_equal(turned[..., 3] >> 8, before.alpha):
        return None
    return np.ascontiguousarray(turned)


def _without_key(file: bytes, media: MediaType) -> bytes:
    """The file without its transparent colour: OpenCV makes alpha of it in some PNGs and not in others."""
    if media.name != "png":
        return read_tiff(file).data
    chunks = png_chunks(read_png(file).data)
    return b"".join((file[:8], *(chunk for kind, chunk in chunks if kind != b"tRNS")))


def _turned(pixels: Deep, orientation: int) -> Deep:
    """Apply an EXIF orientation, 1..8 (EXIF 2.32, table 6)."""
    if orientation in (5, 6, 7, 8):
        pixels = pixels.transpose(1, 0, 2)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return pixels

"""Results of 16 bits a channel: what a swap changed, laid on the target as its file holds it."""

import zlib
from dataclasses import replace
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.face import Bgr, Notice
from pipeline.media.pictures.decode import Original16Bit, Picture, decoder_faults
from pipeline.media.pictures.encode import Encoded, OutputFormat, encode, encode_deep_png

Deep = NDArray[np.uint16]

_STRIPE_ROWS: Final = 64
_STEP: Final = 257
"""One of 256 levels in levels of 65536: 255 x 257 = 65535."""


def encode_picture(
    picture: Picture, *, to: OutputFormat, quality: int, xmp: bytes | None, date: str | None = None
) -> Encoded:
    """Encode a picture as `encode` does, as PNG with the 16 bits a channel of the file it was decoded from.

    There pixels that were not changed are those of the file, bit by bit; others differ from it by as much
    as they were changed, so that no step shows at the edge of a change. Where the 16 bits are not to be had,
    as with a colour profile that had to be converted, the result has 8, with a notice. `date` is what EXIF is
    to say of when it was taken; without one there is no EXIF.
    """
    if to != "png" or picture.original_16bit is None:
        return encode(picture.bgr, picture.alpha, to=to, quality=quality, xmp=xmp, date=date)
    deep = _deepen(picture, picture.original_16bit)
    if deep is not None:
        return encode_deep_png(deep, xmp=xmp, date=date)
    message = "The target has 16 bits a channel in a form that could not be kept; the result has 8."
    encoded = encode(picture.bgr, picture.alpha, to=to, quality=quality, xmp=xmp, date=date)
    return replace(encoded, notices=(*encoded.notices, Notice(code="depth_reduced", message=message)))


def _deepen(picture: Picture, original: Original16Bit) -> Deep | None:
    """(h, w, 3 or 4) uint16 BGR(A), not multiplied by alpha; None where it is not what was decoded."""
    height, width = picture.bgr.shape[:2]
    with decoder_faults():
        deep = _read(original, picture.alpha)
    if deep is None or deep.shape[:2] != (height, width):
        return None
    checksum = 0
    for top in range(0, height, _STRIPE_ROWS):
        rows = slice(top, top + _STRIPE_ROWS)
        checksum = zlib.crc32(_carry_over(deep[rows, :, :3], picture.bgr[rows]).data, checksum)
    return deep if checksum == original.checksum else None


def _carry_over(deep: Deep, after: Bgr) -> Bgr:
    """Change 16 bits by as much as the high 8 of them were changed, which are returned as they were."""
    before = (deep >> 8).astype(np.uint8)
    deep[:] = (deep + _STEP * (after.astype(np.int32) - before)).clip(0, 65_535)
    return before


def _read(original: Original16Bit, alpha: Bgr | None) -> Deep | None:
    """The pixels as the file packs them, with 16 bits of what `alpha` has 8 of; None where they are not that.

    `alpha` may have been changed since it was decoded.
    """
    pixels = cv2.imdecode(np.frombuffer(original.packed, np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None or pixels.dtype != np.uint16:
        return None
    deep: Deep = np.dstack((pixels,) * 3) if pixels.ndim == 2 else pixels.astype(np.uint16, copy=False)  # noqa: PLR2004 -- grey
    turned = _turned(deep, original.orientation)
    if alpha is None:
        return np.ascontiguousarray(turned[..., :3])
    if turned.shape[2] == 3:  # noqa: PLR2004 -- no alpha of its own, but a transparent colour
        return np.dstack((turned, alpha.astype(np.uint16) * _STEP))
    if turned.shape[:2] != alpha.shape:
        return None
    deep = np.ascontiguousarray(turned)
    before = _carry_over(deep[..., 3], alpha)
    return deep if zlib.crc32(before.data) == original.alpha_checksum else None


def _turned(pixels: Deep, orientation: int) -> Deep:
    """Apply an EXIF orientation, 1..8 (EXIF 2.32, table 6)."""
    if orientation in (5, 6, 7, 8):
        pixels = pixels.transpose(1, 0, 2)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return pixels

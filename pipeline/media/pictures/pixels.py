"""A decoder's image of any mode to the pixels that the pipeline works on."""

import cv2
import numpy as np
from PIL import Image

from pipeline.errors import UnsupportedMedia
from pipeline.face import Bgr
from pipeline.media.pictures.icc import to_srgb

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def to_pixels(image: Image.Image, *, orientation: int, icc: bytes) -> tuple[Bgr, Bgr | None]:
    """Make a decoded image of any mode upright sRGB.

    Args:
        image: as the file holds it; of 16 bits a channel the high byte is kept.
        orientation: how it is to be turned, 1..8 (EXIF 2.32, table 6).
        icc: its ICC profile, may be empty.

    Returns:
        (h, w, 3) uint8 BGR, and (h, w) uint8 alpha, 255 opaque, or None; both contiguous and writable.

    Raises:
        UnsupportedMedia: the colours are stored in a way that is not read.
    """
    image, alpha = split(image)
    image = to_srgb(image, icc)
    turn = _TURNS.get(orientation)
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


def split(image: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """Separate an image of any mode into colour (L, RGB, CMYK; the A of RGBA is to be ignored) and alpha (L).

    Of 16 bits a channel the high byte is kept. Raises UnsupportedMedia as `to_pixels`.
    """
    if image.mode.startswith("I;16"):
        return _high_byte(image)
    key = image.info.get("transparency")
    if image.mode == "RGB" and key is not None and max(key) > 255:  # noqa: PLR2004 -- a key of 16 bits
        image.info["transparency"] = tuple(value >> 8 for value in key)
    if image.has_transparency_data:
        clear = image if image.mode == "RGBA" else image.convert("RGBA")
        # Grey stays grey, or a grey picture's profile would not fit it.
        return (image.convert("L") if image.mode in ("1", "L", "LA") else clear), clear.getchannel("A")
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

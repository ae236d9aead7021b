"""How large a picture will be, read from its header alone, so that memory can be set aside first."""

import io
from collections.abc import Callable
from typing import Final

import pillow_heif
from PIL import AvifImagePlugin

from pipeline.image_io.containers import read_bmp, read_gif, read_jpeg, read_png, read_tiff, read_webp
from pipeline.image_io.decode import Limits
from pipeline.image_io.sniff import sniff

_SIZES: Final[dict[str, Callable[[bytes], tuple[int, int]]]] = {
    "jpeg": lambda data: read_jpeg(data).size,
    "png": lambda data: read_png(data).size,
    "webp": lambda data: read_webp(data).size,
    "gif": lambda data: read_gif(data).size,
    "bmp": lambda data: read_bmp(data).size,
    "tiff": lambda data: read_tiff(data).size,
    "avif": lambda data: AvifImagePlugin.AvifImageFile(io.BytesIO(data)).size,
    "heic": lambda data: pillow_heif.open_heif(data).size,
}


def count_pixels(data: bytes, limits: Limits) -> int:
    """Say how many pixels `decode` will make of a file, at most `limits.max_pixels`.

    A file that cannot be read counts as the largest there may be: it is `decode` that says what is wrong.
    """
    size_of = _SIZES.get(sniff(data).name)
    if size_of is None:
        return 0
    try:
        width, height = size_of(data)
    except Exception:  # noqa: BLE001 -- header parsers raise whatever they run into
        return limits.max_pixels
    return min(width * height, limits.max_pixels)

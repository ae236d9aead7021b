"""Colour profiles: whatever a picture's numbers mean, made sRGB."""

import io

import numpy as np
from PIL import Image, ImageCms

_SAME_WITHIN = 1
"""Largest difference in 8-bit levels at which a profile counts as sRGB already (rounding of its curves)."""


def to_srgb(image: Image.Image, icc: bytes) -> Image.Image:
    """Convert an L, RGB, RGBA or CMYK image to sRGB by its ICC profile, without its alpha.

    Colours stay as they are where there is no profile, where it is unreadable or made for another kind
    of picture, and where it is sRGB in all but name; else the result is RGB.
    """
    if not icc:
        return image
    if image.mode == "RGBA":
        image = image.convert("RGB")
    transform = _transform(image.mode, icc)
    if transform is None or (image.mode == "RGB" and _changes_nothing(transform)):
        return image
    return transform.apply(image)


def _transform(mode: str, icc: bytes) -> ImageCms.ImageCmsTransform | None:
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(icc))
        return ImageCms.buildTransform(profile, ImageCms.createProfile("sRGB"), mode, "RGB")
    except (ImageCms.PyCMSError, OSError, ValueError):
        return None  # a profile that cannot be used is no reason to refuse a sound picture


def _changes_nothing(transform: ImageCms.ImageCmsTransform) -> bool:
    steps = np.linspace(0, 255, 9).round().astype(np.uint8)
    lattice = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(1, -1, 3)
    converted = np.asarray(transform.apply(Image.fromarray(lattice)))
    return bool(np.abs(converted.astype(np.int16) - lattice).max() <= _SAME_WITHIN)

"""Animations made for tests: a square that walks over a scene, in every format that moves."""

import io
from collections.abc import Sequence

import numpy as np
from PIL import Image

from pipeline.face import Bgr
from tests.support.pictures import scene, to_image


def walk(count: int, width: int = 40, height: int = 30) -> list[Bgr]:
    """Frames of (height, width, 3) uint8 BGR, each unlike the others, that share all but a square."""
    frames = []
    for number in range(count):
        frame = (scene(width, height) // 32 * 32).astype(np.uint8)
        left = 3 + 4 * number % (width - 10)
        frame[8:16, left : left + 7] = (30, 20 * number % 256, 220)
        frames.append(frame)
    return frames


def animate(
    images: Sequence[Image.Image],
    form: str,
    durations_ms: Sequence[float],
    *,
    loop: int | None = 0,
    disposal: int = 0,
    **settings: bool | int,
) -> bytes:
    """Write an animation by Pillow; `loop` and `disposal` are the format's own numbers."""
    if loop is not None:
        settings["loop"] = loop
    if form != "WEBP":
        settings["disposal"] = disposal
    buffer = io.BytesIO()
    images[0].save(
        buffer, form, save_all=True, append_images=images[1:], duration=list(durations_ms), **settings
    )
    return buffer.getvalue()


def in_every_format(frames: Sequence[Bgr], durations_ms: Sequence[float]) -> dict[str, bytes]:
    """Write the frames as GIF, PNG and WebP without loss, as WebP with loss, by a name for the report."""
    images = [to_image(frame) for frame in frames]
    return {
        "gif": animate(images, "GIF", durations_ms),
        "png": animate(images, "PNG", durations_ms),
        "webp": animate(images, "WEBP", durations_ms, lossless=True),
        "webp-lossy": animate(images, "WEBP", durations_ms, quality=90),
    }

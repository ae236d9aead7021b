"""The writers write the same bytes as ever.

The sums were made when an animation was still encoded from a whole list of frames. A new version of Pillow or
of OpenCV may pack otherwise: if only these tests fail then, and the others here say that frames, times and
plays come back, the sums are to be made anew.
"""

import hashlib
import io
from typing import Literal

import numpy as np
import pytest

from pipeline.face import Bgr
from pipeline.media.animations.timeline import Timeline
from pipeline.media.animations.write import AnimationFormat
from pipeline.media.pictures.decode import Picture
from pipeline.media.sniff import MEDIA_TYPES
from pipeline.media.writer import AnimationWriter
from tests.support.animations import walk
from tests.support.pictures import scene, texture

XMP = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'>\xc3\xa9</x:xmpmeta>"
Name = Literal["walk", "noisy", "alpha", "still"]
# The first half of the file's SHA-256 by frames, format and quality; exact where there is none.
SUMS: dict[tuple[Name, AnimationFormat, int | None], str] = {
    ("walk", "gif", None): "820f0244800557ef",
    ("walk", "png", None): "7a55edba21b69994",
    ("walk", "webp", None): "b50251bc923f02fe",
    ("walk", "webp", 80): "d4664b92a0eef3fa",
    ("noisy", "gif", None): "551b23c3dfc62fa4",
    ("noisy", "png", None): "c3a62addccd102f7",
    ("noisy", "webp", None): "6c7af7001f2d3b3a",
    ("noisy", "webp", 80): "8eed52bc27fa1751",
    ("alpha", "gif", None): "79ac2eae210968ee",
    ("alpha", "png", None): "ba02457820ba9ec6",
    ("alpha", "webp", None): "bd55e17acf53b14f",
    ("alpha", "webp", 80): "098a60af6cae8804",
    ("still", "gif", None): "39fedd16de4178b2",
    ("still", "png", None): "a54624e9e5636283",
    ("still", "webp", None): "fcf8941d404ca86a",
    ("still", "webp", 80): "348b9687d2c911a2",
}
DURATIONS_MS: dict[Name, tuple[float, ...]] = {
    "walk": (40, 50, 70, 100, 30, 1000, 33.3),
    "noisy": (100 / 3,) * 5,
    "alpha": (20, 0, 70, 100, 30, 10),
    "still": (100, 100, 100),
}


def made(name: Name) -> tuple[list[Bgr], list[Bgr] | None]:
    """Frames, and their alpha where they have any."""
    if name == "walk":
        return walk(7, 64, 48), None
    if name == "still":
        return [texture(33, 21)] * 3, None
    if name == "alpha":
        alphas = [np.full((48, 64), 255, np.uint8) for _ in range(6)]
        for number, alpha in enumerate(alphas):
            alpha[5:20, 4 * number : 4 * number + 15] = 0
            alpha[30:40, 10:30] = 40 * number
        return walk(6, 64, 48), alphas
    rng, frames = np.random.default_rng(3), [scene(80, 60) for _ in range(5)]
    for number, frame in enumerate(frames):
        frame[10:40, 10 + 3 * number : 40 + 3 * number] = rng.integers(0, 256, (30, 30, 3))
    return frames, None


@pytest.mark.parametrize(("name", "to", "quality"), SUMS)
def test_an_animation_is_written_byte_for_byte_as_before(
    name: Name, to: AnimationFormat, quality: int | None
) -> None:
    frames, alphas = made(name)
    timeline = Timeline(
        size=(0, 0),
        data=b"",
        durations_ms=DURATIONS_MS[name],
        plays=5 if name in {"walk", "alpha"} else 0,
        has_alpha=alphas is not None,
    )
    sink = io.BytesIO()
    writer = AnimationWriter(sink, to, timeline, quality=quality or 90, lossless=quality is None, xmp=XMP)
    for number, bgr in enumerate(frames):
        alpha = None if alphas is None else alphas[number]
        writer.add(Picture(bgr=bgr, alpha=alpha, media=MEDIA_TYPES["png"]), changed=True)
    writer.finish()
    assert hashlib.sha256(sink.getvalue()).hexdigest()[:16] == SUMS[name, to, quality]

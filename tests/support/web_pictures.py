"""Pictures and animations of the two portraits that the tests of the page send."""

from functools import cache

import cv2
import numpy as np

from pipeline.face import Bgr
from tests.support.animations import animate
from tests.support.faces import scaled
from tests.support.pictures import scene, to_image
from tests.support.scenes import TILE, tiles

# So many frames keep a consumer busy for longer than any test looks.
MANY_FRAMES = 150
SOME_FRAMES = 40
FEW_FRAMES = 8


@cache
def three_people() -> bytes:
    """A PNG of three people side by side: the same one at both ends."""
    collins, grace, mirrored, *_ = tiles()
    return png(np.hstack([collins, grace, mirrored]))


@cache
def nobody() -> bytes:
    """A PNG without a face."""
    return png(scene(320, 240))


@cache
def moving_face(frames: int) -> bytes:
    """A GIF of a face over which a dot walks, so that no frame is like another."""
    still = to_image(scaled(tiles()[1], 160 / TILE)).quantize(128)
    moving = [still.copy() for _ in range(frames)]
    for at, frame in enumerate(moving):
        left, top = 4 + at % 150, 4 + 6 * (at // 150)
        frame.paste(0, (left, top, left + 5, top + 5))
    return animate(moving, "GIF", [40] * frames)


@cache
def large_portrait() -> bytes:
    """A BMP that is sent in more than one part."""
    return encoded(scaled(tiles()[1], 2000 / TILE), ".bmp")


def png(picture: Bgr) -> bytes:
    """The picture as a PNG."""
    return encoded(picture, ".png")


def encoded(picture: Bgr, extension: str) -> bytes:
    """The picture in the format of that extension."""
    return cv2.imencode(extension, picture)[1].tobytes()

"""Frames that say their own number, and which way is up."""

import numpy as np

from pipeline.face import Bgr

WIDTH, HEIGHT = 160, 120
BLOCK = 12
"""Pixels of a side of what stands for a bit of the number."""
_BITS = 8


def picture(number: int, width: int = WIDTH, height: int = HEIGHT) -> Bgr:
    """A BGR uint8 frame: its number in blocks along the top, red at the top left, a square that moves."""
    y, x = np.mgrid[0:height, 0:width]
    frame = np.stack((60 + 80 * x / width, 60 + 80 * y / height, np.full_like(x, 90)), axis=-1)
    frame[height // 2 :, : width // 2, 2] = 150
    frame[BLOCK : height // 3, : width // 4] = (30, 30, 210)
    left = 3 * number % (width - 20)
    frame[height - 24 : height - 8, left : left + 16] = (220, 200, 40)
    for bit in range(_BITS):
        frame[:BLOCK, bit * BLOCK : (bit + 1) * BLOCK] = 230 if number >> bit & 1 else 25
    return frame.astype(np.uint8)


def number_of(frame: Bgr) -> int:
    """Read the number that `picture` wrote, also after an encoder."""
    lit = (frame[3:9, bit * BLOCK + 3 : bit * BLOCK + 9].mean() > 128 for bit in range(_BITS))
    return sum(1 << bit for bit, on in enumerate(lit) if on)


def is_upright(frame: Bgr) -> bool:
    """Whether the red corner is where `picture` put it."""
    blue, green, red = frame[BLOCK + 6, 10].astype(int)
    return bool(red > 150 and max(blue, green) < 100)

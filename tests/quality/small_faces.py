"""How many small faces are found in large pictures: `python -m tests.quality.small_faces`."""

import sys
import time
from typing import Final

import cv2
import numpy as np

from pipeline.face import Bgr
from pipeline.faces.find import embedded_face_finder
from tests.quality.scene import PORTRAITS, sized_head

WIDTHS: Final = (20, 24, 32, 44, 60, 80)
SIZES: Final = ((1920, 1280), (4000, 3000), (6000, 4000))
FACES: Final = 24
_APART: Final = 2.6  # faces' widths


def scattered(size: tuple[int, int], face_px: int) -> tuple[Bgr, list[tuple[float, float]]]:
    """Heads on a blotched ground, no two alike in place; and the middles of their faces."""
    width, height = size
    random = np.random.default_rng(face_px)
    blotches = random.integers(90, 160, (height // 40, width // 40, 3), np.uint8)
    picture = np.asarray(cv2.resize(blotches, size, interpolation=cv2.INTER_CUBIC), np.uint8)
    middles: list[tuple[float, float]] = []
    while len(middles) < FACES:
        head = sized_head(sorted(PORTRAITS)[len(middles) % 2], face_px).picture
        x, y = (
            int(random.integers(0, full - side)) for full, side in zip(size, head.shape[1::-1], strict=True)
        )
        middle = x + head.shape[1] / 2, y + head.shape[0] / 2
        if all(max(abs(middle[0] - u), abs(middle[1] - v)) > _APART * face_px for u, v in middles):
            picture[y : y + head.shape[0], x : x + head.shape[1]] = head
            middles.append(middle)
    return picture, middles


def main() -> None:
    """Print found and strangers for every size of picture and face."""
    finder = embedded_face_finder()
    for size in SIZES:
        cells = []
        for face_px in WIDTHS:
            picture, middles = scattered(size, face_px)
            began = time.thread_time()
            centers = [face.center for face in finder.find(picture)]
            ms = 1000 * (time.thread_time() - began)
            hit = [any(max(abs(x - u), abs(y - v)) < face_px / 2 for x, y in centers) for u, v in middles]
            cells.append(
                f"{face_px} px: {sum(hit)} of {FACES}, {len(centers) - sum(hit)} others, {ms:.0f} ms"
            )
        sys.stdout.write(f"{size[0]}x{size[1]}: {'; '.join(cells)}\n")


if __name__ == "__main__":
    main()

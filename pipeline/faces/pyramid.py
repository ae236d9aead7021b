"""A picture at falling sizes, each amid black and cut into a few large tiles.

A detection model sees faces 10 to 150 px wide, so that two or three sizes do for all faces of a picture.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.align import average_down
from pipeline.face import Array, Bgr
from pipeline.faces.blazeface import GRAIN

# The longer side of the picture in the last level, in a tile of 256: a face that fills the frame needs
# something around it to be seen.
WHOLE_PX: Final = 214.0
_WHOLE_RIM_PX: Final = 20
# The first level shows a face of 20 px, below which little gets across in a swap, 7 px wide. Of upright and
# turned faces the model `back` finds about 19 of 24 at 7 px, 21 at 8 and all at 12.
_FINEST: Final = 0.36
# ... but has no more pixels than this, which take 100 ms: of a picture of 24 MP, a face of 44 px is then
# seen 11 px wide.
_MOST_PX: Final = 1_500_000
# A smaller picture is looked at as closely as this number of pixels allows, the cost of a 1080p frame.
_CHEAP_PX: Final = 270_000
_CLOSEST: Final = 0.5
# Levels differ by this factor at most: a face that is small in one is large in the next.
_STEP: Final = 3.3
# ... and a level that shows hardly more than the last, 1.3 times its size, is not worth its time.
_NOT_WORTH: Final = 0.25
# What is cut by the picture's edge is found more surely with something beyond the edge.
_RIM_PX: Final = 8
# A tile's longer side. Larger ones take more memory (60 MB at this size) and, beyond the processor's cache,
# more time a pixel: 15 % at 512, 40 % at 768.
_TILE_PX: Final = 512
# Faces up to this size lie whole in one of two tiles; larger ones are found in the next level.
_OVERLAP_PX: Final = 96
_BORDER_PX: Final = 4


@dataclass(frozen=True, kw_only=True, eq=False)
class Level:
    """A picture at one size."""

    #: BGR uint8 (h, w, 3), the picture alone.
    picture: Bgr
    #: The picture amid black, BGR uint8; its sides are multiples of `GRAIN`.
    canvas: Bgr
    #: Where the picture's first pixel lies in the canvas: x, y.
    corner: tuple[int, int]
    #: How many pixels of the original one pixel shows, across and down.
    steps: tuple[float, float]

    def tiles(self, longest: int = _TILE_PX) -> Iterator["Tile"]:
        """What to look at to see the whole canvas, in parts of about `longest` pixels a side."""
        height, width = self.canvas.shape[:2]
        (rows, tall), (columns, wide) = _cuts(height, longest), _cuts(width, longest)
        for y in rows:
            for x in columns:
                yield Tile(level=self, start=(x, y), end=(x + wide, y + tall))


@dataclass(frozen=True, kw_only=True, eq=False)
class Tile:
    """A part of a level's canvas, from pixel `start` to before pixel `end`, both x, y."""

    level: Level
    start: tuple[int, int]
    end: tuple[int, int]

    @property
    def picture(self) -> Bgr:
        """BGR uint8 (h, w, 3), a view."""
        return self.level.canvas[self.start[1] : self.end[1], self.start[0] : self.end[0]]

    def to_original(self, found: Array) -> Array:
        """Turn rows of x, y, x, y ... and a score into pixels of the original; the first two are a box.

        Those that a border cuts are left out.
        """
        offset = np.subtract(self.start, self.level.corner)
        rows = found[self._uncut(found)]
        points = rows.shape[1] // 2
        steps = np.tile(self.level.steps, points)
        rows[:, :-1] = (rows[:, :-1] + np.tile(offset, points) + 0.5) * steps - 0.5
        return rows

    def _uncut(self, found: Array) -> NDArray[np.bool_]:
        """Which faces no border inside the canvas cuts; the canvas' own edge may cut one."""
        keep = np.ones(len(found), bool)
        for axis, whole in enumerate(self.level.canvas.shape[1::-1]):
            if self.start[axis] > 0:
                keep &= found[:, axis] > _BORDER_PX
            if self.end[axis] < whole:
                keep &= found[:, axis + 2] < self.end[axis] - self.start[axis] - _BORDER_PX
        return keep


def levels(picture: Bgr) -> Iterator[Level]:
    """The sizes at which a BGR uint8 (h, w, 3) picture shows all its faces, finest first.

    The last has a longer side of `WHOLE_PX`, whatever the picture's.
    """
    height, width = picture.shape[:2]
    steps = 1.0, 1.0
    *finer, whole = scales(height, width)
    for scale in finer:
        size = _size(height, width, scale)
        level = _framed(picture, size, _canvas(size, _RIM_PX), steps)
        yield level
        picture, steps = level.picture, level.steps
    size = _size(height, width, whole)
    yield _framed(picture, size, _canvas(size, _WHOLE_RIM_PX), steps)


def amid_black(picture: Bgr, long_px: float, tile_px: int, steps: tuple[float, float] = (1.0, 1.0)) -> Level:
    """A BGR uint8 (h, w, 3) picture, its longer side `long_px`, in the middle of a square of `tile_px`.

    One pixel of `picture` shows `steps` of the original.
    """
    height, width = picture.shape[:2]
    size = _size(height, width, long_px / max(height, width))
    return _framed(picture, size, (tile_px, tile_px), steps)


def with_rim(picture: Bgr, long_px: float, rim: int) -> Level:
    """A BGR uint8 (h, w, 3) picture, its longer side `long_px`, with at least `rim` black pixels around."""
    height, width = picture.shape[:2]
    size = _size(height, width, long_px / max(height, width))
    return _framed(picture, size, _canvas(size, rim), (1.0, 1.0))


def scales(height: int, width: int) -> list[float]:
    """By how much to shrink, or enlarge, a picture of that size for each level, the largest first."""
    whole = WHOLE_PX / max(height, width)
    closest, finest = (
        min(scale, (pixels / (height * width)) ** 0.5)
        for scale, pixels in ((_CLOSEST, _CHEAP_PX), (_FINEST, _MOST_PX))
    )
    finest = max(closest, finest)
    while finest > whole and np.prod(_canvas(_size(height, width, finest), _RIM_PX)) > 1.2 * _MOST_PX:
        finest *= 0.9  # a strip of few rows lies in a canvas of many
    between = int(np.ceil(np.log(finest / whole) / np.log(_STEP) - _NOT_WORTH)) if finest > whole else 0
    return [whole * (finest / whole) ** (number / between) for number in range(between, 0, -1)] + [whole]


def _framed(
    picture: Bgr, size: tuple[int, int], canvas_size: tuple[int, int], before: tuple[float, float]
) -> Level:
    """`picture` at `size` (width, height) amid black; one pixel of it shows `before` of the original."""
    small, steps = _resized(picture, size)
    x, y = (canvas_size[0] - size[0]) // 2, (canvas_size[1] - size[1]) // 2
    canvas = np.zeros((canvas_size[1], canvas_size[0], 3), np.uint8)
    canvas[y : y + size[1], x : x + size[0]] = small
    steps = before[0] * steps[0], before[1] * steps[1]
    return Level(picture=small, canvas=canvas, corner=(x, y), steps=steps)


def _resized(picture: Bgr, size: tuple[int, int]) -> tuple[Bgr, tuple[float, float]]:
    """`picture` at `size` (width, height), and how many of its pixels one of the result shows."""
    height, width = picture.shape[:2]
    if size[0] <= width and size[1] <= height:
        return average_down(picture, size)
    larger = cv2.resize(picture, size, interpolation=cv2.INTER_LINEAR)
    return np.asarray(larger, np.uint8), (width / size[0], height / size[1])


def _size(height: int, width: int, scale: float) -> tuple[int, int]:
    return max(1, round(width * scale)), max(1, round(height * scale))


def _canvas(size: tuple[int, int], rim: int) -> tuple[int, int]:
    """The (width, height) of the canvas around a picture of `size`."""
    width, height = (-(-(side + 2 * rim) // GRAIN) * GRAIN for side in size)
    return width, height


def _cuts(length: int, longest: int) -> tuple[list[int], int]:
    """Where tiles start along one axis, and their side."""
    count = max(1, int(np.ceil((length - _OVERLAP_PX) / (longest - _OVERLAP_PX))))
    side = -(-(length + (count - 1) * _OVERLAP_PX) // count)
    side = -(-side // GRAIN) * GRAIN
    return [int(start) for start in np.linspace(0, length - side, count).round()], side

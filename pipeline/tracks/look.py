"""Looking for new faces while others are followed: a little of each frame, all of it within some frames."""

from collections.abc import Iterable
from typing import Final

import numpy as np

from pipeline.engines.base import AnyEngine
from pipeline.face import Array, Face
from pipeline.faces.detect import overlaps
from pipeline.faces.match import in_place
from pipeline.faces.pyramid import scales, with_rim
from pipeline.steps import Steps
from pipeline.tracks.frame import Box, FrameView, region_around, shrunk

ROUND: Final = 14
"""So many frames at most until all of a frame was looked at closely; less than a tracker holds back."""
_TILES: Final = ROUND // 2
_TILE_STEP_PX: Final = 32
_TILE_RIM_PX: Final = 4
# Of faces up to this size one of two tiles shows all; larger ones are seen where the whole frame is.
_OVERLAP_PX: Final = 56
# The whole frame within the picture that an engine likes: a face that fills it is seen amid something.
_WHOLE: Final = 214 / 256
_WHOLE_RIM_PX: Final = 20
# A closer look that shows faces less than this much larger is not worth its time.
_WORTH: Final = 1.3
_SAME_FACE: Final = 0.3
_WITHIN: Final = 0.6
# A suspected face is looked at amid so much of its surroundings, in times its size to each side.
_CONFIRM_REACH: Final = 1.0
# What proved to be no face is not looked at again for so many frames.
_REFUSED_FRAMES: Final = 5


class Looks:
    """Sees where faces may be in frames of one size, on the device's thread.

    Small faces are seen in tiles, one of which is looked at in every other frame, in rotation. Of the frames
    between, every other one is looked at as a whole.
    """

    def __init__(self, engine: AnyEngine, size: tuple[int, int]) -> None:
        """Begin for frames of `size` (width, height)."""
        width, height = size
        self._engine = engine
        self._longest = round(_WHOLE * engine.glance_px)
        self._closest = scales(height, width)[0]
        is_worth = self._closest * max(size) >= _WORTH * self._longest
        self._tiles = _tiles(size, self._closest, engine.glance_px) if is_worth else []
        self._turn = 0

    def at(self, frame: FrameView, *, eager: bool) -> Array:
        """Look at the frame after the last one.

        Args:
            frame: the frame.
            eager: look at the whole frame in any case.

        Returns:
            (n, 5) rows of box and score, one for each suspect, in pixels of the frame, best score first.
        """
        found = [np.empty((0, 5), np.float32)]
        if self._tiles and self._turn % 2:
            x0, y0, x1, y1 = box = self._tiles[self._turn // 2 % len(self._tiles)]
            found.append(self._glance(frame, box, self._closest * max(x1 - x0, y1 - y0), _TILE_RIM_PX))
        if eager or self._turn % (4 if self._tiles else 2) == 0:
            found.append(self._glance(frame, (0, 0, *frame.size), self._longest, _WHOLE_RIM_PX))
        self._turn += 1
        return _one_each(np.concatenate(found))

    def _glance(self, frame: FrameView, box: Box, longer_px: float, rim: int) -> Array:
        """Look at a part of a frame, its longer side shown as `longer_px`."""
        picture = shrunk(frame, longer_px, box)
        level = with_rim(picture, longer_px, rim)
        [tile] = level.tiles(max(level.canvas.shape))
        rows = tile.to_original(self._engine.glance(tile.picture))
        x0, y0, x1, y1 = box
        step = np.divide((x1 - x0, y1 - y0), picture.shape[1::-1])
        rows[:, :4] = (rows[:, :4] + 0.5) * np.tile(step, 2) - 0.5 + np.tile((x0, y0), 2)
        return rows


def _tiles(size: tuple[int, int], scale: float, longest: int) -> list[Box]:
    """Boxes that together show all of a frame, few enough for a round.

    Shrunk by `scale` each is no more than about `longest` pixels wide and high, or as much as it has to be.
    """
    while True:
        most, overlap = (px / scale for px in (longest - 2 * _TILE_RIM_PX, _OVERLAP_PX))
        across, down = (_cuts(length, most, overlap) for length in size)
        if len(across) * len(down) <= _TILES:
            return [(x0, y0, x1, y1) for y0, y1 in down for x0, x1 in across]
        longest += _TILE_STEP_PX


def _cuts(length: int, most: float, overlap: float) -> list[tuple[int, int]]:
    """From where to where parts of a length reach, in even pixels, so that each is at most about `most`."""
    count = max(1, int(np.ceil((length - overlap) / (most - overlap))))
    side = min(length, int((length + (count - 1) * overlap) / count) + 1)
    starts = [int(start) & ~1 for start in np.linspace(0, length - side, count)]
    return [(start, min(length, start + side + 2 & ~1)) for start in starts]


class Refusals:
    """Remembers for some frames where suspects proved to be no faces, so that they are not asked again."""

    def __init__(self) -> None:
        self._until: list[tuple[int, Array]] = []

    def add(self, bbox: Array, number: int) -> None:
        """Remember a (4,) box of the frame of that number."""
        self._until.append((number + _REFUSED_FRAMES, bbox))

    def holds(self, bbox: Array, number: int) -> bool:
        """Whether a (4,) box was refused in one of the frames before that of this number."""
        self._until = [(end, box) for end, box in self._until if end > number]
        return is_taken(bbox, [box for _, box in self._until])

    def clear(self) -> None:
        """Forget: other things are seen now."""
        self._until = []


def confirm(engine: AnyEngine, frame: FrameView, bbox: Array) -> Steps[Face | None]:
    """The face of a frame where (4,) `bbox` lets one suspect it, in pixels of the frame; None if none is."""
    region = region_around(frame, bbox, reach=_CONFIRM_REACH)
    if region is None:
        return None
    found = yield from engine.find_in_steps(region.picture)
    return in_place([region.outside(face) for face in found.faces], bbox)


def is_taken(bbox: Array, boxes: Iterable[Array]) -> bool:
    """Whether a (4,) box shows the same face as one of `boxes`."""
    others = list(boxes)
    if not others:
        return False
    union, inside = overlaps(bbox, np.array(others))
    return bool(((union > _SAME_FACE) | (inside > _WITHIN)).any())


def _one_each(rows: Array) -> Array:
    """The best of the rows that show the same face, best score first."""
    kept: list[Array] = []
    for row in rows[np.argsort(-rows[:, 4], kind="stable")]:
        if not is_taken(row[:4], [other[:4] for other in kept]):
            kept.append(row)
    return np.array(kept, np.float32).reshape(-1, 5)

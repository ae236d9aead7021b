"""Looking for new faces while others are followed: a little of each frame, all of it within some frames."""

from collections.abc import Iterable
from typing import Final

import numpy as np

from pipeline.engines.base import AnyEngine
from pipeline.face import Array, Bgr, Face
from pipeline.faces.detect import overlaps
from pipeline.faces.match import in_place
from pipeline.faces.pyramid import Tile, scales, with_rim
from pipeline.tracks.frame import FrameView, region_around

ROUND: Final = 14
"""So many frames at most until all of a frame was looked at closely; less than a tracker holds back."""
_TILES: Final = ROUND // 2
_LONGEST_TILE_PX: Final = 1024
_TILE_STEP_PX: Final = 32
# The whole frame within the picture that an engine likes: a face that fills it is seen amid something.
_WHOLE: Final = 214 / 256
_TILE_RIM_PX: Final = 8
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
        self._size = size
        self._whole_px = _WHOLE * engine.glance_px
        closest = scales(height, width)[0]
        worth = closest * max(size) >= _WORTH * self._whole_px
        self._closest_px = closest * max(size) if worth else self._whole_px
        self._has_tiles = worth
        self._turn = 0

    @property
    def longest(self) -> int:
        """The longer side in pixels of the picture to give to `at`."""
        return round(self._closest_px if self._turn % 2 else self._whole_px)

    def at(self, small: Bgr, *, eager: bool) -> Array:
        """Look at a BGR uint8 (h, w, 3) picture of a frame, its longer side `longest` at most.

        Args:
            small: the picture, of the frame after the last one.
            eager: look at the whole frame in any case.

        Returns:
            (n, 5) rows of box and score, one for each suspect, in pixels of the frame, best score first.
        """
        is_for_tile = self._has_tiles and self._turn % 2 == 1
        is_for_whole = self._turn % (4 if self._has_tiles else 2) == 0
        parts = [self._tile(small, self._turn // 2)] if is_for_tile else []
        if eager or is_for_whole:
            whole = with_rim(small, self._whole_px)
            parts += whole.tiles(max(whole.canvas.shape))
        self._turn += 1
        if not parts:
            return np.empty((0, 5), np.float32)
        rows = np.concatenate([part.to_original(self._engine.glance(part.picture)) for part in parts])
        step = np.array(self._size) / small.shape[1::-1]
        rows[:, :4] = (rows[:, :4] + 0.5) * np.tile(step, 2) - 0.5
        return _one_each(rows)

    def _tile(self, small: Bgr, number: int) -> Tile:
        """One of the tiles, of which there are few enough for a round."""
        level = with_rim(small, self._closest_px, _TILE_RIM_PX)
        longest = self._engine.glance_px
        while len(tiles := list(level.tiles(longest))) > _TILES:
            longest += _TILE_STEP_PX
        return tiles[number % len(tiles)]


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


def confirm(engine: AnyEngine, frame: FrameView, bbox: Array) -> Face | None:
    """The face of a frame where (4,) `bbox` lets one suspect it, in pixels of the frame; None if none is."""
    region = region_around(frame, bbox, reach=_CONFIRM_REACH)
    if region is None:
        return None
    there = [region.outside(face) for face in engine.find_faces(region.picture)]
    return in_place(there, bbox)


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

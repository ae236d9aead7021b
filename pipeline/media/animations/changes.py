"""What changes from one frame of an animation to the next, and when."""

import itertools
from collections.abc import Sequence
from typing import Final

import numpy as np

from pipeline.face import Bgr
from pipeline.media.pictures.decode import Picture

#: Rows and columns of a frame.
FramePart = tuple[slice, slice]
_NOTHING: Final = slice(0, 1), slice(0, 1)  # no format has frames without a pixel


class Changes:
    """Finds in each frame the part that differs from the one before."""

    def __init__(self, *, has_alpha: bool, even: bool) -> None:
        self._has_alpha = has_alpha
        self._step = 2 if even else 1
        self._before: Bgr | None = None

    def next(self, frame: Picture) -> tuple[Bgr, FramePart]:
        """The changed part of a frame as (h, w, 3 or 4) BGR(A), and where it is; the first is whole."""
        pixels = frame.bgr
        if self._has_alpha:
            alpha = np.full(pixels.shape[:2], 255, np.uint8) if frame.alpha is None else frame.alpha
            pixels = np.dstack((pixels, alpha))
        height, width = pixels.shape[:2]
        whole = slice(0, height), slice(0, width)
        rows, columns = whole if self._before is None else _changed_part(self._before, pixels) or _NOTHING
        top, left = (part.start // self._step * self._step for part in (rows, columns))
        self._before = pixels
        place = slice(top, rows.stop), slice(left, columns.stop)
        return pixels[place], place


def _changed_part(before: Bgr, after: Bgr) -> FramePart | None:
    """The smallest part that holds all that differs between (h, w, n) pictures; None if nothing does."""
    changed = np.any(before != after, axis=-1)
    rows, columns = (np.flatnonzero(changed.any(axis)) for axis in (1, 0))
    if not rows.size:
        return None
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def parted(pixels: Bgr) -> tuple[Bgr, Bgr | None]:
    """Separate (h, w, 3 or 4) BGR(A) into contiguous colour and alpha."""
    return np.ascontiguousarray(pixels[..., :3]), pixels[..., 3].copy() if pixels.shape[2] > 3 else None  # noqa: PLR2004 -- BGRA


def rounded(durations_ms: Sequence[float], unit_ms: int) -> list[int]:
    """Durations in whole units, the moments of change being rounded so that errors do not add up."""
    moments = [0, *(round(end / unit_ms) for end in itertools.accumulate(durations_ms))]
    return [later - earlier for earlier, later in itertools.pairwise(moments)]

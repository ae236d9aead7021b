"""Faces side by side or one before the other: a swap of one must not spill onto another."""

from collections.abc import Sequence
from itertools import compress
from typing import Final

import numpy as np

from pipeline.align import Matrix, transform
from pipeline.blend.masks import Mask, face_outline, soft_around
from pipeline.face import Array, Face

_GRID_PX: Final = 256
_REACH: Final = 1.2  # of a face's size, from its middle: as far as the widest crop of an engine goes, turned
_HEAD: Final = 1.2  # of the size of a face: with ears and hair, which a face behind it lies behind too
_FEATHER: Final = 0.06  # of the size of a face
_MARGIN_PX: Final = 1.5  # of the grid, as the frame's pixels lie between its own


def neighbours_left_out(face: Face, others: Sequence[Face]) -> list[Mask]:
    """What belongs to the other faces of the picture near this one; no mask where there are none.

    `others` are all faces of the picture, in the order of their painting where they are equally large. A
    larger face is taken for the nearer one: its whole head stays. A smaller one stays as far as this face
    does not cover it.
    """
    close = touching(face, others)
    if not close:
        return []
    matrix = _around(face)
    own = _oval(face, matrix, 1)
    later = {id(other) for other in others[_place(face, others) + 1 :]}
    shown = np.ones((_GRID_PX, _GRID_PX), np.float32)
    for other in close:
        if other.area > face.area or (other.area == face.area and id(other) in later):
            shown *= 1 - _oval(other, matrix, _HEAD)
        else:
            shown *= 1 - _oval(other, matrix, 1) * (1 - own)
    return [Mask(values=shown, matrix=matrix)]


def touching(face: Face, others: Sequence[Face]) -> list[Face]:
    """Those of `others` whose heads may lie within this face's reach; itself is none."""
    boxes = np.array([other.bbox for other in others]).reshape(-1, 4)
    gaps = np.abs((boxes[:, :2] + boxes[:, 2:]).astype(np.float64) / 2 - face.center)
    heads = _HEAD * (boxes[:, 2:] - boxes[:, :2]).astype(np.float64).max(axis=1)
    is_close = (gaps < _REACH * max(face.size) + heads[:, None]).all(axis=1)
    return [other for other in compress(others, is_close) if other is not face]


def _place(face: Face, others: Sequence[Face]) -> int:
    return next((place for place, other in enumerate(others) if other is face), len(others))


def _around(face: Face) -> Matrix:
    """The (2, 3) matrix from the frame to a square of all that an engine may change."""
    scale = _GRID_PX / (2 * _REACH * max(*face.size, 1.0))
    x, y = (_GRID_PX / 2 - scale * value for value in face.center)
    return np.array([[scale, 0, x], [0, scale, y]], np.float64)


def _oval(face: Face, matrix: Matrix, growth: float) -> Array:
    outline = transform(matrix, face_outline(face))
    middle = outline.mean(axis=0)
    grown = np.asarray(middle + growth * (outline - middle), np.float32)
    size = float(np.ptp(grown, axis=0).max())
    return soft_around(grown, (_GRID_PX, _GRID_PX), _MARGIN_PX, _FEATHER * size)

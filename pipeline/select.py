"""Which of a picture's faces are meant: their reading order, and choosing among them."""

from collections.abc import Iterable, Sequence

import numpy as np

from pipeline.faces import Face

_ROW_HEIGHTS = 0.5


def reading_order(faces: Iterable[Face]) -> list[Face]:
    """Sort faces as a reader counts them: rows from top to bottom, each row from left to right.

    A face belongs to the row above it while its centre lies less than half a face below that row's,
    both taken as means over the row so far. Rows are settled before anything is compared, so the order
    is transitive and does not depend on the order given.
    """
    rows: list[list[Face]] = []
    for face in sorted(faces, key=_down_then_right):
        if rows and face.center[1] < _row_end(rows[-1]):
            rows[-1].append(face)
        else:
            rows.append([face])
    return [face for row in rows for face in sorted(row, key=_right_then_down)]


def largest(faces: Sequence[Face]) -> Face:
    """The face with the largest box; of equal ones the first in reading order.

    Raises:
        ValueError: there are no faces.
    """
    return max(reading_order(faces), key=lambda face: face.area)


def _row_end(row: Sequence[Face]) -> float:
    middle = np.mean([face.center[1] for face in row])
    height = np.mean([face.size[1] for face in row])
    return float(middle + _ROW_HEIGHTS * height)


def _down_then_right(face: Face) -> tuple[float, ...]:
    return (face.center[1], face.center[0], *_rest(face))


def _right_then_down(face: Face) -> tuple[float, ...]:
    return (face.center[0], face.center[1], *_rest(face))


def _rest(face: Face) -> tuple[float, ...]:
    """What tells apart faces with one centre, so that ties never depend on the order given."""
    return (*map(float, face.bbox), *map(float, face.kps.ravel()), face.score)

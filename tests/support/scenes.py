"""Pictures of several people, put together from the two public-domain portraits."""

from collections.abc import Sequence

import numpy as np

from pipeline.face import Bgr
from tests.support.faces import astronaut, hopper, scaled, turned

TILE = 300
"""The side of a square with one face, in pixels."""


def tiles() -> list[Bgr]:
    """Six squares with one face each: the two people, each as is, mirrored and turned."""
    collins, grace = astronaut()[0:300, 60:360], scaled(hopper()[60:420, 80:440], TILE / 360)
    return [
        collins,
        grace,
        np.ascontiguousarray(collins[:, ::-1]),
        turned(grace, 25, (150, 150)),
        turned(collins, -25, (150, 150)),
        np.ascontiguousarray(grace[:, ::-1]),
    ]


def grid(squares: Sequence[Bgr], columns: int) -> Bgr:
    """Squares side by side and in rows."""
    rows = [np.hstack(squares[start : start + columns]) for start in range(0, len(squares), columns)]
    return np.ascontiguousarray(np.vstack(rows))

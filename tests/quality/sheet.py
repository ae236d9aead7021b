"""The contact sheet: every variant before and after, for the eye."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from pipeline.faces import Bgr
from tests.quality.judge import Known, expected
from tests.quality.scene import Scene

_SIDE: Final = 240
_LABEL: Final = 22
_GAP: Final = 8
_PAPER: Final = (245, 245, 245)
_INK: Final = (40, 40, 40)
_AROUND: Final = 0.55  # of a face's size, shown around it


def cell(known: Mapping[str, Known], scene: Scene, after: Bgr, title: str) -> Bgr:
    """Before and after side by side, cut to the faces, under a title."""
    lows, highs = [], []
    for who, matrix in scene.people:
        points, size = expected(known[who], matrix)
        lows.append(points.min(axis=0) - _AROUND * size)
        highs.append(points.max(axis=0) + _AROUND * size)
    height, width = scene.picture.shape[:2]
    x0, y0 = np.clip(np.min(lows, axis=0), 0, None).astype(int)
    x1, y1 = np.clip(np.max(highs, axis=0), 0, (width, height)).astype(int)
    label = np.full((_LABEL, 2 * _SIDE, 3), _PAPER, np.uint8)
    cv2.putText(label, title, (2, 16), cv2.FONT_HERSHEY_SIMPLEX, 0.48, _INK, 1, cv2.LINE_AA)
    shown = np.hstack([_fitted(picture[y0:y1, x0:x1]) for picture in (scene.picture, after)])
    return np.vstack([label, shown])


def write_sheet(cells: Sequence[Bgr], path: Path, *, across: int = 4) -> None:
    """Lay cells out in rows of `across` and write the picture."""
    height, width = cells[0].shape[:2]
    down = -(-len(cells) // across)
    sheet = np.full(((height + _GAP) * down, (width + _GAP) * across, 3), _PAPER, np.uint8)
    for number, each in enumerate(cells):
        y, x = number // across * (height + _GAP), number % across * (width + _GAP)
        sheet[y : y + height, x : x + width] = each
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(cv2.imencode(path.suffix, sheet)[1].tobytes())


def _fitted(picture: Bgr) -> Bgr:
    """As large as the square allows, in its middle; small pictures show their pixels."""
    factor = _SIDE / max(picture.shape[:2])
    size = [max(1, round(side * factor)) for side in picture.shape[1::-1]]
    method = cv2.INTER_AREA if factor < 1 else cv2.INTER_NEAREST if factor > 3 else cv2.INTER_CUBIC
    fitted = cv2.resize(picture, size, interpolation=method)
    square = np.full((_SIDE, _SIDE, 3), _PAPER, np.uint8)
    top, left = (_SIDE - fitted.shape[0]) // 2, (_SIDE - fitted.shape[1]) // 2
    square[top : top + fitted.shape[0], left : left + fitted.shape[1]] = fitted
    return square

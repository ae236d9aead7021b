"""The contact sheet: every variant before and after, for the eye; and a selection of it as one picture."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from consumer.cli.sheet import Card, card
from pipeline.face import Bgr
from tests.quality.judge import Known, Outcome, expected
from tests.quality.scene import PORTRAITS, Scene, other_than
from tests.quality.variants import Variant

_CARD: Final = 400
_SELECTED: Final = {
    "as it is": "as it is",
    "turned +60 deg": "turned by 60 degrees",
    "turned aside +35 deg": "turned aside by 35 degrees, made by code",
    "turned aside -50 deg": "turned aside by 50 degrees, made by code",
    "cut by the edge 25% left": "a quarter beyond the left edge",
    "cut by the edge 25% bottom right": "a quarter beyond a corner",
    "scaled 32 px": "32 pixels wide",
    "blurred 4% of face": "blurred",
    "noise sigma 50": "noise of 50 levels",
    "low light 10%": "a tenth of the light",
    "light tungsten": "tungsten light",
    "bearded target bearded": "target bearded, by code",
    "bearded source bearded": "source bearded, by code",
    "long-haired source long-haired": "source long-haired, by code",
    "spectacled target spectacled": "target spectacled, by code",
    "lit from one side target lit from the right": "target lit from one side, by code",
    "lit from one side source lit from the left": "source lit from one side, by code",
    "of other skin target of dark skin": "target of dark skin, by code",
    "two people two tilted": "two people, tilted",
    "six people uneven rows": "six people",
    "overlapping two, one behind": "one behind the other",
}
_SIDE: Final = 176
_LABEL: Final = 22
_GAP: Final = 8
_PAPER: Final = (245, 245, 245)
_INK: Final = (40, 40, 40)
_AROUND: Final = 0.55  # of a face's size, shown around it


def pair_card(
    known: Mapping[str, Known], scene: Scene, after: Bgr, outcome: Outcome, variant: Variant
) -> Card:
    """A variant before and after, cut to its faces, and what was measured; before may be a painted source."""
    before, after = _cut_to_faces(known, scene, after)
    return card(
        f"{variant.kind} {variant.name}".rstrip(), before, after, side=_CARD, facts=list(_facts(outcome))
    )


def cell(known: Mapping[str, Known], scene: Scene, after: Bgr, variant: Variant) -> Bgr | None:
    """A variant before and after, under a title; None if it is not one of those for the documentation."""
    title = _SELECTED.get(f"{variant.kind} {variant.name}".rstrip())
    if title is None:
        return None
    label = np.full((_LABEL, 2 * _SIDE, 3), _PAPER, np.uint8)
    cv2.putText(label, title, (2, 16), cv2.FONT_HERSHEY_SIMPLEX, 0.42, _INK, 1, cv2.LINE_AA)
    return np.vstack([label, np.hstack([_fitted(each) for each in _cut_to_faces(known, scene, after)])])


def write_picture(cells: Sequence[Bgr], path: Path, *, across: int = 4) -> None:
    """Lay cells out in rows of `across` and write the picture, unless there are none."""
    if not cells:
        return
    height, width = cells[0].shape[:2]
    down = -(-len(cells) // across)
    sheet = np.full(((height + _GAP) * down, (width + _GAP) * across, 3), _PAPER, np.uint8)
    for number, each in enumerate(cells):
        y, x = number // across * (height + _GAP), number % across * (width + _GAP)
        sheet[y : y + height, x : x + width] = each
    path.write_bytes(cv2.imencode(path.suffix, sheet, [cv2.IMWRITE_JPEG_QUALITY, 80])[1].tobytes())


def _facts(outcome: Outcome) -> Iterator[str]:
    found = [face for face in outcome.faces if face.found]
    if len(found) < len(outcome.faces):
        yield f"{len(found)} of {len(outcome.faces)} found"
    likeness = [(face.identity.other, face.identity.to_source) for face in found if face.identity is not None]
    told = [f"{before:.2f} to {after:.2f}" for before, after in likeness if after is not None]
    if told:
        yield f"distance to the source {', '.join(told)}"
    steps = [face.seam.step for face in found if face.seam is not None and face.seam.step is not None]
    if steps:
        yield f"hardest border {max(steps):.1f} levels"


def _cut_to_faces(known: Mapping[str, Known], scene: Scene, after: Bgr) -> tuple[Bgr, Bgr]:
    lows, highs = [], []
    for person in scene.people:
        points, size = expected(known, person)
        lows.append(points.min(axis=0) - _AROUND * size)
        highs.append(points.max(axis=0) + _AROUND * size)
    height, width = scene.picture.shape[:2]
    x0, y0 = np.clip(np.min(lows, axis=0), 0, None).astype(int)
    x1, y1 = np.clip(np.max(highs, axis=0), 0, (width, height)).astype(int)
    before = scene.picture[y0:y1, x0:x1] if scene.source is None else _head_of(scene.source, scene)
    return before, after[y0:y1, x0:x1]


def _head_of(source: Bgr, scene: Scene) -> Bgr:
    """The source's head, which says more than the plain target."""
    x0, y0, x1, y1 = PORTRAITS[other_than(scene.people[0].who)][1]
    margin = round(_AROUND * (y1 - y0))
    return source[max(0, y0 - margin) : y1 + margin, max(0, x0 - margin) : x1 + margin]


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

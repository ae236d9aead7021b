"""How large a label is in a picture of a size, and where it goes."""

from collections.abc import Sequence
from typing import Final

from pipeline.label.label import Corner, Label
from pipeline.label.line import Line

Box = tuple[float, float, float, float]
"""A face: x, y, width and height in pixels."""

LEAST_PX: Final = 7
"""Capitals that are lower cannot be read; in small pictures they are as high as this, or as there is room."""
_NOTHING_PX: Final = 3
_MOST: Final = 0.5
"""Of a face, which is not to be covered where it can be helped."""
_OTHER: Final = {"left": "right", "right": "left", "top": "bottom", "bottom": "top"}


def fitting_line(label: Label, size: tuple[int, int]) -> Line | None:
    """A label as large as it should be, the short one where that has no room; None where none has."""
    wanted = max(label.size * min(size), LEAST_PX)
    lines = [Line(label.text, wanted), Line(label.short, wanted)]
    lines += [Line(label.short, height) for height in range(int(wanted), _NOTHING_PX - 1, -1)]
    return next((line for line in lines if line.room[0] <= size[0] and line.room[1] <= size[1]), None)


def free_place(line: Line, asked: Corner, size: tuple[int, int], faces: Sequence[Box]) -> tuple[int, int]:
    """Where a label begins, x and y: in the corner that was asked for, or in the next that spares faces."""
    vertical, horizontal = asked.split("-")
    corners = [(horizontal, vertical), (_OTHER[horizontal], vertical)]
    corners += [(across, _OTHER[vertical]) for across, _ in corners]
    places = [_place(line, size, across, down) for across, down in corners]
    spares = (place for place in places if not any(_covers(line, place, face) for face in faces))
    return next(spares, places[0])


def _place(line: Line, size: tuple[int, int], horizontal: str, vertical: str) -> tuple[int, int]:
    left = line.margin if horizontal == "left" else size[0] - line.margin - line.size[0]
    top = line.margin if vertical == "top" else size[1] - line.margin - line.size[1]
    return left & ~1, top & ~1


def _covers(line: Line, place: tuple[int, int], face: Box) -> bool:
    """Whether most of a face would be under it."""
    spans = zip(place, line.size, face[:2], face[2:], strict=True)
    shared = [min(at + length, begin + side) - max(at, begin) for at, length, begin, side in spans]
    return min(shared) > 0 and shared[0] * shared[1] > _MOST * face[2] * face[3]

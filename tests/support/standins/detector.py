"""An SCRFD (det_10g) whose faces are red rectangles: every red pixel knows how far red reaches around it."""

from pathlib import Path
from typing import Final

import numpy as np

from pipeline.face import Array
from tests.support.standins.costs import nothing_of_cost
from tests.support.standins.graphs import Graph

_STRIDE: Final = 8
_REACH: Final = 640  # the longest rectangle in pixels of the input
_OUTPUTS: Final = ("448", "471", "494", "451", "474", "497", "454", "477", "500")  # det_10g's own names
# Of a rectangle: eyes, nose tip, mouth corners.
KPS: Final = ((0.3, 0.4), (0.7, 0.4), (0.5, 0.6), (0.35, 0.8), (0.65, 0.8))


def build_detector(path: Path, *, macs: float = 0) -> Path:
    """Write the model: input 1x3xhxw, nine outputs; scores 0.5 + h / 2000 on red, else 0.

    Red is a pixel of more than 200 of red and less than 50 of green and blue. Boxes reach from the first
    red pixel of the anchor's row and column to the first that is not red any more. `macs` multiplications
    are spent beside it on an input of 640x640.
    """
    graph = Graph()
    red = _redness(graph)
    left, right = _reach(graph, red, axis=3)
    top, bottom = _reach(graph, red, axis=2)
    sides = [_at_anchors(graph, side) for side in (left, top, right, bottom)]
    kps = []
    for x, y in KPS:
        kps += [_between(graph, sides[0], sides[2], x), _between(graph, sides[1], sides[3], y)]
    score = graph.add("Mul", _at_anchors(graph, red), _certainty(graph))
    if macs:
        spent = nothing_of_cost(graph, "input.1", side=640, stride=8, channels=64, macs=macs)
        score = graph.add("Add", score, spent)
    for head, maps in enumerate(([score], sides, kps)):
        stacked = maps[0] if len(maps) == 1 else graph.add("Concat", *maps, axis=1)
        _levels(graph, stacked, head, width=len(maps))
    widths = (1, 1, 1, 4, 4, 4, 10, 10, 10)
    return graph.save(
        path,
        {"input.1": [1, 3, "h", "w"]},
        {name: [f"anchors_{name}", width] for name, width in zip(_OUTPUTS, widths, strict=True)},
    )


def kps_of(box: tuple[float, float, float, float]) -> Array:
    """The five points (5, 2) that the model gives for a rectangle x, y, width, height."""
    x, y, width, height = box
    return np.array([(x + fx * width, y + fy * height) for fx, fy in KPS], np.float32)


def _redness(graph: Graph) -> str:
    """1 on red pixels, else 0; the input is (rgb - 127.5) / 128, RGB."""
    low = graph.add("Slice", "input.1", graph.integers(1), graph.integers(3), graph.integers(1))
    others = graph.add("ReduceMax", low, axes=[1], keepdims=1)
    red = graph.add("Slice", "input.1", graph.integers(0), graph.integers(1), graph.integers(1))
    is_red = graph.add("Greater", red, graph.number((200 - 127.5) / 128))
    no_other = graph.add("Less", others, graph.number((50 - 127.5) / 128))
    return graph.add("Cast", graph.add("And", is_red, no_other), to=1)


def _reach(graph: Graph, red: str, *, axis: int) -> tuple[str, str]:
    """For each pixel the distance to the first red pixel before it and past the last one after it."""
    ones = graph.add("Add", graph.add("Mul", red, graph.number(0)), graph.number(1))
    position = graph.add("CumSum", ones, graph.weight(np.array(axis, np.int64)))
    other = graph.add("Sub", graph.number(1), red)
    before = _running_maximum(graph, graph.add("Mul", other, position), axis, forward=True)
    # From the other end, the position counted down from a number larger than any.
    down = graph.add("Sub", graph.number(10000), position)
    after = _running_maximum(graph, graph.add("Mul", other, down), axis, forward=False)
    first = graph.add("Sub", graph.add("Sub", position, before), graph.number(1))
    size = graph.add("ReduceMax", position, axes=[axis], keepdims=1)
    end = graph.add(
        "Min", graph.add("Sub", graph.number(10000), after), graph.add("Add", size, graph.number(1))
    )
    return first, graph.add("Sub", end, position)


def _running_maximum(graph: Graph, value: str, axis: int, *, forward: bool) -> str:
    kernel, pads = [1, 1], [0, 0, 0, 0]
    kernel[axis - 2] = _REACH
    pads[axis - 2 if forward else axis] = _REACH - 1
    stride = [_STRIDE if side == 1 else 1 for side in kernel]  # only the anchors' rows and columns
    return _spread(graph, graph.add("MaxPool", value, kernel_shape=kernel, pads=pads, strides=stride), stride)


def _spread(graph: Graph, value: str, stride: list[int]) -> str:
    """Repeat rows or columns that were left out, so that all maps have one size."""
    scales = graph.weight(np.array([1, 1, *stride], np.float32))
    return graph.add(
        "Resize",
        value,
        "",
        scales,
        mode="nearest",
        nearest_mode="floor",
        coordinate_transformation_mode="asymmetric",
    )


def _at_anchors(graph: Graph, value: str) -> str:
    return graph.add("MaxPool", value, kernel_shape=[1, 1], strides=[_STRIDE, _STRIDE])


def _between(graph: Graph, before: str, after: str, share: float) -> str:
    """Offset of a point at `share` of the way from one side to the other, from the anchor."""
    whole = graph.add("Mul", graph.add("Add", before, after), graph.number(share))
    return graph.add("Sub", whole, before)


def _certainty(graph: Graph) -> str:
    """More certain the finer the input is, so that the finest one's box outlives the others'."""
    shape = graph.add("Cast", graph.add("Shape", "input.1"), to=1)
    height = graph.add("Gather", shape, graph.weight(np.array(2, np.int64)))
    return graph.add("Add", graph.add("Mul", height, graph.number(1 / 2000)), graph.number(0.5))


def _levels(graph: Graph, stacked: str, head: int, *, width: int) -> None:
    """The three strides of one head, two anchors each; only the finest stride finds anything."""
    for level in range(3):
        factor = 2**level
        value = graph.add("MaxPool", stacked, kernel_shape=[1, 1], strides=[factor, factor])
        if level:
            value = graph.add("Mul", value, graph.number(0))
        elif head:
            value = graph.add("Mul", value, graph.number(1 / _STRIDE))
        rows = graph.add("Transpose", value, perm=[0, 2, 3, 1])
        rows = graph.add("Reshape", rows, graph.integers(-1, 1, width))
        twice = graph.add("Concat", rows, rows, axis=1)
        graph.add("Reshape", twice, graph.integers(-1, width), named=_OUTPUTS[head * 3 + level])

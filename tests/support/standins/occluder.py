"""An xseg_3 that takes everything blue for something in front of the face."""

from pathlib import Path

from tests.support.standins.graphs import Graph

SIDE = 256
BLUE = (255, 0, 0)  # as BGR: what covers a face


def build_occluder(path: Path) -> Path:
    """Write the model: input 1x256x256x3 BGR 0..1, output 1x256x256x1, 0 where blue exceeds red by half."""
    graph = Graph()
    blue, red = (
        graph.add("Slice", "input", graph.integers(at), graph.integers(at + 1), graph.integers(3))
        for at in (0, 2)
    )
    covered = graph.add("Greater", graph.add("Sub", blue, red), graph.number(0.5))
    graph.add("Sub", graph.number(1), graph.add("Cast", covered, to=1), named="output")
    return graph.save(path, {"input": [1, SIDE, SIDE, 3]}, {"output": [1, SIDE, SIDE, 1]})

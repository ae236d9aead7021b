"""A GFPGAN or CodeFormer that brightens: the output is the input and a fixed amount, or its `weight`."""

from pathlib import Path

from tests.support.standins.graphs import Graph

BRIGHTER = 0.25  # of -1..1


def build_enhancer(path: Path, *, size: int = 512, weighted: bool = False) -> Path:
    """Write the model: input 1x3xsxs, and `weight` (1,) float64 as CodeFormer has it if `weighted`."""
    graph = Graph()
    more = graph.add("Cast", "weight", to=1) if weighted else graph.number(BRIGHTER)
    added = graph.add("Add", "input", more)
    graph.add("Clip", added, graph.number(-1), graph.number(1), named="output")
    inputs: dict[str, list[int | str]] = {"input": [1, 3, size, size]}
    if weighted:
        inputs["weight"] = [1]
    return graph.save(path, inputs, {"output": [1, 3, size, size]}, doubles=["weight"])

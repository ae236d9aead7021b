"""Somebody who guesses what pictures show and whose guesses are known: by the colour of a corner."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from pipeline.content import ContentCheck
from pipeline.face import Bgr
from tests.support.standins.graphs import Graph

HARMLESS: Final = (200, 120, 40)
DOUBTFUL: Final = (200, 20, 140)
SHOCKING: Final = (40, 20, 140)
_SCORES: Final[Mapping[tuple[int, int, int], float]] = {DOUBTFUL: 0.6, SHOCKING: 0.9}
_NEAR: Final = 24
"""What encoders do to a colour."""


class CornerScorer:
    """Scores a picture by the colour of its first pixel, BGR; `looked` counts the guesses."""

    def __init__(self) -> None:
        self.looked = 0

    def score(self, picture: Bgr) -> float:
        self.looked += 1
        seen = picture[0, 0].astype(int)
        return next((score for colour, score in _SCORES.items() if abs(seen - colour).max() <= _NEAR), 0.01)


def content_check(scorer: CornerScorer | None = None, *, block: bool = True) -> ContentCheck:
    """A check that asks `scorer`: it flags what is doubtful, and blocks what is shocking or only flags it."""
    known = scorer or CornerScorer()
    return ContentCheck(lambda: known, flag_from=0.5, block_from=0.8 if block else None)


def build_content_model(path: Path) -> Path:
    """Write a stand-in for the network: of BGR less its means, the mean green is the likelihood."""
    graph = Graph()
    mean = graph.add("ReduceMean", "input:0", axes=[1, 2], keepdims=0)
    green = graph.add("Slice", mean, graph.integers(1), graph.integers(2), graph.integers(1))
    likely = graph.add("Div", graph.add("Add", green, graph.number(117)), graph.number(255))
    graph.add("Concat", graph.add("Sub", graph.number(1), likely), likely, named="output", axis=1)
    return graph.save(path, {"input:0": ["N", 224, 224, 3]}, {"output": ["N", 2]})

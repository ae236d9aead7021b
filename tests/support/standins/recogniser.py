"""An ArcFace (w600k_r50) that recognises colours: a fixed projection of the crop's 7x7 mean colours."""

from pathlib import Path
from typing import Final

import cv2
import numpy as np

from pipeline.face import Array, Bgr
from tests.support.standins.costs import nothing_of_cost
from tests.support.standins.graphs import Graph

_CELL: Final = 16
_FEATURES: Final = 3 * 7 * 7


def build_recogniser(path: Path, *, macs: float = 0) -> Path:
    """Write the model: input Nx3x112x112, output Nx512; `macs` multiplications are spent beside it."""
    graph = Graph()
    pooled = graph.add("AveragePool", "input.1", kernel_shape=[_CELL, _CELL], strides=[_CELL, _CELL])
    flat = graph.add("Flatten", pooled)
    if macs:
        spent = nothing_of_cost(graph, "input.1", side=112, stride=8, channels=256, macs=macs)
        flat = graph.add("Add", flat, spent)
    graph.add("MatMul", flat, graph.weight(_projection()), named="683")
    return graph.save(path, {"input.1": ["n", 3, 112, 112]}, {"683": ["n", 512]})


def embedding_of(crop: Bgr) -> Array:
    """The embedding (512,) that the model gives for a BGR uint8 (112, 112, 3) crop."""
    rgb = (crop[..., ::-1].astype(np.float32) - 127.5) / 127.5
    means = cv2.resize(rgb, (7, 7), interpolation=cv2.INTER_AREA)
    return np.asarray(means.transpose(2, 0, 1).ravel() @ _projection(), np.float32)


def _projection() -> Array:
    return np.random.default_rng(1).standard_normal((_FEATURES, 512)).astype(np.float32)

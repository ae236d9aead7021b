"""An inswapper_128 that tints: the output is halfway between the crop and a colour of the identity."""

from pathlib import Path
from typing import Final, Literal

import numpy as np

from pipeline.face import Array, Bgr
from tests.support.standins.graphs import Graph

Fault = Literal["nan", "flat", "fixed_batch", "mixed_batch"]
_STEEPNESS: Final = 20.0  # latents have length 1: their 512 numbers are small


def build_swapper(
    path: Path,
    *,
    size: int = 128,
    fault: Fault | None = None,
    mask: bool = False,
    signed: bool = False,
    shows: Bgr | None = None,
) -> Path:
    """Write the model: target 1x3xsxs and source 1x512 in, output 1x3xsxs out, `emap` as last initializer.

    `fault` makes the output NaN or flat, makes the graph refuse a batch, or mixes up the faces of one.
    `mask` adds an output 1x1xsxs that is 1 in the left half and 0 in the right. `signed` works on -1..1.
    `shows`, BGR uint8 (size, size, 3), is the output whatever goes in.
    """
    graph = Graph()
    colour = graph.add("Sigmoid", graph.add("MatMul", "source", graph.weight(_to_colour())))
    if signed:
        colour = graph.add("Sub", graph.add("Mul", colour, graph.number(2)), graph.number(1))
    if fault == "mixed_batch":
        mean = graph.add("ReduceMean", colour, axes=[0], keepdims=1)
        colour = graph.add("Add", graph.add("Mul", colour, graph.number(0)), mean)
    first = 1 if fault == "fixed_batch" else -1
    colour = graph.add("Reshape", colour, graph.integers(first, 3, 1, 1))
    tinted = graph.add("Mul", graph.add("Add", "target", colour), graph.number(0.5))
    if shows is not None:
        rgb = shows[..., ::-1].astype(np.float32).transpose(2, 0, 1)[None] / 255
        tinted = graph.add("Add", graph.add("Mul", tinted, graph.number(0)), graph.weight(rgb))
    if fault == "flat":
        tinted = graph.add("Add", graph.add("Mul", tinted, graph.number(0)), graph.number(0.5))
    if fault == "nan":
        tinted = graph.add("Mul", tinted, graph.number(float("nan")))
    graph.add("Identity", tinted, named="output")
    outputs: dict[str, list[int | str]] = {"output": [1, 3, size, size]}
    if mask:
        half = np.zeros((1, 1, size, size), np.float32)
        half[..., : size // 2] = 1
        nothing = graph.add("Mul", graph.add("ReduceMean", "target", axes=[1], keepdims=1), graph.number(0))
        graph.add("Add", nothing, graph.weight(half), named="mask")
        outputs["mask"] = [1, 1, size, size]
    graph.weight(emap(), "buff2fs")
    return graph.save(path, {"target": [1, 3, size, size], "source": [1, 512]}, outputs)


def build_converter(path: Path) -> Path:
    """Write a crossface-like model, 1x512 to 1x512, that turns the embedding around and doubles it."""
    graph = Graph()
    graph.add("MatMul", "input", graph.weight(2 * np.eye(512, dtype=np.float32)[::-1]), named="output")
    return graph.save(path, {"input": ["n", 512]}, {"output": ["n", 512]})


def emap() -> Array:
    """The matrix (512, 512) that the model ends with."""
    return np.asarray(np.random.default_rng(2).standard_normal((512, 512)) / np.sqrt(512), np.float32)


def colour_of(latent: Array) -> Array:
    """The colour, RGB 0..1, that the model tints with for a latent (1, 512)."""
    weighed = np.clip(latent[0] @ _to_colour(), -80, 80)  # beyond, float32 knows no exponential
    return np.asarray(1 / (1 + np.exp(-weighed)), np.float32)


def _to_colour() -> Array:
    directions = np.random.default_rng(3).standard_normal((512, 3)) / np.sqrt(512)
    return np.asarray(_STEEPNESS * directions, np.float32)

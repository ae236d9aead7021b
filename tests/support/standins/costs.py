"""Networks that cost what the licensed ones cost: the multiplications and sizes, with random weights."""

from pathlib import Path
from typing import Final

import numpy as np

from pipeline.face import Array
from tests.support.standins.graphs import Graph

_RNG_SEED: Final = 4


def nothing_of_cost(graph: Graph, value: str, *, side: int, stride: int, channels: int, macs: float) -> str:
    """A 0 that takes about `macs` multiplications to find out, from an input of `side` pixels.

    3x3 convolutions of `channels` at `side / stride`, as residual networks have them.
    """
    rng = np.random.default_rng(_RNG_SEED)
    layers = max(1, round(macs / (channels * channels * 9 * (side / stride) ** 2)))
    value = graph.add(
        "Conv", value, graph.weight(_kernel(rng, channels, 3, stride)), strides=[stride, stride]
    )
    for _ in range(layers):
        value = graph.add("Conv", value, graph.weight(_kernel(rng, channels, channels, 3)), pads=[1, 1, 1, 1])
        value = graph.add("Relu", value)
    mean = graph.add("ReduceMean", value, keepdims=0)
    return graph.add("Mul", mean, graph.number(0))


def build_constant(path: Path, *, side: int, channels: int, macs: float, answers: int) -> Path:
    """Write a model, Nx3xsxs to 1xn, that gives the same `answers` numbers whatever it is shown."""
    graph = Graph()
    nothing = nothing_of_cost(graph, "data", side=side, stride=side // 12, channels=channels, macs=macs)
    answer = np.random.default_rng(_RNG_SEED).uniform(-1, 1, (1, answers)).astype(np.float32)
    graph.add("Add", graph.weight(answer), nothing, named="fc1")
    return graph.save(path, {"data": ["n", 3, side, side]}, {"fc1": [1, answers]})


def build_full_swapper(path: Path) -> Path:
    """Write an inswapper_128 with all its layers, 138 million parameters in 554 MB, and random weights.

    Layers: inswapper_128 as its re-implementation ReSwapper publishes them. Two strided convolutions down
    to 1024x32x32, six residual blocks whose instance norms are scaled and shifted by the latent, two
    bilinear steps up.
    """
    graph, rng = Graph(), np.random.default_rng(_RNG_SEED)

    def conv(value: str, into: int, out: int, size: int = 3, stride: int = 1) -> str:
        edge = size // 2
        if size > 3:  # the first and the last layer mirror their edges
            value = graph.add(
                "Pad", value, graph.integers(0, 0, edge, edge, 0, 0, edge, edge), mode="reflect"
            )
            edge = 0
        weight, bias = _kernel(rng, out, into, size), np.zeros(out, np.float32)
        return graph.add(
            "Conv", value, graph.weight(weight), graph.weight(bias), pads=[edge] * 4, strides=[stride, stride]
        )

    def leaky(value: str) -> str:
        return graph.add("LeakyRelu", value, alpha=0.2)

    def styled(value: str) -> str:
        centred = graph.add("Sub", value, graph.add("ReduceMean", value, axes=[2, 3], keepdims=1))
        variance = graph.add("ReduceMean", graph.add("Mul", centred, centred), axes=[2, 3], keepdims=1)
        normal = graph.add("Div", centred, graph.add("Sqrt", graph.add("Add", variance, graph.number(1e-5))))
        weight = rng.standard_normal((512, 2048), dtype=np.float32) / np.float32(np.sqrt(512))
        style = graph.add("Gemm", "source", graph.weight(weight), graph.weight(np.ones(2048, np.float32)))
        style = graph.add("Unsqueeze", style, graph.integers(2, 3))
        scale, shift = (
            graph.add("Slice", style, graph.integers(at), graph.integers(at + 1024), graph.integers(1))
            for at in (0, 1024)
        )
        return graph.add("Add", graph.add("Mul", normal, scale), shift)

    def doubled(value: str) -> str:
        return graph.add("Resize", value, "", graph.number(1, 1, 2, 2), mode="linear")

    value = leaky(conv("target", 3, 128, size=7))
    value = leaky(conv(value, 128, 256))
    value = leaky(conv(value, 256, 512, stride=2))
    value = leaky(conv(value, 512, 1024, stride=2))
    for _ in range(6):
        inner = graph.add("Relu", styled(conv(value, 1024, 1024)))
        value = graph.add("Add", value, styled(conv(inner, 1024, 1024)))
    value = leaky(conv(doubled(value), 1024, 512))
    value = leaky(conv(doubled(value), 512, 256))
    value = leaky(conv(value, 256, 128))
    value = graph.add("Tanh", conv(value, 128, 3, size=7))
    graph.add("Mul", graph.add("Add", value, graph.number(1)), graph.number(0.5), named="output")
    graph.weight(rng.standard_normal((512, 512), dtype=np.float32), "buff2fs")
    return graph.save(path, {"target": [1, 3, 128, 128], "source": [1, 512]}, {"output": [1, 3, 128, 128]})


def _kernel(rng: np.random.Generator, out: int, into: int, size: int) -> Array:
    weight = rng.standard_normal((out, into, size, size), dtype=np.float32)
    return weight * np.float32(np.sqrt(2 / (into * size * size)))

"""Convert dlib's face recognition network to ONNX; needs only numpy and onnx.

    python convert_identity.py dlib_face_recognition_resnet_model_v1.dat face_embedding.onnx

The input is in the PyPI sdist face-recognition-models 0.3.0 (CC0 1.0, Davis King, dlib-models). The
network is a ResNet of 29 convolutions (dlib's example dnn_face_recognition_ex.cpp): 7x7 of stride 2,
max pooling, 14 residual blocks of two convolutions, average pooling, one linear layer to 128 values.

dlib follows each convolution with a fixed scale and shift per channel (its batch normalisation after
training); both are folded into the convolution's own weights. Weights are stored in half precision and
cast back when the file is loaded.
"""

import hashlib
import sys
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

SOURCE_SHA256: Final = "55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30"
RGB_MEAN: Final = (122.782, 117.001, 104.298)  # dlib's input_rgb_image
OUTPUTS: Final = 128
CHIP: Final = 150
AFTER_POOLING: Final = 35  # side of the feature map that the first block sees

# Filters and number of the residual blocks; the first block of every group but the first halves the map.
GROUPS: Final = ((32, 3), (64, 4), (128, 3), (256, 3), (256, 1))

Values = NDArray[np.float64]


class Convolution(NamedTuple):
    """Weights (filters, channels, k, k), bias (filters,) and how the kernel moves."""

    weights: Values
    bias: Values
    stride: int
    padding: int


class Block(NamedTuple):
    """One residual block: two convolutions, the first of which may halve the map."""

    first: Convolution
    second: Convolution
    halves: bool


class DlibFile:
    """Parameter tensors of a dlib network, read in the order of the file: from input to output.

    Each is serialised as version 2, four dimensions and raw little-endian float32; an integer is one
    byte that counts its bytes, then those bytes. What lies between the tensors is skipped.
    """

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._position = 0

    def tensor(self, *dimensions: int) -> Values:
        """Read the next tensor of these four dimensions, flattened."""
        header = b"".join(self._integer(value) for value in (2, *dimensions))
        start = self._content.index(header, self._position) + len(header)
        count = int(np.prod(dimensions))
        self._position = start + 4 * count
        return np.frombuffer(self._content, "<f4", count, start).astype(np.float64)

    def convolution(
        self, filters: int, channels: int, kernel: int, *, stride: int, padding: int
    ) -> Convolution:
        """Read a convolution and the scale and shift that follow it, folded into one."""
        weights_and_bias = self.tensor(filters * channels * kernel * kernel + filters, 1, 1, 1)
        scale, shift = self.tensor(2 * filters, 1, 1, 1).reshape(2, filters)
        weights = weights_and_bias[:-filters].reshape(filters, channels, kernel, kernel)
        return Convolution(
            weights=weights * scale[:, None, None, None],
            bias=weights_and_bias[-filters:] * scale + shift,
            stride=stride,
            padding=padding,
        )

    @staticmethod
    def _integer(value: int) -> bytes:
        digits = value.to_bytes((value.bit_length() + 7) // 8, "little")
        return bytes([len(digits)]) + digits


class Graph:
    """Nodes and weights of the ONNX graph as it grows."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []

    def add(self, operator: str, inputs: list[str], output: str, **attributes: object) -> str:
        """Append a node; returns the name of its output."""
        self.nodes.append(helper.make_node(operator, inputs, [output], **attributes))
        return output

    def constant(self, name: str, values: NDArray[np.generic]) -> str:
        """Store a tensor as it is."""
        self.weights.append(numpy_helper.from_array(values, name))
        return name

    def half(self, name: str, values: Values) -> str:
        """Store a tensor in half precision, to be cast back at load."""
        stored = self.constant(f"{name}_h", values.astype(np.float32).astype(np.float16))
        return self.add("Cast", [stored], name, to=TensorProto.FLOAT)

    def convolve(self, index: int, x: str, layer: Convolution) -> str:
        """Append a convolution."""
        inputs = [x, self.half(f"w{index}", layer.weights), self.half(f"b{index}", layer.bias)]
        return self.add(
            "Conv",
            inputs,
            f"c{index}",
            kernel_shape=list(layer.weights.shape[2:]),
            strides=[layer.stride, layer.stride],
            pads=[layer.padding] * 4,
        )

    def relu(self, x: str) -> str:
        """Append a rectifier."""
        return self.add("Relu", [x], f"{x}_r")

    def pad(self, x: str, *, channels: int = 0, sides: int = 0) -> str:
        """Append zeros after the last channel, or below and to the right."""
        pads = np.array([0, 0, 0, 0, 0, channels, sides, sides], np.int64)
        return self.add("Pad", [x, self.constant(f"{x}_ps", pads)], f"{x}_p")


def read_network(content: bytes) -> tuple[Convolution, list[Block], Values]:
    """Read the stem, the blocks and the (256, 128) linear layer."""
    file = DlibFile(content)
    stem = file.convolution(32, 3, 7, stride=2, padding=0)
    blocks, channels = [], 32
    for group, (filters, count) in enumerate(GROUPS):
        for position in range(count):
            halves = group > 0 and position == 0
            first = file.convolution(
                filters, channels, 3, stride=2 if halves else 1, padding=0 if halves else 1
            )
            second = file.convolution(filters, filters, 3, stride=1, padding=1)
            blocks.append(Block(first, second, halves=halves))
            channels = filters
    return stem, blocks, file.tensor(channels, OUTPUTS, 1, 1).reshape(channels, OUTPUTS)


def build_graph(stem: Convolution, blocks: list[Block], linear: Values) -> Graph:
    """Lay the network out; `chip` is RGB 0..255, (n, 3, 150, 150), `embedding` is (n, 128)."""
    graph = Graph()
    graph.constant("mean", np.array(RGB_MEAN, np.float32).reshape(1, 3, 1, 1))
    graph.constant("scale", np.array(1 / 256, np.float32))
    graph.add("Sub", ["chip", "mean"], "x0")
    graph.add("Mul", ["x0", "scale"], "x1")
    x = graph.relu(graph.convolve(0, "x1", stem))
    x = graph.add("MaxPool", [x], "mp", kernel_shape=[3, 3], strides=[2, 2])
    side = AFTER_POOLING
    for number, block in enumerate(blocks):
        x, side = add_block(graph, 1 + 2 * number, x, block, side)
    weights = graph.half("fc", linear)
    graph.add("GlobalAveragePool", [x], "gap")
    graph.add("Flatten", ["gap"], "flat")
    graph.add("MatMul", ["flat", weights], "embedding")
    return graph


def add_block(graph: Graph, index: int, x: str, block: Block, side: int) -> tuple[str, int]:
    """Append one residual block; returns its output and the side of its map.

    A block that halves the map averages its shortcut over 2x2. dlib's addition takes the larger of two
    shapes and zeros where one of them ends, so that here the smaller one is padded.
    """
    y = graph.convolve(index + 1, graph.relu(graph.convolve(index, x, block.first)), block.second)
    if block.halves:
        x = graph.add("AveragePool", [x], f"ap{index}", kernel_shape=[2, 2], strides=[2, 2])
        convolved, pooled = (side - 3) // 2 + 1, side // 2
        side = pooled
        filters, channels = block.first.weights.shape[:2]
        if filters > channels:
            x = graph.pad(x, channels=filters - channels)
        if convolved < pooled:
            y = graph.pad(y, sides=pooled - convolved)
    return graph.relu(graph.add("Add", [x, y], f"s{index}")), side


def to_model(graph: Graph) -> onnx.ModelProto:
    """Wrap the graph as a checked ONNX model."""
    model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            "dlib_face_recognition_resnet_model_v1",
            [helper.make_tensor_value_info("chip", TensorProto.FLOAT, ["n", 3, CHIP, CHIP])],
            [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["n", OUTPUTS])],
            graph.weights,
        ),
        opset_imports=[helper.make_opsetid("", 13)],
    )
    model.ir_version = 8
    model.doc_string = (
        "Converted from dlib_face_recognition_resnet_model_v1.dat (Davis King, CC0 1.0). "
        "Input RGB 0..255 NCHW 150x150; output 128-d, Euclidean."
    )
    onnx.checker.check_model(model, full_check=True)
    return model


def main(source: Path, destination: Path) -> None:
    """Convert `source` to `destination` and print the sha256 of what was written."""
    content = source.read_bytes()
    if hashlib.sha256(content).hexdigest() != SOURCE_SHA256:
        sys.exit(f"{source} is not the file this script was written for")
    onnx.save(to_model(build_graph(*read_network(content))), destination)
    print(hashlib.sha256(destination.read_bytes()).hexdigest(), destination)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))

"""Turn tf2onnx's output for MediaPipe's models into plain ONNX that runs fast on a CPU.

    python -m tf2onnx.convert --tflite MODEL.tflite --output raw.onnx --opset 17
    python convert_mediapipe.py raw.onnx MODEL.tflite MODEL.onnx

Three changes, each a no-op for a model that has nothing to change:

- MediaPipe's custom operators become standard ones. They cut the regions of eyes and lips out of a
  feature map and carry the points found there back (mediapipe/util/tflite/operations/
  landmarks_to_transform_matrix.cc, transform_tensor_bilinear.cc, transform_landmarks.cc).
- PRelu becomes a sum of two depthwise 1x1 convolutions, which ONNX Runtime keeps in its blocked
  layout; a PRelu between convolutions costs two layout changes each time.
- Weights of 256 values and more are stored in half precision and cast back at load.

Needs numpy, onnx, tflite and flatbuffers.
"""

import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx
import tflite
from flatbuffers import flexbuffers
from numpy.typing import ArrayLike
from onnx import TensorProto, helper, numpy_helper

STORED_IN_HALF: Final = 256  # from this many values on
OUTSIDE: Final = 9.0  # a sampling coordinate beyond the map's edge at 1
Options = dict[str, Any]


class Rewriter:
    """Builds the nodes that replace one operator; everything it names starts with its output's name."""

    def __init__(self, model: onnx.ModelProto, node: onnx.NodeProto) -> None:
        self._model = model
        self._output = node.output[0]
        self.nodes: list[onnx.NodeProto] = []

    def constant(self, name: str, values: ArrayLike, dtype: type[np.generic] = np.float32) -> str:
        """Add a constant tensor; returns its name."""
        name = f"{self._output}/{name}"
        self._model.graph.initializer.append(numpy_helper.from_array(np.asarray(values, dtype), name))
        return name

    def indices(self, name: str, values: ArrayLike) -> str:
        """Add a constant tensor of int64."""
        return self.constant(name, values, np.int64)

    def add(self, name: str, operator: str, *inputs: str, **attributes: object) -> str:
        """Append a node; returns the name of its output."""
        output = f"{self._output}/{name}"
        self.nodes.append(helper.make_node(operator, inputs, [output], **attributes))
        return output

    def finish(self, operator: str, *inputs: str, **attributes: object) -> list[onnx.NodeProto]:
        """Append the node that gives the replaced operator's own output; returns all nodes."""
        self.nodes.append(helper.make_node(operator, inputs, [self._output], **attributes))
        return self.nodes


def region_matrix(model: onnx.ModelProto, node: onnx.NodeProto, options: Options) -> list[onnx.NodeProto]:
    """Landmarks2TransformMatrix: the (1, 4, 4) matrix from a crop's pixels to those of the whole map.

    The crop is the bounding box of some landmarks, turned so that the line between two given ones lies
    level, and enlarged. Points are rows, so a turn by `-t` is `p @ [[c, -s], [s, c]]`.
    """
    if options["target_rotation_radians"] != 0:
        raise ValueError("only crops that are turned upright are handled")
    width, height = options["output_width"], options["output_height"]
    new = Rewriter(model, node)
    points = new.add(
        "xy", "Slice", node.input[0], new.indices("0", [0]), new.indices("2", [2]), new.indices("ax", [2])
    )
    right = new.add("right", "Gather", points, new.indices("ri", options["right_rotation_idx"]), axis=1)
    left = new.add("left", "Gather", points, new.indices("li", options["left_rotation_idx"]), axis=1)
    level = new.add("level", "Sub", right, left)
    direction = new.add("dir", "Div", level, new.add("length", "ReduceL2", level, axes=[1], keepdims=1))
    cosine, sine = (
        new.add("c", "Gather", direction, new.indices("c0", [0]), axis=1),
        new.add("s", "Gather", direction, new.indices("s1", [1]), axis=1),
    )
    turn = new.add(
        "turn",
        "Concat",
        new.add("row0", "Concat", cosine, new.add("-s", "Neg", sine), axis=1),
        new.add("row1", "Concat", sine, cosine, axis=1),
        axis=0,
    )
    subset = new.add("subset", "Gather", points, new.indices("si", options["subset_idxs"]), axis=1)
    upright = new.add("upright", "MatMul", subset, turn)
    high = new.add("high", "ReduceMax", upright, axes=[1], keepdims=0)
    low = new.add("low", "ReduceMin", upright, axes=[1], keepdims=0)
    middle = new.add("middle", "Mul", new.add("sum", "Add", high, low), new.constant("half", 0.5))
    back = new.add("back", "Transpose", turn, perm=[1, 0])
    center = new.add("center", "Transpose", new.add("mid", "MatMul", middle, back), perm=[1, 0])
    scales = new.constant("k", [[options["scale_x"] / width, options["scale_y"] / height]])
    linear = new.add("linear", "Mul", turn, new.add("step", "Mul", new.add("size", "Sub", high, low), scales))
    to_corner = new.add("tc", "MatMul", linear, new.constant("mc", [[-width / 2], [-height / 2]]))
    shift = new.add("shift", "Add", to_corner, center)
    top = new.add("top", "Concat", linear, new.constant("z", np.zeros((2, 1))), shift, axis=1)
    bottom = new.constant("bottom", [[0, 0, 1, 0], [0, 0, 0, 1]])
    matrix = new.add("matrix", "Concat", top, bottom, axis=0)
    return new.finish("Unsqueeze", matrix, new.indices("u", [0]))


def sample_region(model: onnx.ModelProto, node: onnx.NodeProto, options: Options) -> list[onnx.NodeProto]:
    """TransformTensorBilinear: cut the crop that a matrix describes out of an NHWC map.

    Pixels are sampled at their centres; what lies outside the map is zero, without blending at its edge.
    """
    height, width = options["output_height"], options["output_width"]
    map_height, map_width = _spatial_size(model, node.input[0])
    rows, columns = np.mgrid[0:height, 0:width].reshape(2, -1)
    pixels = np.stack([columns + 0.5, rows + 0.5, np.zeros(rows.size), np.ones(rows.size)])
    new = Rewriter(model, node)
    matrix = new.add("m", "Squeeze", node.input[1], new.indices("sq", [0]))
    top = new.add("m2", "Gather", matrix, new.indices("01", [0, 1]), axis=0)
    places = new.add(
        "at", "Sub", new.add("at5", "MatMul", top, new.constant("px", pixels)), new.constant("h", 0.5)
    )
    spans = new.constant("k", [[2 / (map_width - 1)], [2 / (map_height - 1)]])
    one = new.constant("one", 1.0)
    places = new.add("from-1", "Sub", new.add("to2", "Mul", places, spans), one)
    furthest = new.add("far", "ReduceMax", new.add("abs", "Abs", places), axes=[0], keepdims=1)
    outside = new.add("out", "Greater", furthest, one)
    places = new.add("in", "Where", outside, new.constant("away", OUTSIDE), places)
    pairs = new.add("pairs", "Transpose", places, perm=[1, 0])
    grid = new.add("grid", "Reshape", pairs, new.indices("gs", [1, height, width, 2]))
    channels_first = new.add("chw", "Transpose", node.input[0], perm=[0, 3, 1, 2])
    crop = new.add(
        "crop", "GridSample", channels_first, grid, mode="bilinear", padding_mode="zeros", align_corners=1
    )
    return new.finish("Transpose", crop, perm=[0, 2, 3, 1])


def carry_back(model: onnx.ModelProto, node: onnx.NodeProto, _: Options) -> list[onnx.NodeProto]:
    """TransformLandmarks: points of the crop, in pixels of the whole map."""
    new = Rewriter(model, node)
    matrix = new.add("m", "Squeeze", node.input[1], new.indices("sq", [0]))
    axes = new.indices("ax", [0, 1])
    linear = new.add("r", "Slice", matrix, new.indices("a0", [0, 0]), new.indices("a1", [2, 2]), axes)
    shift = new.add("t", "Slice", matrix, new.indices("b0", [0, 3]), new.indices("b1", [2, 4]), axes)
    turned = new.add("q", "MatMul", node.input[0], new.add("rt", "Transpose", linear, perm=[1, 0]))
    return new.finish("Add", turned, new.add("tt", "Transpose", shift, perm=[1, 0]))


def prelu_as_convolutions(
    model: onnx.ModelProto, node: onnx.NodeProto, slopes: np.ndarray
) -> list[onnx.NodeProto]:
    """PRelu with slopes `a` per channel: `a * x + (1 - a) * relu(x)`, each a depthwise convolution."""
    channels = slopes.size
    slopes = slopes.reshape(channels, 1, 1, 1)
    new = Rewriter(model, node)
    depthwise = {"group": channels, "kernel_shape": [1, 1]}
    linear = new.add("m", "Conv", node.input[0], new.constant("a", slopes), **depthwise)
    rectified = new.add("r", "Relu", node.input[0])
    bent = new.add("q", "Conv", rectified, new.constant("b", 1 - slopes), **depthwise)
    return new.finish("Add", linear, bent)


CUSTOM: Final = {
    "TFL_Landmarks2TransformMatrix": region_matrix,
    "TFL_TransformTensorBilinear": sample_region,
    "TFL_TransformLandmarks": carry_back,
}


def rewrite(model: onnx.ModelProto, options: dict[str, Options]) -> None:
    """Replace every custom operator and every PRelu, in place."""
    weights = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    nodes: list[onnx.NodeProto] = []
    for node in model.graph.node:
        if node.op_type in CUSTOM:
            nodes += CUSTOM[node.op_type](model, node, options.get(node.output[0], {}))
        elif node.op_type == "PRelu":
            nodes += prelu_as_convolutions(model, node, weights[node.input[1]])
        else:
            nodes.append(node)
    del model.graph.node[:]
    model.graph.node.extend(nodes)


def custom_options(content: bytes) -> Iterator[tuple[str, Options]]:
    """The options of each custom operator of a TFLite file, by the name of its output."""
    graph = tflite.Model.GetRootAs(content, 0).Subgraphs(0)
    for index in range(graph.OperatorsLength()):
        operator = graph.Operators(index)
        if operator.CustomOptionsLength():
            name = graph.Tensors(operator.Outputs(0)).Name().decode()
            yield name, flexbuffers.GetRoot(bytes(operator.CustomOptionsAsNumpy())).AsMap.Value


def store_in_half(model: onnx.ModelProto) -> None:
    """Drop weights that nothing uses, and store the large ones in half precision, in place."""
    graph = model.graph
    used = {name for node in graph.node for name in node.input} | {output.name for output in graph.output}
    kept, casts = [], []
    for tensor in graph.initializer:
        values = numpy_helper.to_array(tensor)
        if tensor.name not in used:
            continue
        if values.dtype == np.float32 and values.size >= STORED_IN_HALF:
            half = f"{tensor.name}_h"
            kept.append(numpy_helper.from_array(values.astype(np.float16), half))
            casts.append(helper.make_node("Cast", [half], [tensor.name], to=TensorProto.FLOAT))
        else:
            kept.append(tensor)
    nodes = [*casts, *graph.node]
    del graph.initializer[:], graph.node[:]
    graph.initializer.extend(kept)
    graph.node.extend(nodes)


def _spatial_size(model: onnx.ModelProto, name: str) -> tuple[int, int]:
    """Height and width of an NHWC tensor, as tf2onnx recorded or ONNX infers them."""
    inferred = onnx.shape_inference.infer_shapes(model).graph
    for value in (*inferred.value_info, *inferred.input):
        if value.name == name:
            _, height, width, _ = (dimension.dim_value for dimension in value.type.tensor_type.shape.dim)
            return height, width
    raise ValueError(f"the size of {name} is not known")


def main(raw: Path, source: Path, destination: Path) -> None:
    """Convert and print the sha256 of what was written."""
    model = onnx.load(raw)
    rewrite(model, dict(custom_options(source.read_bytes())))
    store_in_half(model)
    onnx.checker.check_model(model)
    onnx.save(model, destination)
    print(hashlib.sha256(destination.read_bytes()).hexdigest(), destination)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:4]))

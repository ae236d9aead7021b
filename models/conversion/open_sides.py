"""Let a detection model take pictures of any size.

    python open_sides.py face_detection_back.onnx face_detection_back.onnx

BlazeFace consists of convolutions, and its outputs are reshaped to as many rows as there are. Only the
file says that the input is a square of 192 or 256 pixels: its height and width, and the number of rows of
the outputs, become names. Weights and nodes stay as they are.

Needs onnx.
"""

import hashlib
import sys
from pathlib import Path

import onnx


def open_sides(model: onnx.ModelProto) -> None:
    """Name what may vary of the NHWC input and the (1, n, k) outputs, in place."""
    [picture] = model.graph.input
    sides = picture.type.tensor_type.shape.dim
    sides[1].dim_param, sides[2].dim_param = "height", "width"
    for output in model.graph.output:
        output.type.tensor_type.shape.dim[1].dim_param = "anchors"


def main(source: Path, destination: Path) -> None:
    """Convert and print the sha256 of what was written."""
    model = onnx.load(source)
    open_sides(model)
    onnx.checker.check_model(model)
    onnx.save(model, destination)
    print(hashlib.sha256(destination.read_bytes()).hexdigest(), destination)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:3]))

"""Writing small ONNX graphs."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

_OPSET, _IR = 13, 8
_DTYPES = {np.float32: TensorProto.FLOAT, np.float64: TensorProto.DOUBLE}

Sides = Sequence[int | str]


class Graph:
    """A graph under construction: `add` returns the name of a node's first output."""

    def __init__(self) -> None:
        self._nodes: list[Any] = []
        self._weights: list[Any] = []

    def add(self, kind: str, *inputs: str, named: str | None = None, **attributes: Any) -> str:  # noqa: ANN401 -- as ONNX has them
        """Append a node; its output is called `named`, or by a running number."""
        output = named or f"{kind.lower()}_{len(self._nodes)}"
        self._nodes.append(helper.make_node(kind, list(inputs), [output], name=output, **attributes))
        return output

    def weight(self, value: NDArray[Any], name: str | None = None) -> str:
        """Append an initializer."""
        name = name or f"weight_{len(self._weights)}"
        self._weights.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def number(self, *values: float) -> str:
        """Append float32 numbers: one as a scalar, several as a vector."""
        return self.weight(np.array(values[0] if len(values) == 1 else values, np.float32))

    def integers(self, *values: int) -> str:
        """Append a vector of int64, as axes and shapes are."""
        return self.weight(np.array(values, np.int64))

    def save(
        self,
        path: Path,
        inputs: Mapping[str, Sides],
        outputs: Mapping[str, Sides],
        *,
        doubles: Sequence[str] = (),
    ) -> Path:
        """Write the model; all inputs and outputs are float32 but those named in `doubles`."""

        def info(name: str, sides: Sides) -> Any:  # noqa: ANN401 -- onnx ships no types
            return helper.make_tensor_value_info(
                name, _DTYPES[np.float64 if name in doubles else np.float32], list(sides)
            )

        graph = helper.make_graph(
            self._nodes,
            "standin",
            [info(*it) for it in inputs.items()],
            [info(*it) for it in outputs.items()],
            self._weights,
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR)
        onnx.checker.check_model(model)
        onnx.save(model, str(path))
        return path

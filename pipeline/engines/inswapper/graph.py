"""What has to be read from, or rewritten in, the file of a swap network before it is opened."""

from pathlib import Path
from typing import Any, Final

import numpy as np

from models.errors import ModelUnavailable
from pipeline.face import Array

_BATCH: Final = "batch"


def read_emap(path: Path) -> Array:
    """The matrix (512, 512) float32 that takes ArcFace embeddings to latents: the last initializer.

    The whole file passes through memory and is let go before this returns.

    Raises:
        ModelUnavailable: the file has no such matrix.
    """
    from onnx import numpy_helper  # noqa: PLC0415 -- slow: only this engine needs it

    initializers = _load(path).graph.initializer
    emap = numpy_helper.to_array(initializers[-1]) if initializers else np.empty(0)
    if emap.ndim != 2 or emap.shape[0] != emap.shape[1]:  # noqa: PLR2004 -- a matrix has two sides
        raise ModelUnavailable(
            f"The model file {path.name} does not end with the matrix that inswapper files end with; "
            "it may have been saved anew by another program."
        )
    return emap.astype(np.float32)


def with_dynamic_batch(path: Path) -> bytes:
    """The model with the first side of every input and output named, so that any number may be given.

    Shapes noted between layers are dropped, as they state the old number. Whether the layers really
    take more than one is for the caller to try.
    """
    model = _load(path)
    for value in (*model.graph.input, *model.graph.output):
        if value.type.tensor_type.shape.dim:
            value.type.tensor_type.shape.dim[0].dim_param = _BATCH
    del model.graph.value_info[:]
    return bytes(model.SerializeToString())


def _load(path: Path) -> Any:  # noqa: ANN401 -- onnx ships no types
    import onnx  # noqa: PLC0415 -- as above

    return onnx.load(str(path))

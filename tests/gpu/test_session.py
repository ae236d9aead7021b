"""Sessions on a real GPU: the provider is the one asked for, and so are the numbers and the errors."""

import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import onnx
import pytest

from models.devices import GpuOptions, gpus, has_gpu_build, libraries
from models.errors import DeviceOutOfMemory, ProviderUnavailable
from models.session import open_session
from models.tensorrt import FreeSides

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(
        not (has_gpu_build() and gpus()), reason="no CUDA device, or no CUDA build of ONNX Runtime"
    ),
]

_MIB = 2**20
_CHANNELS, _SIDE, _LAYERS = 128, 128, 4


def test_every_library_of_cuda_is_found_and_the_device_has_a_name() -> None:
    assert [library.name for library in libraries("cuda") if library.path is None] == []
    (gpu, *_) = gpus()
    assert gpu.name
    assert gpu.memory_bytes > 1024 * _MIB


def test_a_session_on_cuda_runs_on_cuda_with_the_numbers_of_the_cpu() -> None:
    feed = picture(np.float32)
    session = open_session(convolutions(np.float32), name="net.onnx", provider="cuda")
    assert session.provider == "CUDAExecutionProvider"
    session.warm_up()
    expected = open_session(convolutions(np.float32), threads=8).run(feed)[0]
    assert relative(session.run(feed)[0], expected) < 5e-3  # TF32 has ten bits of mantissa


def test_half_precision_on_cuda_has_the_numbers_of_full_precision_on_the_cpu() -> None:
    session = open_session(convolutions(np.float16), provider="cuda")
    assert session.inputs[0].dtype == np.float16
    expected = open_session(convolutions(np.float32), threads=8).run(picture(np.float32))[0]
    found = session.run(picture(np.float16))[0]
    assert found.dtype == np.float16
    assert relative(found.astype(np.float32), expected) < 2e-2


def test_bound_buffers_give_the_numbers_of_plain_runs() -> None:
    session = open_session(convolutions(np.float32), provider="cuda")
    bound = session.bind({"picture": (2, _CHANNELS, _SIDE, _SIDE)})
    for seed in range(3):
        feed = picture(np.float32, batch=2, seed=seed)
        assert relative(bound.run({"picture": feed})[0], session.run(feed)[0]) < 5e-3


@pytest.mark.parametrize(
    ("limit_bytes", "sides"),
    [(None, (2**20, 2**20)), (64 * _MIB, (2**14, 2**13))],
    ids=["4 TiB of the device", "512 MiB of a limit of 64"],
)
def test_memory_that_the_gpu_does_not_have_is_a_transient_fault(
    limit_bytes: int | None, sides: tuple[int, int]
) -> None:
    session = open_session(filled(), provider="cuda", gpu=GpuOptions(memory_limit_bytes=limit_bytes))
    with pytest.raises(DeviceOutOfMemory):
        session.run(np.array(sides, np.int64))
    assert session.run(np.array((4, 4), np.int64))[0].shape == (4, 4), "the session did not survive"


def test_tensorrt_keeps_its_engines_where_it_is_told(tmp_path: Path) -> None:
    missing = [library for library in libraries("tensorrt") if library.path is None]
    if missing:
        with pytest.raises(ProviderUnavailable, match=missing[0].name):
            open_session(convolutions(np.float32), provider="tensorrt")
        pytest.skip(f"{missing[0].name} is not installed")
    options = GpuOptions(cache_folder=tmp_path)
    session = open_session(convolutions(np.float32), provider="tensorrt", gpu=options)
    assert session.provider == "TensorrtExecutionProvider"
    session.warm_up()
    assert list(tmp_path.glob("*.engine"))
    assert list(tmp_path.glob("*.timing"))


def test_tensorrt_builds_one_engine_for_every_batch(tmp_path: Path) -> None:
    if any(library.path is None for library in libraries("tensorrt")):
        pytest.skip("TensorRT is not installed")
    options = GpuOptions(cache_folder=tmp_path)
    session = open_session(
        convolutions(np.float32), provider="tensorrt", gpu=options, free=FreeSides(batch=4)
    )
    built = []
    for batch in (1, 4, 2, 3):
        assert session.run(picture(np.float32, batch=batch))[0].shape[0] == batch
        built.append({path.name: path.stat().st_mtime_ns for path in tmp_path.glob("*.engine")})
    assert built == [built[0]] * 4


def test_timings(capsys: pytest.CaptureFixture[str]) -> None:
    lines = [f"\n{gpus()[0].name}: {_LAYERS} convolutions, {_CHANNELS} channels, {_SIDE} x {_SIDE}"]
    for dtype in (np.float32, np.float16):
        for batch in (1, 8):
            feed = picture(dtype, batch=batch)
            began = time.perf_counter()
            session = open_session(convolutions(dtype), provider="cuda")
            opened_s = time.perf_counter() - began
            bound = session.bind({"picture": feed.shape})
            lines.append(
                f"{np.dtype(dtype).name} batch {batch}: open {opened_s * 1e3:.0f} ms, "
                f"run {milliseconds(session.run, feed):.2f} ms, "
                f"bound {milliseconds(bound.run, {'picture': feed}):.2f} ms"
            )
    session = open_session(convolutions(np.float32), threads=8)
    lines.append(f"float32 batch 1 on the CPU: run {milliseconds(session.run, picture(np.float32)):.2f} ms")
    with capsys.disabled():
        sys.stdout.write("\n".join(lines) + "\n")


def picture(dtype: type[np.floating[Any]], *, batch: int = 1, seed: int = 0) -> np.ndarray[Any, Any]:
    """Random (batch, channels, side, side) in -1..1."""
    values = np.random.default_rng(seed).uniform(-1, 1, (batch, _CHANNELS, _SIDE, _SIDE))
    return values.astype(dtype)


def relative(found: np.ndarray[Any, Any], expected: np.ndarray[Any, Any]) -> float:
    """Largest difference as a share of the largest value."""
    return float(np.abs(found - expected).max() / np.abs(expected).max())


def milliseconds(run: Callable[[Any], object], feed: object, repeats: int = 20) -> float:
    """Median of a few runs, after one that counts for nothing."""
    run(feed)
    taken = []
    for _ in range(repeats):
        began = time.perf_counter()
        run(feed)
        taken.append(time.perf_counter() - began)
    return 1e3 * median(taken)


def convolutions(dtype: type[np.floating[Any]]) -> bytes:
    """`picture` (n, 128, 128, 128) through a few 3x3 convolutions with fixed weights, each with a ReLU."""
    kind = onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    rng = np.random.default_rng(7)
    scale = np.sqrt(2 / (9 * _CHANNELS))
    weights = [
        onnx.numpy_helper.from_array(
            rng.normal(0, scale, (_CHANNELS, _CHANNELS, 3, 3)).astype(dtype), f"weight{layer}"
        )
        for layer in range(_LAYERS)
    ]
    nodes, value = [], "picture"
    for layer in range(_LAYERS):
        nodes.append(
            onnx.helper.make_node("Conv", [value, f"weight{layer}"], [f"sum{layer}"], pads=[1, 1, 1, 1])
        )
        nodes.append(onnx.helper.make_node("Relu", [f"sum{layer}"], [f"layer{layer}"]))
        value = f"layer{layer}"
    shape: list[str | int | None] = ["n", _CHANNELS, _SIDE, _SIDE]
    return serialised(
        onnx.helper.make_graph(
            nodes,
            "convolutions",
            [onnx.helper.make_tensor_value_info("picture", kind, shape)],
            [onnx.helper.make_tensor_value_info(value, kind, shape)],
            weights,
        )
    )


def filled() -> bytes:
    """Zeros of the (2,) int64 `shape` given, plus one: its result lies in the device's memory."""
    one = onnx.numpy_helper.from_array(np.ones(1, np.float32), "one")
    return serialised(
        onnx.helper.make_graph(
            [
                onnx.helper.make_node("ConstantOfShape", ["shape"], ["zeros"]),
                onnx.helper.make_node("Add", ["zeros", "one"], ["out"]),
            ],
            "filled",
            [onnx.helper.make_tensor_value_info("shape", onnx.TensorProto.INT64, [2])],
            [onnx.helper.make_tensor_value_info("out", onnx.TensorProto.FLOAT, [None, None])],
            [one],
        )
    )


def serialised(graph: onnx.GraphProto) -> bytes:
    """A model file of `graph` that old ONNX Runtimes read too."""
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)])
    model.ir_version = 8
    content: bytes = model.SerializeToString()
    return content

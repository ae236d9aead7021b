"""Opening sessions: the provider is what was asked for, and every fault has a type and a name."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnxruntime.capi import onnxruntime_pybind11_state as ort_errors

from models.devices import ORT_NAMES, GpuOptions, Provider, provider_options
from models.embedded import DETECTION_BACK, embedded_path
from models.errors import DeviceLost, DeviceOutOfMemory, ModelUnavailable, ProviderUnavailable
from models.session import TensorInfo, device_error, open_session
from models.tensorrt import FreeSides


def test_a_session_says_which_provider_runs_and_what_it_loaded() -> None:
    session = open_session(embedded_path(DETECTION_BACK), provider="cpu")
    assert (session.provider, session.name) == ("CPUExecutionProvider", DETECTION_BACK)
    outputs = session.run(np.zeros((1, 256, 256, 3), np.float32))
    assert [output.shape for output in outputs] == [(1, 896, 16), (1, 896, 1)]


@pytest.mark.skipif(
    "CUDAExecutionProvider" in ort.get_available_providers(), reason="this ONNX Runtime has CUDA"
)
def test_a_missing_gpu_provider_is_an_error_and_not_the_cpu() -> None:
    with pytest.raises(ProviderUnavailable, match=r"should run on cuda.*no CUDAExecutionProvider"):
        open_session(embedded_path(DETECTION_BACK), provider="cuda")


@pytest.mark.parametrize("provider", ["coreml", "migraphx", "openvino", "directml"])
def test_a_missing_provider_of_another_maker_is_an_error_that_says_how_to_get_it(provider: Provider) -> None:
    if ORT_NAMES[provider] in ort.get_available_providers():
        pytest.skip("this ONNX Runtime has it")
    with pytest.raises(
        ProviderUnavailable, match=rf"should run on {provider}.*To get it, install "
    ) as caught:
        open_session(embedded_path(DETECTION_BACK), provider=provider)
    assert ORT_NAMES[provider] in str(caught.value)


@pytest.mark.parametrize("provider", ["coreml", "migraphx", "openvino", "directml"])
def test_a_provider_of_another_maker_that_does_not_start_is_an_error_and_not_the_cpu(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    if ORT_NAMES[provider] in ort.get_available_providers():
        pytest.skip("this ONNX Runtime has it")
    monkeypatch.setattr(ort, "get_available_providers", lambda: [ORT_NAMES[provider]])
    with (
        pytest.warns(UserWarning, match="not in available provider names"),
        pytest.raises(ProviderUnavailable, match=rf"{ORT_NAMES[provider]} did not start.*Check that"),
    ):
        open_session(embedded_path(DETECTION_BACK), provider=provider)


def test_tensorrt_is_asked_for_the_shapes_that_a_model_will_be_given(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[GpuOptions] = []

    def options(_provider: Provider, gpu: GpuOptions) -> list[tuple[str, dict[str, str]]]:
        asked.append(gpu)
        return provider_options("cpu", gpu)

    monkeypatch.setattr("models.session.provider_options", options)
    monkeypatch.setattr("models.session._check_runtime", lambda *_: None)
    monkeypatch.setattr("models.session.load_libraries", lambda _: None)
    with pytest.raises(ProviderUnavailable, match="TensorrtExecutionProvider did not start"):
        open_session(sum_model(), name="sum.onnx", provider="tensorrt", free=FreeSides(batch=8))
    assert [dict(gpu.profile) for gpu in asked] == [
        {},
        {
            "trt_profile_min_shapes": "target:1x3",
            "trt_profile_opt_shapes": "target:8x3",
            "trt_profile_max_shapes": "target:8x3",
        },
    ]


def test_a_provider_that_does_not_start_is_an_error_and_not_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    # What ONNX Runtime does on a machine with its CUDA package but no driver: listed, not running.
    monkeypatch.setattr(ort, "get_available_providers", lambda: ["CUDAExecutionProvider"])
    with (
        pytest.warns(UserWarning, match="not in available provider names"),
        pytest.raises(ProviderUnavailable, match=r"CUDAExecutionProvider did not start.*libcuda"),
    ):
        open_session(embedded_path(DETECTION_BACK), provider="cuda")


@pytest.mark.parametrize("content", [b"", b"<html>404</html>", b"\x08\x07" * 500])
def test_a_damaged_file_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "swapper.onnx"
    path.write_bytes(content)
    with pytest.raises(ModelUnavailable, match=r"swapper\.onnx is damaged") as caught:
        open_session(path)
    assert str(tmp_path) not in str(caught.value)


def test_a_truncated_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "swapper.onnx"
    path.write_bytes(embedded_path(DETECTION_BACK).read_bytes()[:100_000])
    with pytest.raises(ModelUnavailable, match=r"swapper\.onnx is damaged"):
        open_session(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable, match=r"swapper\.onnx is missing"):
        open_session(tmp_path / "swapper.onnx")


def test_memory_that_cannot_be_had_is_a_transient_fault(tmp_path: Path) -> None:
    """A graph whose output would need 4 exabytes, so that the allocator really refuses."""
    graph = onnx.helper.make_graph(
        [
            onnx.helper.make_node("Cast", ["shape"], ["sides"], to=onnx.TensorProto.INT64),
            onnx.helper.make_node("ConstantOfShape", ["sides"], ["out"]),
        ],
        "greedy",
        [onnx.helper.make_tensor_value_info("shape", onnx.TensorProto.FLOAT, [2])],
        [onnx.helper.make_tensor_value_info("out", onnx.TensorProto.FLOAT, [None, None])],
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 13)])
    model.ir_version = 8
    path = tmp_path / "greedy.onnx"
    onnx.save(model, path)
    session = open_session(path)
    with pytest.raises(DeviceOutOfMemory) as caught:
        session.run(np.full(2, 2.0**30, np.float32))
    assert caught.value.kind == "transient"


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        (
            "CUDA failure 700: an illegal memory access was encountered ; GPU=0 ; expr=cudaStreamSynchronize",
            DeviceLost,
        ),
        ("CUDA failure 719: unspecified launch failure ; GPU=0", DeviceLost),
        ("CUDA failure 2: out of memory ; GPU=0 ; hostname=x ; expr=cudaMalloc", DeviceOutOfMemory),
        ("Failed to allocate memory for requested buffer of size 12582912", DeviceOutOfMemory),
        ("CUBLAS failure 3: CUBLAS_STATUS_ALLOC_FAILED", DeviceOutOfMemory),
    ],
)
def test_device_faults_are_told_apart_by_their_words(words: str, kind: type[Exception]) -> None:
    assert type(device_error(ort_errors.RuntimeException(words))) is kind


def test_a_fault_that_is_not_the_devices_stays_what_it_is() -> None:
    session = open_session(embedded_path(DETECTION_BACK))
    with pytest.raises(ort_errors.InvalidArgument, match=r"[Ii]nvalid (dimensions|input shape)"):
        session.run(np.zeros((1, 3, 3, 3), np.float32))


def test_a_model_says_what_it_takes_and_gives() -> None:
    session = open_session(embedded_path(DETECTION_BACK))
    assert session.inputs == (TensorInfo(name="input", shape=(1, None, None, 3), dtype=np.dtype(np.float32)),)
    assert [output.shape for output in session.outputs] == [(1, None, 16), (1, None, 1)]


def test_a_model_with_several_inputs_runs_from_memory_by_name() -> None:
    session = open_session(sum_model(), name="sum.onnx")
    assert [(tensor.name, tensor.shape) for tensor in session.inputs] == [
        ("target", (None, 3)),
        ("source", (1, 3)),
    ]
    target, source = np.arange(6, dtype=np.float32).reshape(2, 3), np.ones((1, 3), np.float32)
    (total,) = session.run({"source": source, "target": target})
    assert np.array_equal(total, target + source)


def test_a_damaged_model_in_memory_is_named() -> None:
    with pytest.raises(ModelUnavailable, match=r"sum\.onnx is damaged"):
        open_session(sum_model()[:-9], name="sum.onnx")


def test_a_bound_session_gives_what_a_plain_run_gives_and_keeps_what_is_left_out() -> None:
    session = open_session(sum_model(), name="sum.onnx")
    bound = session.bind({"target": (2, 3)})
    for number in range(3):
        target, source = np.full((2, 3), number, np.float32), np.full((1, 3), 10 * number, np.float32)
        (first,) = bound.run({"target": target, "source": source})
        assert np.array_equal(first, session.run({"target": target, "source": source})[0])
        (second,) = bound.run({"target": target + 1})
        assert np.array_equal(second, first + 1)
        assert not np.array_equal(first, second), "an earlier output was overwritten"


def test_warming_up_fits_every_shape_that_varies() -> None:
    session = open_session(sum_model(), name="sum.onnx")
    session.warm_up()
    session.warm_up({"target": (4, 3)})
    with pytest.raises(ort_errors.InvalidArgument):
        session.warm_up({"source": (4, 9)})


def sum_model() -> bytes:
    """`target` (n, 3) + `source` (1, 3), float32."""
    kind = onnx.TensorProto.FLOAT
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("Add", ["target", "source"], ["total"])],
        "sum",
        [
            onnx.helper.make_tensor_value_info("target", kind, ["n", 3]),
            onnx.helper.make_tensor_value_info("source", kind, [1, 3]),
        ],
        [onnx.helper.make_tensor_value_info("total", kind, ["n", 3])],
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 13)])
    model.ir_version = 8
    content: bytes = model.SerializeToString()
    return content

"""Execution providers: what they are asked for, and what is said when one cannot start."""

from pathlib import Path
from typing import get_args

import pytest

from consumer.config.settings import Settings
from models.devices import (
    DRIVER,
    HOW_TO_INSTALL,
    ORT_NAMES,
    GpuOptions,
    Provider,
    _loaded_from,
    gpus,
    libraries,
    provider_options,
    runtime_distributions,
    why_not_started,
)
from models.embedded import DETECTION_BACK, embedded_path
from models.errors import ProviderUnavailable
from models.session import open_session

NO_GPU = pytest.mark.skipif(bool(gpus()), reason="this machine has a GPU")


def test_cuda_is_told_its_device_and_the_most_it_may_take() -> None:
    ((name, options),) = provider_options("cuda", GpuOptions(device_id=1, memory_limit_bytes=2**30))
    assert name == "CUDAExecutionProvider"
    assert (options["device_id"], options["gpu_mem_limit"]) == ("1", "1073741824")
    assert options["arena_extend_strategy"] == "kSameAsRequested"
    assert "gpu_mem_limit" not in provider_options("cuda", GpuOptions())[0][1]


def test_tensorrt_caches_engines_and_timings_in_the_stated_folder_and_leaves_the_rest_to_cuda() -> None:
    first, second = provider_options("tensorrt", GpuOptions(cache_folder=Path("/cache/trt")))
    assert (first[0], second[0]) == ("TensorrtExecutionProvider", "CUDAExecutionProvider")
    assert first[1]["trt_engine_cache_path"] == first[1]["trt_timing_cache_path"] == "/cache/trt"
    assert "trt_engine_cache_enable" not in provider_options("tensorrt", GpuOptions())[0][1]


def test_tensorrt_is_told_the_shapes_of_a_model() -> None:
    profile = {"trt_profile_max_shapes": "target:8x3x128x128"}
    first, second = provider_options("tensorrt", GpuOptions(profile=profile))
    assert first[1]["trt_profile_max_shapes"] == "target:8x3x128x128"
    assert "trt_profile_max_shapes" not in second[1]


@pytest.mark.parametrize(
    ("provider", "name", "given"),
    [
        ("coreml", "CoreMLExecutionProvider", {"ModelFormat": "MLProgram", "ModelCacheDirectory": "/cache"}),
        ("migraphx", "MIGraphXExecutionProvider", {"device_id": "0", "migraphx_model_cache_dir": "/cache"}),
        ("openvino", "OpenVINOExecutionProvider", {"device_type": "GPU.1", "cache_dir": "/cache"}),
        ("directml", "DmlExecutionProvider", {"device_id": "0"}),
    ],
)
def test_other_makers_providers_are_asked_for_alone_and_by_their_own_options(
    provider: Provider, name: str, given: dict[str, str]
) -> None:
    options = GpuOptions(cache_folder=Path("/cache"), openvino_device="GPU.1")
    ((asked, said),) = provider_options(provider, options)
    assert asked == name
    assert given.items() <= said.items()
    assert libraries(provider) == []
    assert why_not_started(provider).startswith("Check that ") or "rocminfo" in why_not_started(provider)


@pytest.mark.parametrize("provider", get_args(Provider))
def test_every_provider_has_a_name_and_a_way_to_get_it(provider: Provider) -> None:
    assert ORT_NAMES[provider].endswith("ExecutionProvider")
    assert HOW_TO_INSTALL[provider].startswith("install ")
    assert provider in get_args(Settings.model_fields["provider"].annotation)


def test_the_cpu_needs_no_library() -> None:
    assert libraries("cpu") == []


def test_a_library_is_found_where_the_loader_finds_it() -> None:
    found = _loaded_from("libc.so.6")
    assert found is not None
    assert found.is_file()
    assert _loaded_from("libnone.so.7") is None


@NO_GPU
@pytest.mark.parametrize("provider", ["cuda", "tensorrt"])
def test_without_a_driver_that_is_what_is_named(provider: str) -> None:
    sentence = why_not_started(provider)  # type: ignore[arg-type] # a Provider
    assert sentence.startswith(f"{DRIVER} is missing: install the NVIDIA driver")
    assert all(library.fix for library in libraries("tensorrt"))


def test_two_distributions_of_onnx_runtime_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (installed,) = runtime_distributions()
    other = "onnxruntime-gpu" if installed.startswith("onnxruntime ") else "onnxruntime"
    folder = tmp_path / f"{other.replace('-', '_')}-1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {other}\nVersion: 1.0\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ProviderUnavailable, match="installed over one another") as caught:
        open_session(embedded_path(DETECTION_BACK))
    assert installed in str(caught.value)
    assert f"{other} 1.0" in str(caught.value)

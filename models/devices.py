"""Execution providers of ONNX Runtime: what each is asked for, and what is missing when one fails."""

import ctypes
import re
import sys
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout, suppress
from dataclasses import dataclass, field
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, Literal

import onnxruntime as ort

Provider = Literal["cpu", "cuda", "tensorrt", "coreml", "migraphx", "openvino", "directml"]
ProviderOptions = list[tuple[str, dict[str, str]]]

ORT_NAMES: Final[Mapping[Provider, str]] = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "tensorrt": "TensorrtExecutionProvider",
    "coreml": "CoreMLExecutionProvider",
    "migraphx": "MIGraphXExecutionProvider",
    "openvino": "OpenVINOExecutionProvider",
    "directml": "DmlExecutionProvider",
}
ON_CUDA: Final = frozenset({"cuda", "tensorrt"})
KEEP_WHAT_THEY_BUILD: Final = frozenset({"tensorrt", "coreml", "migraphx", "openvino"})
_GPU_LOCK: Final = "requirements/gpu.txt"  # never by the project's name: no index has a package of it
# What to do where the installed ONNX Runtime was built without a provider.
HOW_TO_INSTALL: Final[Mapping[Provider, str]] = {
    "cpu": "install onnxruntime",
    "cuda": f"install {_GPU_LOCK} in place of requirements/cpu.txt",
    "tensorrt": f"install {_GPU_LOCK} in place of requirements/cpu.txt",
    "coreml": "install onnxruntime on a Mac, where it has Core ML",
    "migraphx": "install onnxruntime-migraphx in place of onnxruntime, on Linux with ROCm",
    "openvino": "install onnxruntime-openvino in place of onnxruntime",
    "directml": "install onnxruntime-directml in place of onnxruntime, on Windows",
}
# What to look at where it is built in and did not start.
_WHAT_TO_CHECK: Final[Mapping[str, str]] = {
    "coreml": "Check that this is macOS 12 or newer.",
    "migraphx": "Check that `rocminfo` shows the GPU, and that this user may open /dev/kfd and /dev/dri.",
    "openvino": "Check that the driver of the Intel GPU is installed and that this user may open /dev/dri; "
    "SWAPDROP_OPENVINO_DEVICE=CPU needs neither.",
    "directml": "Check that this is Windows 10 or newer with a DirectX 12 driver.",
}
DRIVER: Final = "libcuda.so.1"

# These share one package folder, so that the last one installed overwrites the others.
_DISTRIBUTIONS: Final = (
    "onnxruntime",
    "onnxruntime-gpu",
    "onnxruntime-openvino",
    "onnxruntime-directml",
    "onnxruntime-migraphx",
    "onnxruntime-rocm",
)
_USUAL_CUDA: Final = "13"
_TENSORRT: Final = ("libnvinfer.so.10", "libnvinfer_plugin.so.10", "libnvonnxparser.so.10")
_NOT_FOUND: Final = re.compile(r"^(\S+): cannot open shared object file")


@dataclass(frozen=True, kw_only=True)
class GpuOptions:
    """How sessions use a GPU.

    `memory_limit_bytes` bounds what the allocator of one session takes (None: all there is); the workspaces
    of cuDNN come out of it, the CUDA context (about 0.5 GB) does not. Providers that build before they run
    keep what they built in `cache_folder`, or build at every start without one. `openvino_device` is the
    device's name to OpenVINO, `profile` what TensorRT is told of one model's shapes.
    """

    device_id: int = 0
    memory_limit_bytes: int | None = None
    cache_folder: Path | None = None
    openvino_device: str = "GPU"
    profile: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Library:
    """A shared library that a GPU provider needs; `path` is None where the loader does not find it."""

    name: str
    path: Path | None
    fix: str


@dataclass(frozen=True, kw_only=True)
class Gpu:
    """A GPU as its driver describes it."""

    name: str
    memory_bytes: int


def provider_options(provider: Provider, gpu: GpuOptions) -> ProviderOptions:
    """What ONNX Runtime is given for `provider`; what TensorRT cannot do runs on CUDA, and so on the CPU."""
    makers: Mapping[Provider, Callable[[GpuOptions], dict[str, str]]] = {
        "cpu": lambda _gpu: {},
        "cuda": _cuda_options,
        "tensorrt": _tensorrt_options,
        "coreml": _coreml_options,
        "migraphx": _migraphx_options,
        "openvino": _openvino_options,
        "directml": lambda gpu: {"device_id": str(gpu.device_id)},
    }
    first = (ORT_NAMES[provider], makers[provider](gpu))
    return [first, (ORT_NAMES["cuda"], _cuda_options(gpu))] if provider == "tensorrt" else [first]


def load_libraries(provider: Provider) -> None:
    """Load the CUDA libraries that come as Python packages, where the system's loader does not look."""
    if provider not in ON_CUDA:
        return
    with redirect_stdout(sys.stderr):  # it prints what it does not find
        ort.preload_dlls()
    if provider == "tensorrt":
        for name in _TENSORRT:
            with suppress(OSError):
                ctypes.CDLL(str(_package_folder("tensorrt_libs") / name))


def libraries(provider: Provider) -> list[Library]:
    """Every library of CUDA that `provider` needs, and where it was found; loads them into this process."""
    if provider not in ON_CUDA:
        return []
    load_libraries(provider)
    return [Library(name=name, path=_loaded_from(name), fix=_fix(name)) for name in _needed(provider)]


def why_not_started(provider: Provider) -> str:
    """One sentence: the library without which `provider` cannot start and how to get it."""
    if provider in _WHAT_TO_CHECK:
        return _WHAT_TO_CHECK[provider]
    missing = next((library for library in libraries(provider) if library.path is None), None)
    if missing is not None:
        return f"{missing.name} is missing: {missing.fix}."
    named = _missing_by_the_provider(provider)
    if named is not None:
        return f"{named} is missing: {_fix(named)}."
    if not gpus():
        return "The driver shows no GPU: check `nvidia-smi`, or start the container with `--gpus all`."
    return "All its libraries are there: check that the driver is new enough for them."


def gpus() -> list[Gpu]:
    """The GPUs that the driver shows to this process; none where there is no driver."""
    try:
        driver = ctypes.CDLL(DRIVER)
    except OSError:
        return []
    count = ctypes.c_int()
    if driver.cuInit(0) != 0 or driver.cuDeviceGetCount(ctypes.byref(count)) != 0:
        return []
    return [_describe(driver, number) for number in range(count.value)]


def runtime_distributions() -> list[str]:
    """`name version` of each installed ONNX Runtime; more than one is a broken installation."""
    found = []
    for name in _DISTRIBUTIONS:
        with suppress(metadata.PackageNotFoundError):
            found.append(f"{name} {metadata.version(name)}")
    return found


def available_providers() -> tuple[str, ...]:
    """The execution providers that the installed ONNX Runtime was built with, by its own names."""
    return tuple(ort.get_available_providers())


def has_gpu_build() -> bool:
    """Whether the installed ONNX Runtime was built for CUDA."""
    return bool(_cuda_version())


def _cuda_version() -> str:
    return getattr(ort, "cuda_version", None) or ""


def _cuda_options(gpu: GpuOptions) -> dict[str, str]:
    options = {
        "device_id": str(gpu.device_id),
        # Doubling the arena at every growth wastes up to half of the memory that other sessions need.
        "arena_extend_strategy": "kSameAsRequested",
        # Trying every algorithm for every new shape takes seconds, and targets come in many shapes.
        "cudnn_conv_algo_search": "HEURISTIC",
    }
    if gpu.memory_limit_bytes is not None:
        options["gpu_mem_limit"] = str(gpu.memory_limit_bytes)
    return options


def _tensorrt_options(gpu: GpuOptions) -> dict[str, str]:
    options = {"device_id": str(gpu.device_id), **gpu.profile}
    if gpu.memory_limit_bytes is not None:
        options["trt_max_workspace_size"] = str(gpu.memory_limit_bytes)
    if gpu.cache_folder is not None:
        folder = str(gpu.cache_folder)
        options |= {
            "trt_engine_cache_enable": "True",
            "trt_engine_cache_path": folder,
            "trt_timing_cache_enable": "True",
            "trt_timing_cache_path": folder,
        }
    return options


# The names below are those of ONNX Runtime's pages on each execution provider.
def _coreml_options(gpu: GpuOptions) -> dict[str, str]:
    options = {"ModelFormat": "MLProgram", "MLComputeUnits": "ALL"}
    return options if gpu.cache_folder is None else {**options, "ModelCacheDirectory": str(gpu.cache_folder)}


def _migraphx_options(gpu: GpuOptions) -> dict[str, str]:
    options = {"device_id": str(gpu.device_id)}
    if gpu.cache_folder is None:
        return options
    return {**options, "migraphx_model_cache_dir": str(gpu.cache_folder)}


def _openvino_options(gpu: GpuOptions) -> dict[str, str]:
    options = {"device_type": gpu.openvino_device}
    return options if gpu.cache_folder is None else {**options, "cache_dir": str(gpu.cache_folder)}


def _needed(provider: Provider) -> list[str]:
    cuda = (_cuda_version() or _USUAL_CUDA).partition(".")[0]
    names = [
        DRIVER,
        f"libcudart.so.{cuda}",
        f"libcublasLt.so.{cuda}",
        f"libcublas.so.{cuda}",
        "libcudnn.so.9",
    ]
    return [*names, *_TENSORRT] if provider == "tensorrt" else names


def _fix(library: str) -> str:
    if library == DRIVER:
        return "install the NVIDIA driver, or start the container with `--gpus all`"
    if library.startswith("libnv") and "nvrtc" not in library:
        return "install TensorRT 10, or set SWAPDROP_PROVIDER=cuda"
    return f"install {_GPU_LOCK}, whose packages bring CUDA and cuDNN"


def _package_folder(package: str) -> Path:
    found = find_spec(package)
    return Path(next(iter(found.submodule_search_locations or []), "")) if found else Path()


def _loaded_from(name: str) -> Path | None:
    """Where the loader takes a library from; loads it."""
    try:
        ctypes.CDLL(name)
    except OSError:
        return None
    stem = name.partition(".so")[0]  # the file may carry a fuller version than the name it is asked for by
    for line in Path("/proc/self/maps").read_text().splitlines():
        path = Path(line.split(maxsplit=5)[-1])
        if path.name.startswith(f"{stem}.so"):
            return path
    return Path(name)


def _missing_by_the_provider(provider: Provider) -> str | None:
    """The library that the dynamic loader names when it refuses the provider's own one."""
    folder = _package_folder("onnxruntime") / "capi"
    try:
        ctypes.CDLL(str(folder / "libonnxruntime_providers_shared.so"), mode=ctypes.RTLD_GLOBAL)
        ctypes.CDLL(str(folder / f"libonnxruntime_providers_{provider}.so"))
    except OSError as error:
        found = _NOT_FOUND.match(str(error))
        return Path(found.group(1)).name if found else None
    return None


def _describe(driver: Any, number: int) -> Gpu:  # noqa: ANN401 - ctypes makes a library's functions at run time
    device, memory, name = ctypes.c_int(), ctypes.c_size_t(), ctypes.create_string_buffer(256)
    driver.cuDeviceGet(ctypes.byref(device), number)
    driver.cuDeviceGetName(name, len(name), device)
    driver.cuDeviceTotalMem_v2(ctypes.byref(memory), device)
    return Gpu(name=name.value.decode(), memory_bytes=memory.value)

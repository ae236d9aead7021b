"""Opening ONNX Runtime sessions on a stated execution provider.

ONNX Runtime falls back to the CPU without a word when a provider cannot start; here the provider is
read back from the opened session, and a fallback is an error.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from onnxruntime.capi import onnxruntime_pybind11_state as ort_errors

from models.devices import (
    HOW_TO_INSTALL,
    KEEP_WHAT_THEY_BUILD,
    ON_CUDA,
    ORT_NAMES,
    GpuOptions,
    Provider,
    has_gpu_build,
    load_libraries,
    provider_options,
    runtime_distributions,
    why_not_started,
)
from models.errors import DeviceLost, DeviceOutOfMemory, ModelUnavailable, ProviderUnavailable
from models.tensorrt import FreeSides, profile_options

Tensor = NDArray[Any]
Feed = Mapping[str, Tensor]

_ERRORS_ONLY: Final = 3
_DTYPES: Final[Mapping[str, type[np.generic]]] = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(double)": np.float64,
    "tensor(uint8)": np.uint8,
    "tensor(int8)": np.int8,
    "tensor(int32)": np.int32,
    "tensor(int64)": np.int64,
    "tensor(bool)": np.bool_,
}

# ONNX Runtime has no exception types for these; the words are those of its allocators and of CUDA,
# cuDNN and cuBLAS, in lower case.
_OUT_OF_MEMORY: Final = (
    "failed to allocate memory",
    "is smaller than requested bytes",
    "out of memory",
    "bad_alloc",
    "bad allocation",
    "alloc_failed",
)
_DEVICE_LOST: Final = (
    "cuda failure 700",
    "illegal memory access",
    "cuda failure 719",
    "unspecified launch failure",
    "cuda failure 214",
    "uncorrectable ecc",
    "device-side assert",
    "no cuda-capable device",
    "device lost",
    "device removed",
)


@dataclass(frozen=True, kw_only=True)
class TensorInfo:
    """One input or output of a model; a side that may vary is None."""

    name: str
    shape: tuple[int | None, ...]
    dtype: np.dtype[Any]


class Session:
    """One opened model.

    `name` is its file's name, `inputs` and `outputs` are in the file's order, `provider` is ONNX Runtime's
    name of the provider that really runs it.
    """

    def __init__(self, session: ort.InferenceSession, *, name: str, gpu: GpuOptions | None = None) -> None:
        self.name = name
        self.provider: str = session.get_providers()[0]
        self.inputs = tuple(map(_tensor_info, session.get_inputs()))
        self.outputs = tuple(map(_tensor_info, session.get_outputs()))
        self._session = session
        self._gpu = gpu or GpuOptions()

    def run(self, value: Tensor | Feed) -> Sequence[Tensor]:
        """Run the model and return all its outputs, in the file's order.

        `value` is an array per input name, or the array of the first input where there is only one.

        Raises:
            DeviceOutOfMemory: the provider could not get the memory it needs.
            DeviceLost: the device no longer works.
        """
        feed = value if isinstance(value, Mapping) else {self.inputs[0].name: value}
        try:
            outputs: Sequence[Tensor] = self._session.run(None, feed)
        except Exception as error:
            raise device_error(error) from error
        return outputs

    def warm_up(self, shapes: Mapping[str, tuple[int, ...]] | None = None) -> None:
        """Run once on zeros, so that the first job does not pay for what is made on a first run.

        `shapes` gives the shape of inputs by name; without it a side that may vary is taken as 1.
        Raises as `run`.
        """
        given = shapes or {}
        self.run(
            {
                tensor.name: np.zeros(
                    given.get(tensor.name, tuple(side or 1 for side in tensor.shape)), tensor.dtype
                )
                for tensor in self.inputs
            }
        )

    def bind(self, shapes: Mapping[str, tuple[int, ...]] | None = None) -> "BoundSession":
        """Keep buffers on the device for many runs of the same shapes (given as to `warm_up`)."""
        return BoundSession(self, self._session, self._gpu, shapes or {})


class BoundSession:
    """A session with its inputs' buffers on the device: nothing is allocated there from run to run."""

    def __init__(
        self,
        session: Session,
        raw: ort.InferenceSession,
        gpu: GpuOptions,
        shapes: Mapping[str, tuple[int, ...]],
    ) -> None:
        on_cuda = session.provider in {ORT_NAMES["cuda"], ORT_NAMES["tensorrt"]}
        place = ("cuda", gpu.device_id) if on_cuda else ("cpu", 0)  # the others copy by themselves
        self._raw = raw
        self._binding = raw.io_binding()
        self._buffers: dict[str, Any] = {}
        try:
            for tensor in session.inputs:
                shape = shapes.get(tensor.name, tuple(side or 1 for side in tensor.shape))
                buffer = ort.OrtValue.ortvalue_from_shape_and_type(shape, tensor.dtype, *place)
                self._binding.bind_ortvalue_input(tensor.name, buffer)
                self._buffers[tensor.name] = buffer
        except Exception as error:
            raise device_error(error) from error
        for tensor in session.outputs:
            self._binding.bind_output(tensor.name, *place)

    def run(self, feed: Feed) -> Sequence[Tensor]:
        """Run on an array per input name, of the bound shapes, and return copies of all outputs.

        Inputs that are left out keep the values of the run before. Raises as `Session.run`.
        """
        try:
            for name, value in feed.items():
                self._buffers[name].update_inplace(np.ascontiguousarray(value))
            self._raw.run_with_iobinding(self._binding)
            outputs: Sequence[Tensor] = self._binding.copy_outputs_to_cpu()
        except Exception as error:
            raise device_error(error) from error
        return outputs


def open_session(
    model: Path | bytes,
    *,
    name: str | None = None,
    provider: Provider = "cpu",
    threads: int = 1,
    gpu: GpuOptions | None = None,
    free: FreeSides | None = None,
) -> Session:
    """Open a model file, or a model in memory called `name`, on `provider`.

    `threads` counts the CPU threads inside an operator. They do not spin while they wait: several spinning
    sessions slow one another about threefold. `gpu` says how a GPU is used, `free` what sides that may vary
    will be: TensorRT builds for all of them at once.

    Raises:
        ModelUnavailable: there is no such file, or it is not an ONNX model.
        ProviderUnavailable: the provider is not installed, or did not start; says what is missing.
        DeviceOutOfMemory: the model does not fit into the device's memory.
    """
    name = name or (model.name if isinstance(model, Path) else "the model in memory")
    wanted = ORT_NAMES[provider]
    if isinstance(model, Path) and not model.is_file():
        raise ModelUnavailable(f"The model file {name} is missing.")
    load_libraries(provider)
    _check_runtime(name, provider)
    gpu = gpu or GpuOptions()
    profile = _profile(model, name, free or FreeSides()) if provider == "tensorrt" else {}
    session = _load(model, name, provider, threads, replace(gpu, profile=profile))
    running = session.get_providers()[0]
    if running != wanted:
        raise ProviderUnavailable(
            f"{name} should run on {provider}, but {wanted} did not start and ONNX Runtime chose "
            f"{running}. {why_not_started(provider)}"
        )
    return Session(session, name=name, gpu=gpu)


def device_error(error: Exception) -> Exception:
    """Return our error for an ONNX Runtime error that means a full or lost device, else `error` itself."""
    text = str(error).lower()
    if isinstance(error, MemoryError) or any(words in text for words in _OUT_OF_MEMORY):
        return DeviceOutOfMemory()
    if isinstance(error, ort_errors.DeviceReset) or any(words in text for words in _DEVICE_LOST):
        return DeviceLost()
    return error


def _check_runtime(name: str, provider: Provider) -> None:
    installed = runtime_distributions()
    if len(installed) > 1:
        raise ProviderUnavailable(
            f"{' and '.join(installed)} are installed over one another; uninstall them all, then install "
            "swapdrop with one extra: cpu, gpu, openvino or directml."
        )
    if ORT_NAMES[provider] not in ort.get_available_providers():
        on_cuda = provider in ON_CUDA and has_gpu_build()
        fix = why_not_started(provider) if on_cuda else f"To get it, {HOW_TO_INSTALL[provider]}."
        raise ProviderUnavailable(
            f"{name} should run on {provider}, but this ONNX Runtime has no {ORT_NAMES[provider]}. {fix}"
        )


def _load(
    model: Path | bytes,
    name: str,
    provider: Provider,
    threads: int,
    gpu: GpuOptions,
    *,
    optimised: bool = True,
) -> ort.InferenceSession:
    options: Any = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = _ERRORS_ONLY
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    if not optimised:
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    if provider == "directml":  # which can do neither (ONNX Runtime, "DirectML Execution Provider")
        options.enable_mem_pattern = False
        options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    source = model if isinstance(model, bytes) else str(model)
    if provider in KEEP_WHAT_THEY_BUILD and gpu.cache_folder is not None:
        gpu.cache_folder.mkdir(parents=True, exist_ok=True)
    try:
        # With its own fallback ONNX Runtime prints a failure and goes on with the CPU.
        return ort.InferenceSession(
            source, options, providers=provider_options(provider, gpu), enable_fallback=0
        )
    except (
        ort_errors.InvalidProtobuf,
        ort_errors.InvalidGraph,
        ort_errors.InvalidArgument,
        ort_errors.NoModel,
        ort_errors.NotImplemented,
    ) as error:
        raise ModelUnavailable(f"The model file {name} is damaged or is not an ONNX model.") from error
    except Exception as error:
        found = device_error(error)
        if provider != "cpu" and found is error:
            raise ProviderUnavailable(
                f"{name} could not be opened on {provider}. {why_not_started(provider)}"
            ) from error
        raise found from error


def _profile(model: Path | bytes, name: str, free: FreeSides) -> Mapping[str, str]:
    """TensorRT's options for the shapes of a model, which has to be opened to be asked for its inputs."""
    session = _load(model, name, "cpu", 1, GpuOptions(), optimised=False)
    tensors = map(_tensor_info, session.get_inputs())
    return profile_options({tensor.name: tensor.shape for tensor in tensors}, free)


def _tensor_info(node: Any) -> TensorInfo:  # noqa: ANN401 - onnxruntime ships no types
    shape = tuple(side if isinstance(side, int) and side > 0 else None for side in node.shape)
    return TensorInfo(name=node.name, shape=shape, dtype=np.dtype(_DTYPES[node.type]))

"""Opening ONNX Runtime sessions on a stated execution provider.

ONNX Runtime falls back to the CPU without a word when a provider cannot start; here the provider is
read back from the opened session, and a fallback is an error.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from onnxruntime.capi import onnxruntime_pybind11_state as ort_errors

from models.errors import DeviceLost, DeviceOutOfMemory, ModelUnavailable, ProviderUnavailable

Provider = Literal["cpu", "cuda"]

_ORT_NAMES: Final[Mapping[str, str]] = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}
_ERRORS_ONLY: Final = 3

# ONNX Runtime has no exception types for these; the words are those of its allocators and of CUDA,
# cuDNN and cuBLAS, in lower case.
_OUT_OF_MEMORY: Final = (
    "failed to allocate memory",
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


class Session:
    """One opened model: `provider` is the one that really runs it, `name` its file's name."""

    def __init__(self, session: ort.InferenceSession, *, name: str, provider: Provider) -> None:
        self.name = name
        self.provider: Provider = provider
        self.input_name: str = session.get_inputs()[0].name
        self._session = session

    def run(self, value: NDArray[np.float32]) -> Sequence[NDArray[np.float32]]:
        """Run the model on its one input and return all its outputs, in the file's order.

        Raises:
            DeviceOutOfMemory: the provider could not get the memory it needs.
            DeviceLost: the device no longer works.
        """
        try:
            outputs: Sequence[NDArray[np.float32]] = self._session.run(None, {self.input_name: value})
        except Exception as error:
            raise device_error(error) from error
        return outputs


def open_session(path: Path, *, provider: Provider = "cpu", threads: int = 1) -> Session:
    """Open the model at `path` on `provider` with `threads` threads inside an operator.

    Threads do not spin while they wait: several spinning sessions slow one another about threefold.

    Raises:
        ModelUnavailable: there is no such file, or it is not an ONNX model.
        ProviderUnavailable: the provider is not installed, or did not start.
    """
    wanted = _ORT_NAMES[provider]
    if wanted not in ort.get_available_providers():
        raise ProviderUnavailable(
            f"{path.name} should run on {provider}, but this ONNX Runtime has no {wanted}; "
            "install the package that has it."
        )
    if not path.is_file():
        raise ModelUnavailable(f"The model file {path.name} is missing.")
    session = _load(path, wanted, threads)
    running = session.get_providers()[0]
    if running != wanted:
        raise ProviderUnavailable(
            f"{path.name} should run on {provider}, but {wanted} did not start and ONNX Runtime chose "
            f"{running}; check the driver and the CUDA and cuDNN libraries."
        )
    return Session(session, name=path.name, provider=provider)


def device_error(error: Exception) -> Exception:
    """Return our error for an ONNX Runtime error that means a full or lost device, else `error` itself."""
    text = str(error).lower()
    if isinstance(error, MemoryError) or any(words in text for words in _OUT_OF_MEMORY):
        return DeviceOutOfMemory()
    if isinstance(error, ort_errors.DeviceReset) or any(words in text for words in _DEVICE_LOST):
        return DeviceLost()
    return error


def _load(path: Path, wanted: str, threads: int) -> ort.InferenceSession:
    options: Any = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = _ERRORS_ONLY
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return ort.InferenceSession(str(path), options, providers=[wanted])
    except (
        ort_errors.InvalidProtobuf,
        ort_errors.InvalidGraph,
        ort_errors.InvalidArgument,
        ort_errors.NoModel,
        ort_errors.NotImplemented,
    ) as error:
        raise ModelUnavailable(f"The model file {path.name} is damaged or is not an ONNX model.") from error
    except Exception as error:
        raise device_error(error) from error

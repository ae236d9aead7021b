"""Shapes that TensorRT builds an engine for: without them it builds anew for every larger one it meets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

_SMALLEST, _USUAL, _LARGEST = "min", "opt", "max"
_OPTION: Final = "trt_profile_{}_shapes"  # ONNX Runtime, "TensorRT Execution Provider", explicit shape range


@dataclass(frozen=True, kw_only=True)
class FreeSides:
    """What the sides of a model's inputs that may vary will be; by default one at a time of a fixed size."""

    #: The most that the first side, which counts pictures, will be.
    batch: int = 1
    #: What every other side will be: all its values.
    others: Sequence[int] = ()


def profile_options(inputs: Mapping[str, Sequence[int | None]], free: FreeSides) -> Mapping[str, str]:
    """The provider's options for inputs by name, a side that may vary being None.

    Empty where no side may vary, and where one may of which `free` says nothing: TensorRT takes ranges for
    all of them or for none.
    """
    varying = [shape for shape in inputs.values() if None in shape]
    if not varying or (any(None in shape[1:] for shape in varying) and not free.others):
        return {}
    others = sorted(free.others) or [0]
    ranges = {
        _SMALLEST: (1, others[0]),
        _USUAL: (free.batch, others[len(others) // 2]),
        _LARGEST: (free.batch, others[-1]),
    }
    return {
        _OPTION.format(which): ",".join(
            f"{name}:{_shape(shape, first, other)}" for name, shape in inputs.items() if None in shape
        )
        for which, (first, other) in ranges.items()
    }


def _shape(shape: Sequence[int | None], first: int, other: int) -> str:
    sides = [side or (other if axis else first) for axis, side in enumerate(shape)]
    return "x".join(map(str, sides))

"""From a source's ArcFace embedding to the `source` input of a swap network."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import numpy as np

from models.catalogue import EngineSpec
from models.devices import GpuOptions, Provider
from models.session import Session, open_session
from pipeline.engines.inswapper.graph import read_emap
from pipeline.face import Array

ToLatent = Callable[[Array], Array]  # (512,) as ArcFace gives it to (1, n), both float32

_LEAST_LENGTH: Final = 1e-6
_LEAN: Final = 0.35  # share of the target's embedding at either end; the range of FaceFusion's swapper weight


def open_converter(
    files: Mapping[str, Path],
    spec: EngineSpec,
    *,
    provider: Provider,
    threads: int,
    gpu: GpuOptions | None = None,
) -> ToLatent:
    """What the catalogue's `embedding` of a swapper stands for; opens the role `converter` where named."""
    if spec.embedding == "emap":
        emap = read_emap(files["swapper"])
        return lambda embedding: unit(unit(embedding) @ emap)[None]
    if spec.embedding == "unit":
        return lambda embedding: unit(embedding)[None]
    if spec.embedding == "raw":
        return lambda embedding: embedding[None]
    network = open_session(files["converter"], provider=provider, threads=threads, gpu=gpu)
    if spec.embedding == "converted":
        return lambda embedding: _run(network, embedding)[None]
    return lambda embedding: unit(_run(network, embedding))[None]


def at_strength(source: Array, target: Array, strength: float) -> Array:
    """A source's embedding (512,) drawn towards the target's, or away from it, at its own length.

    `strength` is 0 to 1: at 0.5 it is the source's own, below that closer to the target's, above less like
    it.
    """
    share = _LEAN * (1 - 2 * strength)
    direction = (1 - share) * unit(source) + share * unit(target)
    return unit(direction) * np.float32(np.linalg.norm(source))


def unit(vector: Array) -> Array:
    """A vector (n,) at length 1."""
    return np.asarray(vector / max(float(np.linalg.norm(vector)), _LEAST_LENGTH), np.float32)


def _run(network: Session, embedding: Array) -> Array:
    return np.asarray(network.run(embedding[None])[0], np.float32).ravel()

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


def unit(vector: Array) -> Array:
    """A vector (n,) at length 1."""
    return np.asarray(vector / max(float(np.linalg.norm(vector)), _LEAST_LENGTH), np.float32)


def _run(network: Session, embedding: Array) -> Array:
    return np.asarray(network.run(embedding[None])[0], np.float32).ravel()

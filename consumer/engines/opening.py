"""How engines are opened once their files were found: here, and again in other processes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from models.catalogue import EngineSpec
from models.errors import ModelUnavailable
from pipeline.blend.enhance import Enhancer
from pipeline.blend.hands import HandKeeper
from pipeline.blend.occlusion import OnnxOccluder
from pipeline.engines.base import AnyEngine
from pipeline.engines.mesh.engine import open_mesh_engine
from pipeline.swap.swapper import Swapper

T_co = TypeVar("T_co", covariant=True)


class Opener(Protocol[T_co]):
    """Opens something on the device's thread; it can be pickled and called in another process."""

    def __call__(self, *, threads: int | None = None) -> T_co:
        """Open it, with so many CPU threads a large network; None is as many as the settings say."""
        ...


@dataclass(frozen=True, kw_only=True)
class Opening(Generic[T_co]):
    """An opener; `occluder`, if there is one, is opened with it and given to it."""

    how: Callable[..., T_co]
    threads: int
    occluder: Opener[OnnxOccluder] | None = None

    def __call__(self, *, threads: int | None = None) -> T_co:
        """Open it; see `Opener`."""
        threads = threads or self.threads
        beside = {} if self.occluder is None else {"occluder": self.occluder(threads=threads)}
        return self.how(threads=threads, **beside)


@dataclass(frozen=True, kw_only=True, eq=False)
class EngineHandle(Generic[T_co]):
    """Something whose files are here and verified, in `folder`.

    `models` maps each file's name to `sha256:<hex>`. A `fallback` stands in for a better one whose files
    are not here.
    """

    name: str
    folder: Path
    models: Mapping[str, str]
    open: Opener[T_co]
    fallback: bool = False


@dataclass(frozen=True, kw_only=True)
class SwapperOpening:
    """What opens an engine and the enhancer that goes with it, once more.

    `hands` is what keeps hands before faces, where anything does.
    """

    engine: Opener[AnyEngine]
    enhancer: Opener[Enhancer] | None
    hands: HandKeeper | None

    def open(self, *, threads: int) -> tuple[AnyEngine, Swapper]:
        """Open them on the thread that is to use them; raises ModelUnavailable, ProviderUnavailable."""
        engine = self.engine(threads=threads)
        enhancer = None if self.enhancer is None else self.enhancer(threads=threads)
        return engine, Swapper(engine, enhancer=enhancer, hands=self.hands)


def open_mesh(*, threads: int, occluder: OnnxOccluder | None = None) -> AnyEngine:
    """Open the mesh engine, whose networks are too small for `threads`."""
    del threads
    return open_mesh_engine(occluder=occluder)


def open_inswapper(files: Mapping[str, Path], spec: EngineSpec, **how: Any) -> AnyEngine:  # noqa: ANN401 -- of several types
    """Open a swapper of the catalogue; see `open_inswapper_engine`."""
    from pipeline.engines.inswapper.engine import (  # noqa: PLC0415 -- mesh has no need of it
        open_inswapper_engine,
    )

    try:
        return open_inswapper_engine(files, spec, **how)
    except ModuleNotFoundError as error:
        raise ModelUnavailable(
            f"The engine {spec.name} needs the package {error.name}, which is not installed; "
            "install swapdrop again."
        ) from error

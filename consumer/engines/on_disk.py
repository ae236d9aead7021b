"""Which engines of the catalogue have all their files here, and what is said of those that do not."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from consumer.config.groups.models import AUTO, INSWAPPER, MESH
from models.catalogue import EngineSpec
from models.errors import ModelMissing, ModelUnavailable
from models.store.model_store import Found, ModelStore
from pipeline.errors import OptionUnavailable


class UnknownEngine(OptionUnavailable):
    """Nobody here has heard of an engine; `known` are the names that it could have had."""

    def __init__(self, name: str, known: Iterable[str]) -> None:
        super().__init__(f"There is no engine `{name}` here; known are {', '.join(known)}.")


class FilesMissing(ModelUnavailable):
    """Model files of `engine` are not here; `missing` says of each, by name, where it was looked for.

    `command` gets them, all that can be had.
    """

    def __init__(self, engine: str, missing: Mapping[str, ModelMissing]) -> None:
        self.missing = {name: error.where for name, error in missing.items()}
        pullable = [name for name, error in missing.items() if error.pullable]
        self.command = f"swapdrop models pull {engine if len(pullable) > 1 else ''.join(pullable)}"
        if len(pullable) < 2:  # noqa: PLR2004 -- its own sentence says it all
            sentences = [str(error) for error in missing.values()]
        else:
            names = f"{', '.join(pullable[:-1])} and {pullable[-1]}"
            sentences = [
                f"The engine {engine} lacks {names}; `{self.command}` gets them all.",
                *(str(error) for error in missing.values() if not error.pullable),
            ]
        super().__init__(" ".join(sentences))


@dataclass(frozen=True, kw_only=True)
class FoundEngine:
    """An engine whose files are here and verified; `files` are by role."""

    spec: EngineSpec
    files: Mapping[str, Found]

    @property
    def folder(self) -> Path:
        """Where the file lies that gives the engine its name."""
        return self.files[self.spec.kind].path.parent

    @property
    def paths(self) -> dict[str, Path]:
        """Its files by role."""
        return {role: found.path for role, found in self.files.items()}

    @property
    def models(self) -> dict[str, str]:
        """`sha256:<hex>` of each file by name."""
        return {found.file.name: f"sha256:{found.sha256}" for found in self.files.values()}


class EnginesOnDisk:
    """The engines of a model store's catalogue; looks at the disk with every call, safe on any thread.

    `enhancers` and `occluders` are the entries of these kinds, the best first.
    """

    def __init__(self, store: ModelStore) -> None:
        self._store = store
        specs = store.catalogue.engines.values()
        self.enhancers = [spec for spec in specs if spec.kind == "enhancer"]
        self.occluders = [spec for spec in specs if spec.kind == "occluder"]
        self._swappers = {spec.name: spec for spec in specs if spec.kind == "swapper"}
        self._inswappers = [spec for spec in self._swappers.values() if spec.name.startswith(INSWAPPER)]

    def swappers(self, name: str) -> Sequence[EngineSpec]:
        """The entries of swappers that a name stands for, the best first; raises UnknownEngine."""
        if name in {AUTO, INSWAPPER}:
            return self._inswappers
        if name not in self._swappers:
            raise UnknownEngine(name, (AUTO, MESH, INSWAPPER, *self._swappers))
        return [self._swappers[name]]

    def first(self, specs: Sequence[EngineSpec]) -> FoundEngine:
        """The first engine whose files are all here; raises FilesMissing with what the best one lacks."""
        for spec in specs:
            located = {role: self._store.locate(file.name) for role, file in spec.files.items()}
            found = {role: place for role, place in located.items() if isinstance(place, Found)}
            if len(found) == len(located):
                return FoundEngine(spec=spec, files=found)
        raise self._missing(specs[0])

    def first_swapper(self, specs: Sequence[EngineSpec]) -> FoundEngine:
        """Do the same for swappers; one of half precision has the other's file as `swapper_fp32`, if here."""
        engine = self.first(specs)
        precise = self._precise(engine.spec)
        if precise is None:
            return engine
        return FoundEngine(spec=engine.spec, files={**engine.files, "swapper_fp32": precise})

    def _precise(self, spec: EngineSpec) -> Found | None:
        """The full-precision file of a half-precision network, where both are here."""
        full = self._swappers.get(spec.name.removesuffix("_fp16"))
        if full is None or full is spec:
            return None
        located = self._store.locate(full.files["swapper"].name)
        return located if isinstance(located, Found) else None

    def _missing(self, spec: EngineSpec) -> FilesMissing:
        missing: dict[str, ModelMissing] = {}
        for file in spec.files.values():
            try:
                self._store.require(file.name)
            except ModelMissing as error:
                missing[file.name] = error
        return FilesMissing(spec.name, missing)

"""The engines that a consumer's jobs share: each is opened once, on the device's thread, when needed."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from consumer.config.groups.models import AUTO
from consumer.devices.worker import WorkerThread
from consumer.engines.on_disk import FilesMissing
from consumer.engines.opening import EngineHandle, Opener, SwapperOpening
from consumer.engines.registry import EngineRegistry
from models.errors import ModelError, ModelUnavailable, ProviderUnavailable
from pipeline.blend.enhance import Enhancer
from pipeline.engines.base import AnyEngine
from pipeline.errors import OptionUnavailable
from pipeline.swap.swapper import Swapper
from storage.records.manifest import Enhance

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.engines.base import EngineInfo

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, eq=False)
class LoadedEngine:
    """What a job works with; `enhancer_models` are the enhancer's files, `sha256:<hex>` by name.

    `opening` opens the same in another process.
    """

    engine: AnyEngine
    swapper: Swapper
    enhances: bool
    enhancer_models: Mapping[str, str]
    opening: SwapperOpening


class EnginePool:
    """Holds what was opened of a registry.

    `info` and `folder` tell of the engine that `auto` stands for; as long as there is none, `problem` says
    why and `missing` names the files with the places where they were looked for. What an operator should
    know goes to `log`, as an event with its fields. Raises ModelUnavailable where the settings ask for a
    content filter or for watermarks whose file is not here.
    """

    def __init__(
        self,
        registry: EngineRegistry,
        device: WorkerThread,
        *,
        log: Callable[..., object] = lambda _event, **_fields: None,
    ) -> None:
        self.info: EngineInfo | None = None
        self.folder: Path | None = None
        self.problem: str | None = "The engine is being opened."
        self.missing: Mapping[str, tuple[str, ...]] = {}
        self._registry = registry
        self._device = device
        self._minors = registry.minor_check()
        self._hands = registry.hand_keeper()
        #: What looks at the content of pictures; None where nothing does.
        self.content = registry.content_check()
        #: What hides ids in results; None where nothing does.
        self.watermarker = registry.watermarker()
        #: Who is never put in.
        self.protected = registry.protected_people()
        self._log = log
        self._engines: dict[str, AnyEngine] = {}
        self._enhancers: dict[str, Enhancer] = {}
        self._openers: dict[str, Opener[Any]] = {}
        self._loaded: dict[tuple[str, str | None], LoadedEngine] = {}
        self._names: dict[str, str] = {}
        self._settled = False
        self._lacks: str | None = None

    @property
    def settled(self) -> bool:
        """Whether `auto` stands for the engine that it should, not for another one in its place."""
        return self._settled

    @property
    def checks(self) -> frozenset[str]:
        """Which checks have something to look for, by their names in metrics and in the audit log."""
        on = {"content": self.content is not None, "minors": self._minors is not None}
        return frozenset(name for name, is_on in {**on, "denylist": self.protected.anybody}.items() if is_on)

    async def start(self) -> None:
        """Open the engine that `auto` stands for, if its files are here.

        Raises:
            ModelUnavailable: they are not, or one is damaged.
            ProviderUnavailable: the provider asked for does not work on this machine.
        """

        def find_and_open() -> tuple[EngineHandle[AnyEngine], AnyEngine]:
            ready = self._registry.find(AUTO)
            return ready, self._open(ready, self._engines)

        with self._noting():
            try:
                # In one go: the loop's thread is busy with imports at the start.
                self._put_up(*await self._device.run(find_and_open, long=True))
            except ModelUnavailable:
                # With no file to open, nothing else would tell that the provider does not work.
                await self._device.run(self._registry.check_provider, long=True)
                raise

    async def look(self) -> None:
        """Look again which engine `auto` stands for and open it; raises as `start`, less the provider."""
        with self._noting():
            ready = await asyncio.to_thread(self._registry.find, AUTO)
            self._put_up(ready, await self._opened(ready, self._engines))

    async def load(self, name: str, *, enhance: Enhance) -> LoadedEngine:
        """The swapper of an engine, with an enhancer if asked for; opened now if it is the first time.

        With `auto` one is there only if it can be.

        Raises:
            OptionUnavailable: there is no such engine, or no enhancer.
            ModelUnavailable: files of the engine are not here, or are not what they should be.
        """
        try:
            engine = self._names.get(name) or await self._open_engine(name)
            enhancer = await self._enhancer(enhance)
        except ProviderUnavailable as error:
            # One model failed: that must not end a consumer whose own engine works.
            raise ModelUnavailable(str(error)) from error
        key = (engine, enhancer.name if enhancer else None)
        if key not in self._loaded:
            restorer = self._enhancers[enhancer.name] if enhancer else None
            self._loaded[key] = LoadedEngine(
                engine=self._engines[engine],
                swapper=Swapper(
                    self._engines[engine],
                    enhancer=restorer,
                    minors=self._minors,
                    hands=self._hands,
                    content=self.content,
                    protected=self.protected,
                ),
                enhances=restorer is not None,
                enhancer_models=enhancer.models if enhancer else {},
                opening=SwapperOpening(
                    engine=self._openers[engine],
                    enhancer=self._openers[enhancer.name] if enhancer else None,
                    hands=self._hands,
                ),
            )
        return self._loaded[key]

    async def _open_engine(self, name: str) -> str:
        if name == AUTO:
            await self.look()
            return self._names[AUTO]
        ready = await asyncio.to_thread(self._registry.find, name)
        await self._opened(ready, self._engines)
        self._names[name] = ready.name
        return ready.name

    async def _enhancer(self, enhance: Enhance) -> EngineHandle[Enhancer] | None:
        if not enhance:
            return None
        try:
            return await self._open_enhancer()
        except (OptionUnavailable, ModelUnavailable, ProviderUnavailable) as error:
            if enhance is True:
                raise
            if str(error) != self._lacks:  # once, not with every job
                self._lacks = str(error)
                self._log("enhancer_unavailable", reason=str(error))
            return None

    async def _open_enhancer(self) -> EngineHandle[Enhancer]:
        ready = await asyncio.to_thread(self._registry.find_enhancer)
        await self._opened(ready, self._enhancers)
        return ready

    async def _opened(self, ready: EngineHandle[T], kept: dict[str, T]) -> T:
        if ready.name in kept:
            return kept[ready.name]
        return await self._device.run(partial(self._open, ready, kept), long=True)

    def _open(self, ready: EngineHandle[T], kept: dict[str, T]) -> T:
        """Open what is not open yet; only the device's thread asks this, so two jobs never open the same."""
        if ready.name not in kept:
            kept[ready.name] = ready.open()
            self._openers[ready.name] = ready.open
        return kept[ready.name]

    def _put_up(self, ready: EngineHandle[AnyEngine], engine: AnyEngine) -> None:
        info = engine.info
        if self._names.get(AUTO) != ready.name:
            self._log("engine_ready", engine=info.name, version=info.version, provider=info.provider)
        self._names[AUTO] = ready.name
        self.info, self.folder, self.problem, self.missing = info, ready.folder, None, {}
        self._settled = not ready.fallback

    @contextmanager
    def _noting(self) -> Iterator[None]:
        """Keep why there is no engine, for health."""
        try:
            yield
        except ModelError as error:
            if self.info is None:
                self.problem = str(error)
                self.missing = error.missing if isinstance(error, FilesMissing) else {}
            raise

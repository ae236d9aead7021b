"""Which engines there are as the settings say, and how each is opened."""

from collections.abc import Callable, Sequence
from functools import partial
from importlib import resources
from pathlib import Path
from typing import Final, Protocol, TypeVar

from consumer.config.groups.models import AUTO, MESH
from consumer.config.settings import Settings
from consumer.devices.cores import usable_cores
from consumer.engines.model_files import model_fetchers, open_model_store
from consumer.engines.on_disk import EnginesOnDisk, FilesMissing
from consumer.engines.opening import EngineHandle, Opening, open_inswapper, open_mesh
from models.catalogue import EngineSpec
from models.devices import GpuOptions
from models.embedded import DETECTION_BACK, ENGINE_FILES, HAND_FILES, embedded_path, embedded_weights
from models.errors import ModelMissing, ModelUnavailable
from models.session import open_session
from models.store.download import DownloadProgress
from models.store.fetch import Fetcher
from models.store.model_store import Found, ModelStore
from pipeline.blend.enhance import Enhancer, open_enhancer
from pipeline.blend.hands import HandKeeper
from pipeline.blend.occlusion import OnnxOccluder, open_occluder
from pipeline.content import ContentCheck, ContentModel
from pipeline.engines.base import AnyEngine
from pipeline.errors import EnhancerUnavailable
from pipeline.faces.age import open_age_model
from pipeline.faces.hands import open_hand_finder
from pipeline.swap.minors import MinorCheck
from pipeline.swap.protected import ProtectedPeople
from pipeline.watermark.embed import Watermarker
from pipeline.watermark.network import Encoder

T = TypeVar("T")

CONTENT_MODEL: Final = "open-nsfw.onnx"
WATERMARK_ENCODER: Final = "rivagan_encoder.onnx"
WATERMARK_DECODER: Final = "rivagan_decoder.onnx"
_EMBEDDED: Final = Path(str(resources.files("models.embedded")))


class EngineRegistry(Protocol):
    """Engines by name, as far as their files are here."""

    def find(self, name: str) -> EngineHandle[AnyEngine]:
        """The engine that a name stands for now; looks at the disk with every call.

        Raises:
            UnknownEngine: there is no such name.
            FilesMissing: its files are not here.
        """
        ...

    def find_enhancer(self) -> EngineHandle[Enhancer]:
        """The best enhancer whose files are here; raises EnhancerUnavailable."""
        ...

    def minor_check(self) -> MinorCheck | None:
        """What looks for minors, of which nothing is open yet; None where the settings want none."""
        ...

    def hand_keeper(self) -> HandKeeper | None:
        """What keeps hands before faces, of which nothing is open yet; None where something else does."""
        ...

    def protected_people(self) -> ProtectedPeople:
        """What looks for people who are never put in: nobody yet, and nothing is open."""
        ...

    def content_check(self) -> ContentCheck | None:
        """What looks at the content of pictures, nothing of it open yet; None where nothing shall or can.

        Raises:
            ModelUnavailable: the settings ask for it, and its file is not here.
        """
        ...

    def watermarker(self) -> Watermarker | None:
        """What hides ids in results, of which nothing is open yet; None where nothing shall or can.

        Raises:
            ModelUnavailable: the settings ask for it, and its file is not here.
        """
        ...

    def check_provider(self) -> None:
        """Prove that the provider asked for works here, without any file; raises ProviderUnavailable."""
        ...

    def pull(self, progress: DownloadProgress) -> None:
        """Download what the engine in the settings lacks, if that is allowed; blocks.

        Raises:
            ModelUnavailable: a file could not be had; says why.
        """
        ...


class CatalogueRegistry:
    """The engines of one set of settings; safe on any thread, unlike what `EngineHandle.open` returns.

    `fetchers` makes the sources of downloads, which a consumer that has all its files never needs.
    """

    def __init__(
        self,
        settings: Settings,
        store: ModelStore,
        *,
        fetchers: Callable[[], Sequence[Fetcher]] = tuple,
    ) -> None:
        self._settings = settings
        self._store = store
        self._fetchers = fetchers
        self._here = EnginesOnDisk(store)

    def find(self, name: str) -> EngineHandle[AnyEngine]:
        """The engine that a name stands for now; see EngineRegistry.

        `auto` is the engine in the settings; where that is `auto` too, inswapper, or mesh as long as
        inswapper's files are not here. On a GPU it is never mesh, which runs on the CPU only.
        """
        wanted = self._settings.engine if name == AUTO else name
        specs = [] if wanted == MESH else self._here.swappers(wanted)
        occluder = self._occluder()
        if wanted == MESH:
            return self._mesh(occluder, fallback=False)
        try:
            return self._swapper(specs, occluder)
        except FilesMissing:
            if wanted != AUTO or self._settings.provider != "cpu":
                raise
            return self._mesh(occluder, fallback=True)

    def find_enhancer(self) -> EngineHandle[Enhancer]:
        """The best enhancer whose files are here; raises EnhancerUnavailable."""
        try:
            found = self._here.first(self._here.enhancers)
        except FilesMissing as error:
            message = f"`use_face_enhancer` needs a model that is not here. {error}"
            raise EnhancerUnavailable(message) from error
        opening = partial(
            open_enhancer, found.paths, found.spec, provider=self._settings.provider, gpu=self._gpu
        )
        return EngineHandle(
            name=found.spec.name,
            folder=found.folder,
            open=self._opening(opening, self._occluder()),
            models=found.models,
        )

    def minor_check(self) -> MinorCheck | None:
        """What looks for minors, always on the CPU; see EngineRegistry."""
        wanted = self._settings.minors
        return None if wanted == "off" else MinorCheck(open_age_model, refuse=wanted == "refuse")

    def hand_keeper(self) -> HandKeeper | None:
        """What keeps hands before faces; none beside an occluder, which does that too, nor beside a GPU.

        There it would take as long on the CPU as all else.
        """
        if self._settings.occlusion or self._settings.provider != "cpu":
            return None
        return HandKeeper(open_hand_finder, models=embedded_weights(HAND_FILES))

    def protected_people(self) -> ProtectedPeople:
        """What looks for people who are never put in, always on the CPU; see EngineRegistry."""
        return ProtectedPeople()

    def content_check(self) -> ContentCheck | None:
        """What looks at the content of pictures, always on the CPU; see EngineRegistry."""
        settings = self._settings
        wanted = settings.content_filter
        found = self._asked_for("SWAPDROP_CONTENT_FILTER", wanted, CONTENT_MODEL)
        if found is None:
            return None
        return ContentCheck(
            lambda: ContentModel(open_session(found.path)),
            flag_from=settings.content_flag_from,
            block_from=None if wanted == "flag" else settings.content_block_from,
        )

    def watermarker(self) -> Watermarker | None:
        """What hides ids in results, always on the CPU; see EngineRegistry."""
        found = self._asked_for("SWAPDROP_WATERMARK", self._settings.watermark, WATERMARK_ENCODER)
        if found is None:
            return None
        return Watermarker(partial(_open_encoder, found.path), model=f"sha256:{found.sha256}")

    def _asked_for(self, variable: str, wanted: str, name: str) -> Found | None:
        """The file that a setting is about; None where it is off, or `auto` and the file is not here.

        Raises:
            ModelUnavailable: it is asked for, and the file is not here.
        """
        if wanted == "off":
            return None
        try:
            return self._store.require(name)
        except ModelMissing as error:
            if wanted == "auto":
                return None
            raise ModelUnavailable(f"{variable}={wanted} needs a file that is not here. {error}") from error

    def _occluder(self) -> EngineHandle[OnnxOccluder] | None:
        """The best occluder whose files are here, if the settings want one; raises FilesMissing."""
        if not self._settings.occlusion:
            return None
        found = self._here.first(self._here.occluders)
        opening = partial(
            open_occluder,
            found.paths,
            found.spec,
            provider=self._settings.provider,
            models=found.models,
            gpu=self._gpu,
        )
        return EngineHandle(
            name=found.spec.name,
            folder=found.folder,
            open=self._opening(opening),
            models=found.models,
        )

    def check_provider(self) -> None:
        """Open a shipped model on the provider; raises ProviderUnavailable."""
        graph = embedded_path(DETECTION_BACK).read_bytes()
        open_session(graph, name="The consumer", provider=self._settings.provider, gpu=self._gpu)

    def pull(self, progress: DownloadProgress) -> None:
        """Download what the engine in the settings lacks, if that is allowed; see EngineRegistry."""
        if self._store.offline:
            return
        wanted = [] if self._settings.engine == MESH else [self._here.swappers(self._settings.engine)[0]]
        if self._settings.occlusion:
            wanted.append(self._here.occluders[0])
        files = [file for spec in wanted for file in spec.files.values()]
        if not all(file.verifiable and self._store.licences.allows(file.licence) for file in files):
            return
        for file in files:
            self._store.pull(file.name, self._fetchers(), progress)

    def _mesh(
        self, occluder: EngineHandle[OnnxOccluder] | None, *, fallback: bool
    ) -> EngineHandle[AnyEngine]:
        return EngineHandle(
            name=MESH,
            folder=_EMBEDDED,
            models={**embedded_weights(ENGINE_FILES), **(occluder.models if occluder else {})},
            open=self._opening(open_mesh, occluder),
            fallback=fallback,
        )

    def _opening(
        self, how: Callable[..., T], occluder: EngineHandle[OnnxOccluder] | None = None
    ) -> Opening[T]:
        threads = self._settings.model_threads or usable_cores()
        return Opening(how=how, threads=threads, occluder=occluder.open if occluder else None)

    def _swapper(
        self, specs: Sequence[EngineSpec], occluder: EngineHandle[OnnxOccluder] | None
    ) -> EngineHandle[AnyEngine]:
        found = self._here.first_swapper(specs)
        opening = partial(
            open_inswapper,
            found.paths,
            found.spec,
            provider=self._settings.provider,
            hashes=found.models,
            gpu=self._gpu,
        )
        return EngineHandle(
            name=found.spec.name,
            folder=found.folder,
            models={**found.models, **(occluder.models if occluder else {})},
            open=self._opening(opening, occluder),
        )

    @property
    def _gpu(self) -> GpuOptions:
        return GpuOptions(
            memory_limit_bytes=self._settings.gpu_memory_limit_bytes,
            cache_folder=self._settings.cache_folder / self._settings.provider,
            openvino_device=self._settings.openvino_device,
        )


def _open_encoder(path: Path) -> Encoder:
    return Encoder(open_session(path))


def open_registry(settings: Settings) -> CatalogueRegistry:
    """The engines that the settings describe; raises as `open_model_store`."""
    return CatalogueRegistry(settings, open_model_store(settings), fetchers=partial(model_fetchers, settings))

"""The engine port on SCRFD, ArcFace and a swap network of the catalogue, such as inswapper_128."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from models.catalogue import EngineSpec
from models.devices import GpuOptions, Provider
from models.session import open_session
from models.tensorrt import FreeSides
from pipeline.align import similarity_fit
from pipeline.blend.masks import Mask, face_oval, mouth_left_out
from pipeline.blend.neighbours import neighbours_left_out
from pipeline.blend.occlusion import Occluder
from pipeline.blend.paste import BoxEdge, paste
from pipeline.engines.base import USUAL_STRENGTH, BlendOptions, EngineInfo
from pipeline.engines.inswapper.colour import carry_outwards, match_colour, shown_by
from pipeline.engines.inswapper.crop import FaceCrop, cut_out, swap_crops
from pipeline.engines.inswapper.embedding import ToLatent, at_strength, open_converter, unit
from pipeline.engines.inswapper.network import SwapNetwork, Swapped, open_network
from pipeline.engines.merge import mean_identity, merged_notices
from pipeline.errors import NoFaceInSource
from pipeline.face import Array, Bgr, Face, FoundFaces, Notice, Source
from pipeline.faces.insight import DETECTION_SIDES, GLANCE_PX, SCALE, ArcFace, ScrfdFinder
from pipeline.faces.select import IdentityScale
from pipeline.steps import Steps

VERSION: Final = "2"  # goes up whenever the same input gives other pixels

_GPU_BATCH: Final = 8  # faces; more only add memory
_HOPELESS_PX: Final = 24.0  # larger side of a source face: ArcFace would guess
_SMALL_PX: Final = 80.0
_MASK_PX: Final = 256  # masks of our own are finer than the smallest network's crop


@dataclass(frozen=True, kw_only=True, eq=False)
class InswapperSource(Source):
    """A source face as the swap network wants it."""

    #: (n,) float32 embedding as ArcFace gives it, not of unit length.
    recognised: Array
    #: (1, n) float32, the network's input `source`.
    latent: Array


class InswapperEngine:
    """Finds faces with SCRFD and puts an ArcFace identity on them with a swap network."""

    def __init__(
        self,
        finder: ScrfdFinder,
        recogniser: ArcFace,
        network: SwapNetwork,
        to_latent: ToLatent,
        spec: EngineSpec,
        *,
        hashes: Mapping[str, str],
        occluder: Occluder | None = None,
    ) -> None:
        self._finder = finder
        self._recogniser = recogniser
        self._network = network
        self._to_latent = to_latent
        self._size = spec.input_size
        self._template = np.array(spec.template.at(spec.input_size))
        self._mask_template = np.array(spec.template.at(_MASK_PX))
        self._occluder = occluder
        self._identity_model = hashes.get(spec.files["recogniser"].name)
        models = {**hashes, **(occluder.models if occluder else {})}
        self._info = EngineInfo(name=spec.name, version=VERSION, provider=network.provider, models=models)

    @property
    def info(self) -> EngineInfo:
        """Name, version, provider and model hashes."""
        return self._info

    @property
    def notices(self) -> tuple[Notice, ...]:
        """None: nothing is amiss with every result of this engine."""
        return ()

    @property
    def batch_size(self) -> int:
        """How many faces go through the network at once: several on a GPU, one on the CPU."""
        return self._network.batch_size

    @property
    def identity_scale(self) -> IdentityScale:
        """What the distances of this engine's embeddings mean."""
        return SCALE

    @property
    def identity_model(self) -> str | None:
        """`sha256:<hex>` of the network that makes the embeddings; None where its hash was not given."""
        return self._identity_model

    def find_faces(self, picture: Bgr) -> list[Face]:
        """As `find_in_steps`, all at once, and only the faces."""
        return self._finder.find(picture)

    def find_in_steps(self, picture: Bgr) -> Steps[FoundFaces]:
        """Find the faces of a BGR uint8 (h, w, 3) picture in one step; see the port."""
        return self._finder.find_in_steps(picture)

    @property
    def glance_px(self) -> int:
        """The side at which the detector sees most."""
        return GLANCE_PX

    def glance(self, picture: Bgr) -> Array:
        """Look once where faces may be; (n, 5) float32 rows of box and score, see `Engine.glance`."""
        return self._finder.glance(picture)

    def refine(self, picture: Bgr, face: Face) -> Face | None:
        """Detect a face anew in the part of `picture` around it; None if none is there."""
        return self._finder.refine(picture, face)

    def prepare_source(self, picture: Bgr, face: Face) -> InswapperSource:
        """Make a source face of a BGR uint8 (h, w, 3) picture ready for any number of swaps.

        Raises:
            NoFaceInSource: the face is too small to tell whose it is.
        """
        side = max(face.size)
        if side < _HOPELESS_PX:
            raise NoFaceInSource(
                f"The face in the source picture is only {side:.0f} pixels large; send one of at least "
                f"{_SMALL_PX:.0f}."
            )
        embedding = self._recogniser.embed(picture, face)
        return self._source(face, embedding, (_small_source(side),) if side < _SMALL_PX else ())

    def merge_sources(self, sources: Sequence[InswapperSource]) -> InswapperSource:
        """Make one source of at least one that all show the same person: their mean identity."""
        best = max(sources, key=lambda source: source.face.area)
        embedding = mean_identity([source.recognised for source in sources])
        return self._source(best.face, embedding, merged_notices(sources, flaws_of=sources))

    def _source(self, face: Face, embedding: Array, notices: tuple[Notice, ...]) -> InswapperSource:
        return InswapperSource(
            face=face,
            embedding=unit(embedding),
            recognised=embedding,
            latent=self._to_latent(embedding),
            notices=notices,
        )

    def swap(
        self,
        frame: Bgr,
        pairs: Sequence[tuple[Face, InswapperSource]],
        blend: BlendOptions,
        *,
        others: Sequence[Face] = (),
    ) -> list[bool]:
        """Put each source onto its face in `frame` (BGR uint8 (h, w, 3), changed in place).

        None of `others` is painted over by its neighbour. All crops are cut, and all masks made, before the
        first is pasted. False stands for a face that lies outside of the frame; it changes nothing.

        Raises:
            OutputInvalid: the network gave no picture; nothing was changed.
            DeviceOutOfMemory: the device's memory does not suffice.
            DeviceLost: the device no longer works.
        """
        crops = [self._cut_out(frame, face, blend) for face, _ in pairs]
        latents = [self._latent(frame, face, source, blend) for face, source in pairs]
        masks = [[*neighbours_left_out(face, others), *self._masks(frame, face, blend)] for face, _ in pairs]
        swapped = swap_crops(self._network, crops, latents)
        return [
            _paste(frame, crop, new, covered, blend)
            for crop, new, covered in zip(crops, swapped, masks, strict=True)
        ]

    def embed(self, picture: Bgr, face: Face) -> Array:
        """Identity embedding of a face in a BGR uint8 (h, w, 3) picture, (512,) float32 of length 1."""
        return unit(self._recogniser.embed(picture, face))

    def distance(self, one: Array, other: Array) -> float:
        """Cosine distance of two embeddings, 0..2; 0 is the same face, about 1 a stranger's."""
        return 1 - float(np.dot(one, other))

    def _cut_out(self, frame: Bgr, face: Face, blend: BlendOptions) -> FaceCrop:
        matrix = similarity_fit(face.kps, self._template)
        return cut_out(frame, matrix, self._size, pixel_boost=blend.pixel_boost)

    def _latent(self, frame: Bgr, face: Face, source: InswapperSource, blend: BlendOptions) -> Array:
        """What is put onto a face: the source's identity, or one that leans on the face's own."""
        if blend.swap_strength == USUAL_STRENGTH:
            return source.latent
        own = self._recogniser.embed(frame, face)
        return self._to_latent(at_strength(source.recognised, own, blend.swap_strength))

    def _masks(self, frame: Bgr, face: Face, blend: BlendOptions) -> list[Mask]:
        """What of the target's own face stays."""
        masks = [] if self._occluder is None else [self._occluder.uncovered(frame, face)]
        matrix = similarity_fit(face.kps, self._mask_template)
        if blend.mouth_mask:
            masks.append(Mask(values=mouth_left_out(face, matrix, _MASK_PX), matrix=matrix))
        if blend.paste == "oval":
            masks.append(Mask(values=face_oval(self._mask_template, _MASK_PX), matrix=matrix))
        return masks


def open_inswapper_engine(
    files: Mapping[str, Path],
    spec: EngineSpec,
    *,
    provider: Provider,
    threads: int,
    hashes: Mapping[str, str],
    gpu: GpuOptions | None = None,
    occluder: Occluder | None = None,
) -> InswapperEngine:
    """Open a swapper of the catalogue on verified files.

    Args:
        files: a path per role of `spec.files`; `swapper_fp32` may name a full-precision file of the same
            network, which is opened when an output of the other is unusable.
        spec: the catalogue's entry.
        provider: what all networks run on; the detector and the recogniser too.
        threads: CPU threads inside an operator.
        hashes: `sha256:<hex>` of each file's name, for the status record.
        gpu: how a GPU is used.
        occluder: keeps what covers a face as it is; None where nothing shall.

    Raises:
        ModelUnavailable: a file is missing or is not what the entry says.
        ProviderUnavailable: the provider did not start.
    """
    to_latent = open_converter(files, spec, provider=provider, threads=threads, gpu=gpu)
    network = open_network(
        files["swapper"],
        spec,
        provider=provider,
        threads=threads,
        gpu=gpu,
        batch_size=1 if provider == "cpu" else _GPU_BATCH,
        precise=files.get("swapper_fp32"),
    )
    detector = open_session(
        files["detector"], provider=provider, threads=threads, gpu=gpu, free=FreeSides(others=DETECTION_SIDES)
    )
    recogniser = open_session(files["recogniser"], provider=provider, threads=threads, gpu=gpu)
    finder = ScrfdFinder(detector)
    if provider != "cpu":  # a GPU's first run of each network takes seconds
        finder.warm_up()
        recogniser.warm_up()
    return InswapperEngine(
        finder,
        ArcFace(files["recogniser"], recogniser),
        network,
        to_latent,
        spec,
        hashes=hashes,
        occluder=occluder,
    )


def _paste(frame: Bgr, target: FaceCrop, swapped: Swapped, masks: list[Mask], blend: BlendOptions) -> bool:
    shown = shown_by(frame.shape, target.matrix, target.pixels.shape[0])
    crop = match_colour(swapped.crop, target.pixels, shown) if blend.color_correction else swapped.crop
    if swapped.mask is not None:
        masks = [*masks, Mask(values=swapped.mask, matrix=target.matrix)]
    edge: BoxEdge = "exact" if blend.paste == "exact" else "fast"
    return paste(frame, carry_outwards(crop, shown), target.matrix, masks=masks, edge=edge)


def _small_source(side: float) -> Notice:
    return Notice(
        code="source_small",
        message=f"The face in the source picture is only {side:.0f} pixels large; a larger one gives a "
        "better likeness.",
    )

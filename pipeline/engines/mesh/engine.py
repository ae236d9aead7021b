"""The engine port on the face mesh."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Final

from models.embedded import EMBEDDING, ENGINE_FILES, TOPOLOGY, embedded_path, embedded_weights
from models.session import open_session
from pipeline.blend.masks import Mask
from pipeline.blend.neighbours import neighbours_left_out
from pipeline.blend.occlusion import Occluder
from pipeline.engines.base import BlendOptions, EngineInfo
from pipeline.engines.merge import flaws, mean_embedding, merged_notices
from pipeline.engines.mesh.gate import find_flaws, measure, refuse_hopeless, usable_landmarks
from pipeline.engines.mesh.geometry import eye_openness, mouth_openness
from pipeline.engines.mesh.source import MeshSource
from pipeline.engines.mesh.swap import swap_face
from pipeline.engines.mesh.texture import make_texture
from pipeline.engines.mesh.topology import POINTS, Topology
from pipeline.face import Array, Bgr, Face, FoundFaces, Notice
from pipeline.faces.covered import is_covered
from pipeline.faces.detect import GLANCE_PX
from pipeline.faces.find import FaceFinder, embedded_face_finder
from pipeline.faces.identity import SCALE, IdentityModel, distance
from pipeline.faces.select import IdentityScale
from pipeline.steps import Steps

VERSION: Final = "6"  # goes up whenever the same input gives other pixels

_BASIC: Final = Notice(
    code="basic_engine",
    message="Made with the built-in mesh engine, which copies a face's texture onto the target's outline; "
    "install the inswapper models for a fuller likeness.",
)


class MeshEngine:
    """Draws the texture of a source face on the mesh of a target face, on the CPU."""

    def __init__(
        self,
        finder: FaceFinder,
        identity: IdentityModel,
        topology: Topology,
        *,
        provider: str,
        occluder: Occluder | None = None,
    ) -> None:
        self._finder = finder
        self._identity = identity
        self._topology = topology
        self._occluder = occluder
        models = {**embedded_weights(ENGINE_FILES), **(occluder.models if occluder else {})}
        self._info = EngineInfo(name="mesh", version=VERSION, provider=provider, models=models)

    @property
    def info(self) -> EngineInfo:
        """Name, version, provider and model hashes."""
        return self._info

    @property
    def notices(self) -> tuple[Notice, ...]:
        """That this is the basic engine: every result of it should say so."""
        return (_BASIC,)

    @property
    def batch_size(self) -> int:
        """One: faces are drawn one by one."""
        return 1

    @property
    def identity_scale(self) -> IdentityScale:
        """What the distances of this engine's embeddings mean."""
        return SCALE

    @property
    def identity_model(self) -> str:
        """`sha256:<hex>` of the network that makes the embeddings."""
        return embedded_weights()[EMBEDDING]

    def find_faces(self, picture: Bgr) -> list[Face]:
        """As `find_in_steps`, all at once, and only the faces."""
        return self._finder.find(picture)

    def find_in_steps(self, picture: Bgr) -> Steps[FoundFaces]:
        """Find the faces of a BGR uint8 (h, w, 3) picture, one suspect a step; see the port."""
        return self._finder.find_in_steps(picture)

    @property
    def glance_px(self) -> int:
        """The side of the pictures that the detection model was trained on."""
        return GLANCE_PX

    def glance(self, picture: Bgr) -> Array:
        """Look once where faces may be; (n, 5) float32 rows of box and score, see `Engine.glance`."""
        return self._finder.glance(picture)

    def refine(self, picture: Bgr, face: Face) -> Face | None:
        """Find the landmarks of a face anew where they were, or are expected; None if there are none.

        They are found twice where the face has moved from there by more than 3 % of its size.
        """
        return self._finder.refine(picture, face)

    def prepare_source(self, picture: Bgr, face: Face) -> MeshSource:
        """Make a source face of a BGR uint8 (h, w, 3) picture ready for any number of swaps.

        Raises:
            NoFaceInSource: the face is too small, too far turned away, or mostly outside of the picture.
        """
        landmarks = usable_landmarks(face)
        quality = measure(landmarks, picture.shape, self._topology)
        refuse_hopeless(quality)
        source = MeshSource(
            face=face,
            embedding=self.embed(picture, face),
            texture=make_texture(picture, landmarks, self._topology),
            shape=landmarks[:POINTS].copy(),
            eyes=eye_openness(landmarks),
            mouth=mouth_openness(landmarks),
        )
        return replace(source, notices=tuple(find_flaws(quality, source, covered=is_covered(picture, face))))

    def merge_sources(self, sources: Sequence[MeshSource]) -> MeshSource:
        """Make one source of at least one that all show the same person.

        The best picture is drawn: the one with the fewest flaws, of these the largest face. Textures of
        several cannot be averaged without blurring all. The identity, which likeness is told by, is the mean.
        """
        best = min(sources, key=lambda source: (len(flaws(source)), -source.texture.size))
        notices = merged_notices(sources, flaws_of=[best])
        return replace(best, embedding=mean_embedding(sources), notices=notices)

    def swap(
        self,
        frame: Bgr,
        pairs: Sequence[tuple[Face, MeshSource]],
        blend: BlendOptions,
        *,
        others: Sequence[Face] = (),
    ) -> list[bool]:
        """Put each source onto its face in `frame` (BGR uint8 (h, w, 3), changed in place).

        None of `others` is painted over by its neighbour. False stands for a face without landmarks, smaller
        than 8 pixels or outside of the frame; it changes nothing.
        """
        masks = [[*neighbours_left_out(face, others), *self._uncovered(frame, face)] for face, _ in pairs]
        return [
            face.landmarks is not None
            and swap_face(frame, face.landmarks, source, blend, self._topology, masks=left)
            for (face, source), left in zip(pairs, masks, strict=True)
        ]

    def _uncovered(self, frame: Bgr, face: Face) -> list[Mask]:
        return [] if self._occluder is None else [self._occluder.uncovered(frame, face)]

    def embed(self, picture: Bgr, face: Face) -> Array:
        """Identity embedding of a face in a BGR uint8 (h, w, 3) picture, (128,) float32."""
        return self._identity.embed(picture, face)

    def distance(self, one: Array, other: Array) -> float:
        """Euclidean distance of two embeddings; 0 is the same face, larger is less alike."""
        return distance(one, other)


def open_mesh_engine(*, threads: int = 1, occluder: Occluder | None = None) -> MeshEngine:
    """Open the engine on the shipped weights, with `threads` threads inside an operator.

    With an `occluder`, what covers a face stays as it is.

    Raises:
        ModelUnavailable: a shipped file is missing or was changed.
    """
    with ThreadPoolExecutor(1) as pool:  # opening is most of the time until a consumer is ready
        finder = pool.submit(embedded_face_finder, threads=threads)
        identity = open_session(embedded_path(EMBEDDING), threads=threads)
        topology = Topology.load(embedded_path(TOPOLOGY))
        return MeshEngine(
            finder.result(),
            IdentityModel(identity),
            topology,
            provider=identity.provider,
            occluder=occluder,
        )

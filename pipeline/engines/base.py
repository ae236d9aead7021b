"""The engine port: how a face is found and replaced, whatever does it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeVar

from pipeline.blend.paste import PasteMode
from pipeline.face import Array, Bgr, Face, FoundFaces, Notice, Source
from pipeline.faces.select import IdentityScale
from pipeline.steps import Steps

SourceT = TypeVar("SourceT", bound=Source)
USUAL_STRENGTH: Final = 0.5


@dataclass(frozen=True, kw_only=True)
class EngineInfo:
    """What the status record says of an engine.

    `models` maps each file name to `sha256:<hex>`; `provider` is the one that really runs, read back
    from the opened sessions.
    """

    name: str
    version: str
    provider: str
    models: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class BlendOptions:
    """How a swapped face is blended in: the contract's options that concern pixels.

    `enhance` asks for the enhancer after the swap; engines leave it to `pipeline.swap`.
    `paste` is the operator's choice, not a job's: `exact` and `fast` show the swapped crop up to its edge, as
    `pipeline.blend.paste.paste` has it, `oval` within the oval of the face. The mesh engine does not read
    it: it draws a face within its own outline, and no crop.
    `swap_strength`, 0 to 1, is how much of the identity is put in, 0.5 the source's own; `pixel_boost` is the
    longest side in pixels that a crop for a network may have, which a smaller network takes in parts. The
    mesh engine, which has no network that draws, reads neither. `enhancer_strength`, 0 to 1, is how much of
    the restored face shows.
    """

    color_correction: bool = True
    mouth_mask: bool = False
    enhance: bool = False
    paste: PasteMode = "exact"
    swap_strength: float = USUAL_STRENGTH
    pixel_boost: int = 0
    enhancer_strength: float = 1.0


class Engine(Protocol[SourceT]):
    """One swap engine. Not thread-safe: one device thread calls it."""

    @property
    def info(self) -> EngineInfo:
        """Name, version, provider and model hashes."""
        ...

    @property
    def notices(self) -> tuple[Notice, ...]:
        """What every result of this engine should carry as warnings."""
        ...

    @property
    def batch_size(self) -> int:
        """How many faces one call of `swap` takes to its advantage; 1 if it does them one by one."""
        ...

    @property
    def identity_scale(self) -> IdentityScale:
        """What the distances of this engine's embeddings mean."""
        ...

    @property
    def identity_model(self) -> str | None:
        """`sha256:<hex>` of the network that makes the embeddings; None where that is unknown."""
        ...

    def find_faces(self, picture: Bgr) -> list[Face]:
        """As `find_in_steps`, all at once, and only the faces; for pictures that show few."""
        ...

    def find_in_steps(self, picture: Bgr) -> Steps[FoundFaces]:
        """Find the faces of a BGR uint8 (h, w, 3) picture, where there are many the `MOST_FACES` largest.

        No step is longer than some seconds, however many there are.
        """
        ...

    @property
    def glance_px(self) -> int:
        """The longer side of pictures that `glance` is best at, a multiple of 32, 128 at least."""
        ...

    def glance(self, picture: Bgr) -> Array:
        """Look once, and quickly, where faces may be; most are there, and not all are faces.

        Args:
            picture: BGR uint8 (h, w, 3), its sides multiples of 32, of about `glance_px`; faces of 12 pixels
                and more are seen.

        Returns:
            (n, 5) float32 rows of box and score, in pixels of the picture; of a face there may be several.
        """
        ...

    def refine(self, picture: Bgr, face: Face) -> Face | None:
        """Find a face of the frame before where it is in this one; None if it is not there any more.

        Args:
            picture: BGR uint8 (h, w, 3), a frame or the part of it around the face, with at least half of the
                face's size to each side.
            face: the face as it was, or where it is expected to be, in pixels of `picture`.
        """
        ...

    def prepare_source(self, picture: Bgr, face: Face) -> SourceT:
        """Make a source face ready for any number of swaps; raises NoFaceInSource when it is hopeless."""
        ...

    def merge_sources(self, sources: Sequence[SourceT]) -> SourceT:
        """Make one source of at least one that all show the same person; on the device's thread."""
        ...

    def swap(
        self,
        frame: Bgr,
        pairs: Sequence[tuple[Face, SourceT]],
        blend: BlendOptions,
        *,
        others: Sequence[Face] = (),
    ) -> list[bool]:
        """Put each source onto its face in `frame` (BGR uint8 (h, w, 3), changed in place).

        Any number of pairs may be given; of `others`, which may be all faces of the frame, none is painted
        over by its neighbour. Returns for each pair whether anything changed.
        """
        ...

    def embed(self, picture: Bgr, face: Face) -> Array | None:
        """Identity embedding of a face, (n,) float32; None where there is no identity model."""
        ...

    def distance(self, one: Array, other: Array) -> float:
        """Distance of two embeddings of this engine; 0 is the same face, larger is less alike."""
        ...


AnyEngine = Engine[Any]
"""An engine together with the sources that it prepared itself, of whatever type they are."""

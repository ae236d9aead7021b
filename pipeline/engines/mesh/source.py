"""What is kept of a source face between swaps."""

from dataclasses import dataclass

from pipeline.engines.mesh.texture import Texture
from pipeline.face import Array, Source


@dataclass(frozen=True, kw_only=True, eq=False)
class MeshSource(Source):
    """A source face ready for any number of swaps.

    Attributes:
        texture: what is drawn.
        shape: (468, 3) float32 points of the source in its own picture, for its geometry.
        eyes: openness of the right and the left eye.
        mouth: openness of the mouth.
    """

    texture: Texture
    shape: Array
    eyes: tuple[float, float]
    mouth: float

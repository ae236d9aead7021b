"""What a swap or enhancement network expects and gives: the data in which such networks differ.

An entry of the catalogue per network fills one of these; the code that runs them is the same for all.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

TemplateName = Literal["arcface_112", "arcface_112_v1", "arcface_128", "ffhq_512"]
EmbeddingConverter = Literal["emap", "unit", "converter", "unit_converter"]
Points = tuple[tuple[float, float], ...]
Triple = tuple[float, float, float]


def _fractions(side: int, *points: tuple[float, float]) -> Points:
    return tuple((x / side, y / side) for x, y in points)


# Where eyes, nose tip and mouth corners (the order of `Face.kps`) lie in an aligned crop, as fractions
# of its side. ArcFace: insightface `utils/face_align.py`, `arcface_dst`; at 128 px it is moved 8 px to
# the right. v1: the third of the five older templates of the same file. FFHQ: facexlib
# `utils/face_restoration_helper.py`.
TEMPLATES: Final[Mapping[TemplateName, Points]] = MappingProxyType(
    {
        "arcface_112": _fractions(
            112,
            (38.2946, 51.6963),
            (73.5318, 51.5014),
            (56.0252, 71.7366),
            (41.5493, 92.3655),
            (70.7299, 92.2041),
        ),
        "arcface_112_v1": _fractions(
            112, (39.730, 51.138), (72.270, 51.138), (56.0, 68.493), (42.463, 87.010), (69.537, 87.010)
        ),
        "arcface_128": _fractions(
            128,
            (46.2946, 51.6963),
            (81.5318, 51.5014),
            (64.0252, 71.7366),
            (49.5493, 92.3655),
            (78.7299, 92.2041),
        ),
        "ffhq_512": _fractions(
            512,
            (192.98138, 239.94708),
            (318.90277, 240.1936),
            (256.63416, 314.01935),
            (201.26117, 371.41043),
            (313.08905, 371.15118),
        ),
    }
)


@dataclass(frozen=True, kw_only=True)
class SwapperSpec:
    """A network that puts an identity on an aligned crop: inputs `target` and `source`, float32.

    Attributes:
        name: what the status record calls the engine.
        input_size: side of the square crop in pixels, for input and output.
        template: where the five points lie in the crop.
        mean: of red, green and blue; the input is `(rgb / 255 - mean) / std`.
        std: as `mean`.
        output_range: the values of the output that stand for black and white.
        embedding: how the source's ArcFace embedding becomes the input `source`. `emap`: of unit length,
            times the matrix that is the file's last initializer, then of unit length again. `unit`: of
            unit length. `converter`: as it is, through the network of role `converter`;
            `unit_converter`: the same, then of unit length.
        mask_output: name of a second output, (n, 1, s, s) 0..1, that says where the face is; None without.
    """

    name: str
    input_size: int
    template: TemplateName
    mean: Triple = (0.0, 0.0, 0.0)
    std: Triple = (1.0, 1.0, 1.0)
    output_range: tuple[float, float] = (0.0, 1.0)
    embedding: EmbeddingConverter
    mask_output: str | None = None


@dataclass(frozen=True, kw_only=True)
class EnhancerSpec:
    """A network that restores an aligned crop; its input and output are RGB in -1..1.

    Attributes:
        name: what the status record calls it.
        input_size: side of the square crop in pixels.
        template: where the five points lie in the crop.
        fidelity: value of a second input `weight`, 0 (best looking) to 1 (closest to its input); None
            where the network has no such input.
        strength: share of the restored face in the result, 0..1.
    """

    name: str
    input_size: int = 512
    template: TemplateName = "ffhq_512"
    fidelity: float | None = None
    strength: float = 0.8

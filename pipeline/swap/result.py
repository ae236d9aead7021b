"""What became of a target and of each of its faces."""

from collections.abc import Mapping
from dataclasses import dataclass

from pipeline.engines.base import EngineInfo
from pipeline.face import Face, Notice
from pipeline.faces.select import face_id


@dataclass(frozen=True, kw_only=True)
class Likeness:
    """Identity distances of a swapped face; 0 is the same face, larger is less alike."""

    to_source: float
    to_target_before: float
    source_to_target_before: float


#: By the place of a face that changed; None where nothing measures it.
Likenesses = Mapping[int, Likeness | None]


@dataclass(frozen=True, kw_only=True)
class FaceResult:
    """One face of the target."""

    #: Its number in reading order, such as `face_0`.
    face_id: str
    #: x, y, width, height in pixels of the upright picture.
    box: tuple[float, float, float, float]
    #: The detector's confidence, 0..1.
    score: float
    #: Whether it was changed.
    swapped: bool
    #: The name of the source that was meant for it, None if none was.
    source: str | None = None
    likeness: Likeness | None = None


@dataclass(frozen=True, kw_only=True)
class SwapResult:
    """What a swap came to; at least one face was changed."""

    #: Those of the first frame in which one was changed.
    faces: tuple[FaceResult, ...]
    notices: tuple[Notice, ...]
    engine: EngineInfo


def face_result(
    number: int, face: Face, *, source: str | None = None, likenesses: Likenesses | None = None
) -> FaceResult:
    """Tell of a face by its place in reading order, the source meant for it and which faces changed."""
    x, y, width, height = (round(float(value), 1) for value in (*face.bbox[:2], *face.size))
    likenesses = likenesses or {}
    return FaceResult(
        face_id=face_id(number),
        box=(x, y, width, height),
        score=round(face.score, 4),
        swapped=number in likenesses,
        source=source,
        likeness=likenesses.get(number),
    )

"""What became of a picture and of each of its faces."""

from collections.abc import Mapping
from dataclasses import dataclass

from pipeline.engines.base import EngineInfo
from pipeline.face import Face, Notice
from pipeline.faces.select import face_id
from pipeline.media.pictures.decode import Picture
from pipeline.swap.animation import SwappedAnimation
from pipeline.swap.timing import Timings


@dataclass(frozen=True, kw_only=True)
class Likeness:
    """Identity distances of a swapped face; 0 is the same face, larger is less alike."""

    to_source: float
    to_target_before: float
    source_to_target_before: float


Swapped = Mapping[int, Likeness | None]  # by the place of a face that changed; None where nothing measures it


@dataclass(frozen=True, kw_only=True)
class FaceResult:
    """One face of the target; `box` is x, y, width, height in pixels of the upright picture.

    `source` is the name of the source that was meant for it, None if none was.
    """

    face_id: str
    box: tuple[float, float, float, float]
    score: float
    swapped: bool
    source: str | None = None
    likeness: Likeness | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class SwappedPicture:
    """The target with its faces swapped; at least one was.

    Of an animation `picture` is the first frame in which one was, and `faces` are that frame's.
    """

    picture: Picture
    faces: tuple[FaceResult, ...]
    notices: tuple[Notice, ...]
    engine: EngineInfo
    timings: Timings
    animation: SwappedAnimation | None = None


def face_result(
    number: int, face: Face, *, source: str | None = None, swapped: Swapped | None = None
) -> FaceResult:
    """Tell of a face by its place in reading order, the source meant for it and which faces changed."""
    x, y, width, height = (round(float(value), 1) for value in (*face.bbox[:2], *face.size))
    swapped = swapped or {}
    return FaceResult(
        face_id=face_id(number),
        box=(x, y, width, height),
        score=round(face.score, 4),
        swapped=number in swapped,
        source=source,
        likeness=swapped.get(number),
    )

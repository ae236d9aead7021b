"""The detect-faces job on a decoded target: every face, so described that a person can point at it."""

from collections import defaultdict
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from pipeline.engines.base import Engine
from pipeline.face import Array, Face, Notice
from pipeline.faces.select import face_id
from pipeline.media.animations.read import Animation
from pipeline.media.pictures.decode import Picture
from pipeline.previews import preview
from pipeline.swap.animation import OnFrame
from pipeline.swap.choose import find_faces
from pipeline.swap.naming import naming
from pipeline.swap.request import FaceFilter
from pipeline.swap.timing import Timings

_COLUMNS: Final = ("left", "", "right")
_ROWS: Final = ("top", "", "bottom")
_ORDINALS: Final = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth")


@dataclass(frozen=True, kw_only=True, eq=False)
class DetectedFace:
    """One face of a picture.

    Attributes:
        face_id: its number in reading order, such as `face_0`.
        face: box, score and five points, in pixels of the upright picture.
        position: where it is, in words.
        preview: a square JPEG of it.
        embedding: (n,) float32 identity embedding; None where the engine has no identity model.
    """

    face_id: str
    face: Face
    position: str
    preview: bytes
    embedding: Array | None


@dataclass(frozen=True, kw_only=True, eq=False)
class DetectedFaces:
    """All faces of a picture, perhaps none, in reading order; the picture's upright size in pixels.

    `identity_model` is that of the engine that made the embeddings, see `Engine.identity_model`.
    """

    width: int
    height: int
    faces: tuple[DetectedFace, ...]
    identity_model: str | None
    notices: tuple[Notice, ...]


def detect_steps(
    engine: Engine[Any],
    target: Picture | Animation,
    face_filter: FaceFilter,
    timings: Timings,
    on_frame: OnFrame,
) -> Generator[None, None, DetectedFaces]:
    """Find and describe the faces of a target that count; for the device's thread only.

    Of an animation it is the first frame that shows any, where mappings count them too; a step each.
    `on_frame` is told before each frame how many are done, and of how many.
    """
    if isinstance(target, Picture):
        on_frame(0, 0)
        with timings.measure("detect"):
            return detect(engine, target, face_filter)
    total = len(target.timeline.durations_ms)
    frames = target.frames()
    for number in range(total):
        on_frame(number, total)
        with timings.measure("detect"), naming("target"):
            found = detect(engine, next(frames), face_filter)
        if found.faces or number + 1 == total:
            break
        yield
    message = (
        f"The target moves; its faces are those of frame {number + 1} of {total}, the first that shows any."
        if found.faces
        else f"None of the target's {total} frames shows a face."
    )
    return replace(found, notices=(Notice(code="first_frame_only", message=message),))


def detect(engine: Engine[Any], picture: Picture, face_filter: FaceFilter) -> DetectedFaces:
    """Find and describe every face of a picture that counts; for the device's thread only."""
    height, width = picture.bgr.shape[:2]
    faces = find_faces(engine, picture.bgr, face_filter)
    return DetectedFaces(
        width=width,
        height=height,
        faces=tuple(
            DetectedFace(
                face_id=face_id(number),
                face=face,
                position=position,
                preview=preview(picture.bgr, face),
                embedding=engine.embed(picture.bgr, face),
            )
            for number, (face, position) in enumerate(
                zip(faces, positions(faces, (width, height)), strict=True)
            )
        ),
        identity_model=engine.identity_model,
        notices=picture.notices,
    )


def positions(faces: Sequence[Face], size: tuple[int, int]) -> list[str]:
    """Say in words where each face is in a picture of `size` (width, height) pixels.

    The picture is divided in three by three parts: `top left`, `top`, `center`. Faces that share a part
    are counted along it as well: `center, second from the left`.
    """
    parts = [_part(face, size) for face in faces]
    sharing: dict[str, list[int]] = defaultdict(list)
    for number, part in enumerate(parts):
        sharing[part].append(number)
    words = list(parts)
    for part, numbers in sharing.items():
        if len(numbers) > 1:
            centers = np.array([faces[number].center for number in numbers])
            axis = int(np.argmax(np.ptp(centers, axis=0)))
            start = ("left", "top")[axis]
            for place, index in enumerate(np.argsort(centers[:, axis], kind="stable")):
                words[numbers[index]] = f"{part}, {_ordinal(place)} from the {start}"
    return words


def _part(face: Face, size: tuple[int, int]) -> str:
    column, row = (
        min(2, max(0, int(3 * middle / side))) for middle, side in zip(face.center, size, strict=True)
    )
    return f"{_ROWS[row]} {_COLUMNS[column]}".strip() or "center"


def _ordinal(place: int) -> str:
    return _ORDINALS[place] if place < len(_ORDINALS) else f"number {place + 1}"

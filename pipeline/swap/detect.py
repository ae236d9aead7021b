"""Detecting the faces of a target, each so described that a person can point at it."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

import numpy as np

from pipeline.content import ContentCheck
from pipeline.engines.base import AnyEngine
from pipeline.face import Array, Face, Notice
from pipeline.faces.select import face_id
from pipeline.media.pictures.decode import Picture
from pipeline.media.target import Target
from pipeline.previews import preview, to_jpeg
from pipeline.steps import Steps, at_once, each_within
from pipeline.swap.choose import embed_faces, find_faces, left_out_notices
from pipeline.swap.inputs import TargetFrames
from pipeline.swap.request import FaceFilter
from pipeline.swap.timing import Timings
from pipeline.tracks.cast import CastMember

_COLUMNS: Final = ("left", "", "right")
_ROWS: Final = ("top", "", "bottom")
_ORDINALS: Final = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth")


@dataclass(frozen=True, kw_only=True, eq=False)
class DetectedFace:
    """One face of a picture."""

    #: Its number in reading order, such as `face_0`.
    face_id: str
    #: Box, score and five points, in pixels of the upright picture.
    face: Face
    #: Where it is, in words.
    position: str
    #: A square JPEG of it.
    preview: bytes
    #: (n,) float32 identity embedding; None where the engine has no identity model.
    embedding: Array | None
    #: When the person is first and last seen in a video, in seconds; None in a picture.
    seen_s: tuple[float, float] | None = None


@dataclass(frozen=True, kw_only=True)
class Extent:
    """How long a video is: its frames, and its duration in seconds."""

    frames: int
    duration_s: float


@dataclass(frozen=True, kw_only=True, eq=False)
class DetectedFaces:
    """All faces of a picture, or all people of a video, perhaps none."""

    #: Of the upright picture, in pixels.
    width: int
    height: int
    #: In reading order; of a video in the order of its cast.
    faces: tuple[DetectedFace, ...]
    #: That of the engine that made the embeddings, see `Engine.identity_model`.
    identity_model: str | None
    notices: tuple[Notice, ...]
    #: None for a picture.
    extent: Extent | None = None


class DetectRun:
    """A detection on an opened target: of what moves, on the first frame that shows a face.

    Mappings count the faces of that frame, too. Frames are read on CPU threads and looked at in order on the
    device's thread, until one is enough.
    """

    def __init__(
        self,
        engine: AnyEngine,
        target: Target,
        face_filter: FaceFilter,
        timings: Timings,
        *,
        content: ContentCheck | None = None,
    ) -> None:
        """Begin; `timings` gains the stages decode and detect. With `content` frames are looked at first."""
        self.target = target
        self._engine = engine
        self._face_filter = face_filter
        self._timings = timings
        self._frames = TargetFrames(target, timings, content)
        self._looked = 0
        self._found: _Found | None = None

    @property
    def progress(self) -> tuple[int, int]:
        """Frames that were looked at, and of how many; 0 of 0 for a picture."""
        return (self._looked, self.target.total) if self.target.unit == "frames" else (0, 0)

    def read_frame(self) -> Picture:
        """Decode the target's next frame; on a CPU thread. Raises MediaCorrupt, ContentRejected."""
        return self._frames.read()

    def look(self, frame: Picture) -> Steps[bool]:
        """Find the faces of a frame, on the device's thread; returns whether no further one is needed."""
        finding = _find(self._engine, frame, self._face_filter)
        self._found = yield from each_within(partial(self._timings.measure, "detect"), finding)
        self._looked += 1
        return bool(self._found.faces) or self._looked == self.target.total

    def result(self) -> DetectedFaces:
        """Describe the faces that were found, perhaps none; on a CPU thread."""
        if self._found is None:
            raise RuntimeError("no frame was looked at")
        described = _describe(self._found)
        described = replace(described, notices=(*described.notices, *self._frames.notices))
        if self.target.unit == "faces":
            return described
        total = self.target.total
        message = f"None of the target's {total} frames shows a face."
        if self._found.faces:
            number = f"frame {self._looked} of {total}"
            message = f"The target moves; its faces are those of {number}, the first that shows any."
        moves = Notice(code="first_frame_only", message=message)
        left_out = left_out_notices(self._found.left_out)
        return replace(described, notices=(moves, *left_out, *self._frames.notices))


def detect(engine: AnyEngine, picture: Picture, face_filter: FaceFilter) -> DetectedFaces:
    """Find and describe every face of a picture that counts; for the device's thread only."""
    return _describe(at_once(_find(engine, picture, face_filter)))


@dataclass(frozen=True, kw_only=True, eq=False)
class _Found:
    """What the networks say of a picture."""

    picture: Picture
    faces: Sequence[Face]
    left_out: int
    embeddings: Sequence[Array | None]
    identity_model: str | None


def _find(engine: AnyEngine, picture: Picture, face_filter: FaceFilter) -> Steps[_Found]:
    found = yield from find_faces(engine, picture.bgr, face_filter)
    return _Found(
        picture=picture,
        faces=found.faces,
        left_out=found.left_out,
        embeddings=(yield from embed_faces(engine, picture.bgr, found.faces)),
        identity_model=engine.identity_model,
    )


def _describe(found: _Found) -> DetectedFaces:
    picture, faces = found.picture, found.faces
    height, width = picture.bgr.shape[:2]
    return DetectedFaces(
        width=width,
        height=height,
        faces=tuple(
            DetectedFace(
                face_id=face_id(number),
                face=face,
                position=position,
                preview=preview(picture.bgr, face),
                embedding=embedding,
            )
            for number, (face, position, embedding) in enumerate(
                zip(faces, positions(faces, (width, height)), found.embeddings, strict=True)
            )
        ),
        identity_model=found.identity_model,
        notices=(*picture.notices, *left_out_notices(found.left_out)),
    )


def describe_cast(
    engine: AnyEngine, members: Sequence[CastMember], *, size: tuple[int, int], extent: Extent
) -> DetectedFaces:
    """Describe the people of a video of `size` (width, height) pixels; on a CPU thread.

    Each is described where they are seen best, the position too.
    """
    return DetectedFaces(
        width=size[0],
        height=size[1],
        faces=tuple(
            DetectedFace(
                face_id=member.face_id,
                face=member.face,
                position=_part(member.face, size),
                preview=to_jpeg(member.preview),
                embedding=member.person.embedding,
                seen_s=(member.first_s, member.last_s),
            )
            for member in members
        ),
        identity_model=engine.identity_model,
        notices=(),
        extent=extent,
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

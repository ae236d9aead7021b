"""Between the faces that the pipeline finds and the stored result of a detect-faces job."""

import base64
from collections.abc import Sequence
from typing import Final

import numpy as np

from pipeline.face import Face
from pipeline.faces.match import StoredFace, StoredFaces
from pipeline.previews import to_jpeg
from pipeline.swap.detect import DetectedFace, DetectedFaces, positions
from pipeline.swap.video.people import Someone
from pipeline.tracks.cast import CastMember
from pipeline.tracks.identity import Person
from storage.errors import InvalidManifest
from storage.records.detection import Detection, DetectionMedia, FaceTrack, FoundFace

_MOST_FACES: Final = 1000  # the time that binding takes grows with the square of it: here some seconds


def to_record(found: DetectedFaces) -> Detection:
    """What is written to the bucket; pixels to a tenth, embeddings to five digits."""
    return Detection(
        media=DetectionMedia(kind="picture", width=found.width, height=found.height),
        total_faces=len(found.faces),
        faces=tuple(_to_found_face(face) for face in found.faces),
        identity_model=found.identity_model,
    )


def to_stored_faces(record: Detection) -> StoredFaces:
    """What mappings to the faces of a picture are bound to.

    Raises:
        InvalidManifest: the detection is of a video, or has more faces than can be bound.
    """
    if record.media.kind != "picture":
        raise InvalidManifest(
            "The file `detection` points at is of a video, and the target is a picture; detect the faces of "
            "the target."
        )
    _check_count(record)
    return StoredFaces(
        width=record.media.width,
        height=record.media.height,
        faces=[
            StoredFace(
                face_id=face.face_id,
                bbox=np.array([face.x, face.y, face.x + face.width, face.y + face.height], np.float32),
                embedding=None if face.embedding is None else np.array(face.embedding, np.float32),
            )
            for face in record.faces
        ],
        identity_model=record.identity_model,
    )


def cast_record(
    cast: Sequence[CastMember],
    *,
    size: tuple[int, int],
    frames: int,
    duration_s: float,
    identity_model: str | None,
) -> Detection:
    """What is written of the people of a video, whose frames have `size` (width, height) pixels."""
    width, height = size
    media = DetectionMedia(
        kind="video", width=width, height=height, frames=frames, duration_s=round(duration_s, 3)
    )
    places = positions([member.face for member in cast], size)
    faces = (
        _to_found_face(
            DetectedFace(
                face_id=member.face_id,
                face=member.face,
                position=position,
                preview=to_jpeg(member.preview),
                embedding=member.person.embedding,
            )
        ).model_copy(update={"track": _track(member)})
        for member, position in zip(cast, places, strict=True)
    )
    return Detection(media=media, total_faces=len(cast), faces=tuple(faces), identity_model=identity_model)


def to_people(record: Detection, *, identity_model: str | None) -> tuple[Someone, ...]:
    """The people of a video that a mapping points at, for an engine of this identity model.

    Raises:
        InvalidManifest: the detection is of a picture, of another identity model, or has too many faces.
    """
    if record.media.kind != "video":
        raise InvalidManifest(
            "The file `detection` points at is of a picture, and the target is a video; detect the faces of "
            "the target."
        )
    _check_count(record)
    unlike = record.identity_model not in {None, identity_model}
    if unlike or any(face.embedding is None for face in record.faces):
        raise InvalidManifest(
            "The file `detection` points at was made with another identity model, by which nobody can be "
            "told in the video; detect its faces anew."
        )
    return tuple(_someone(face) for face in record.faces)


def _track(member: CastMember) -> FaceTrack:
    return FaceTrack(first_s=max(0.0, round(member.first_s, 3)), last_s=max(0.0, round(member.last_s, 3)))


def _someone(face: FoundFace) -> Someone:
    bbox = np.array([face.x, face.y, face.x + face.width, face.y + face.height], np.float32)
    track = face.track or FaceTrack(first_s=0, last_s=0)
    return Someone(
        face_id=face.face_id,
        face=Face(bbox=bbox, score=face.confidence, kps=np.array(face.kps, np.float32)),
        person=Person(
            embedding=np.array(face.embedding, np.float32),
            side_px=min(face.width, face.height),
            sharpness=0.0,
        ),
        first_s=track.first_s,
        last_s=track.last_s,
        prominence=0.0,
    )


def _check_count(record: Detection) -> None:
    if len(record.faces) > _MOST_FACES:
        raise InvalidManifest(
            f"The file `detection` points at has {len(record.faces)} faces; mappings can be bound to at most "
            f"{_MOST_FACES}."
        )


def _to_found_face(found: DetectedFace) -> FoundFace:
    face = found.face
    x, y, width, height, center_x, center_y = (
        round(float(value), 1) for value in (*face.bbox[:2], *face.size, *face.center)
    )
    return FoundFace(
        face_id=found.face_id,
        x=x,
        y=y,
        width=width,
        height=height,
        confidence=round(face.score, 4),
        kps=[[round(value, 1) for value in point] for point in face.kps.tolist()],
        center_x=center_x,
        center_y=center_y,
        position_description=found.position,
        preview=f"data:image/jpeg;base64,{base64.b64encode(found.preview).decode()}",
        embedding=None
        if found.embedding is None
        else [round(value, 5) for value in found.embedding.tolist()],
    )

"""Between the faces that the pipeline finds and the stored result of a detect-faces job."""

import base64
from typing import Final, Literal

import numpy as np

from pipeline.faces.match import StoredFace, StoredFaces
from pipeline.swap.detect import DetectedFace, DetectedFaces
from storage.errors import InvalidManifest
from storage.records.detection import Detection, DetectionMedia, FaceTrack, FoundFace

_MOST_FACES: Final = 1000  # the time that binding takes grows with the square of it: here some seconds


def to_record(found: DetectedFaces) -> Detection:
    """What is written to the bucket; pixels to a tenth, embeddings to five digits."""
    return Detection(
        media=_to_media(found),
        total_faces=len(found.faces),
        faces=tuple(_to_found_face(face) for face in found.faces),
        identity_model=found.identity_model,
    )


def to_stored_faces(record: Detection, *, of: Literal["picture", "video"] = "picture") -> StoredFaces:
    """What mappings to the faces of a picture, or to the people of a video, are bound to.

    Raises:
        InvalidManifest: the detection is of the other kind, or has more faces than can be bound.
    """
    if record.media.kind != of:
        raise InvalidManifest(
            f"The file `detection` points at is of a {record.media.kind}, and the target is a {of}; detect "
            "the faces of the target."
        )
    if len(record.faces) > _MOST_FACES:
        raise InvalidManifest(
            f"The file `detection` points at has {len(record.faces)} faces; mappings can be bound to at most "
            f"{_MOST_FACES}."
        )
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


def _to_media(found: DetectedFaces) -> DetectionMedia:
    if found.extent is None:
        return DetectionMedia(kind="picture", width=found.width, height=found.height)
    return DetectionMedia(
        kind="video",
        width=found.width,
        height=found.height,
        frames=found.extent.frames,
        duration_s=_seconds(found.extent.duration_s),
    )


def _seconds(value: float) -> float:
    return round(max(0.0, value), 3)


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
        track=None
        if found.seen_s is None
        else FaceTrack(first_s=_seconds(found.seen_s[0]), last_s=_seconds(found.seen_s[1])),
    )

"""Between the faces that the pipeline finds and the stored result of a detect-faces job."""

import base64

import numpy as np

from pipeline.bind import StoredFace, StoredFaces
from pipeline.jobs.detect import DetectedFace, DetectedFaces
from storage.detection import Detection, DetectionMedia, FoundFace


def to_record(found: DetectedFaces) -> Detection:
    """What is written to the bucket; pixels to a tenth, embeddings to five digits."""
    return Detection(
        media=DetectionMedia(kind="picture", width=found.width, height=found.height),
        total_faces=len(found.faces),
        faces=tuple(_to_found_face(face) for face in found.faces),
    )


def to_stored_faces(record: Detection) -> StoredFaces:
    """What mappings are bound to."""
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

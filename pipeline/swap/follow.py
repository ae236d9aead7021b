"""Going on from frame to frame with the faces that were chosen in the first frame that shows any."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from pipeline.engines.base import AnyEngine
from pipeline.face import Bgr, Face
from pipeline.faces.detect import overlaps
from pipeline.faces.match import StoredFace, StoredFaces, identity_distances, match
from pipeline.faces.select import face_id, largest
from pipeline.steps import Steps
from pipeline.swap.choose import ChosenFaces, FaceChooser, embed_faces
from pipeline.swap.request import Every, Largest

_SAME_FACE_OVERLAP: Final = 0.3
"""Share of the boxes' union from which on a face counts as the one of the frame before."""


class Follower:
    """Tells for each frame of what moves, in order, which source goes onto which face."""

    def __init__(self, engine: AnyEngine, chooser: FaceChooser) -> None:
        """Begin with what `chooser` says of the first frame that shows a face."""
        self._engine = engine
        self._chooser = chooser
        self._last: Face | None = None
        self._known: StoredFaces | None = None
        self._by_id: dict[str, str] = {}  # the name of a source by what its face is known as

    def choose(self, frame: Bgr, faces: Sequence[Face]) -> Steps[ChosenFaces]:
        """Find which source goes onto which of the `faces` of a BGR uint8 (h, w, 3) frame.

        Of one person the largest face is followed, and where it is gone the then largest. Faces that were
        asked for by name are found again by place and identity; who is gone for some frames is left out.

        Raises:
            FaceNotFound: the first frame with faces does not show one that was asked for.
        """
        if not faces:
            return {}
        if isinstance(self._chooser.choice, Every):
            return (yield from self._chooser.choose(frame, faces))
        if isinstance(self._chooser.choice, Largest):
            self._last = follow(faces, self._last)
            [name] = self._chooser.names
            return {faces.index(self._last): name}
        if self._known is None:
            return (yield from self._begin(frame, faces))
        return (yield from self._find_again(frame, faces, self._known))

    def _begin(self, frame: Bgr, faces: Sequence[Face]) -> Steps[ChosenFaces]:
        """Choose, and remember everybody: a bystander must not be taken for one who is gone."""
        chosen = yield from self._chooser.choose(frame, faces)
        embeddings = yield from embed_faces(self._engine, frame, faces)
        self._by_id = {face_id(place): name for place, name in chosen.items()}
        known = [
            StoredFace(face_id=face_id(place), bbox=face.bbox, embedding=embedding)
            for place, (face, embedding) in enumerate(zip(faces, embeddings, strict=True))
        ]
        self._known = StoredFaces(width=frame.shape[1], height=frame.shape[0], faces=known)
        return chosen

    def _find_again(self, frame: Bgr, faces: Sequence[Face], known: StoredFaces) -> Steps[ChosenFaces]:
        """Find the faces of the frames before; each is from now on known as it looks here."""
        embeddings = yield from embed_faces(self._engine, frame, faces)
        places = match(
            known,
            faces,
            identity_distances(known.faces, embeddings, self._engine.distance),
            size=(known.width, known.height),
            scale=self._engine.identity_scale,
        )
        seen = [
            before
            if place is None
            else StoredFace(face_id=before.face_id, bbox=faces[place].bbox, embedding=embeddings[place])
            for before, place in zip(known.faces, places, strict=True)
        ]
        self._known = replace(known, faces=seen)
        return {
            place: self._by_id[face.face_id]
            for face, place in zip(seen, places, strict=True)
            if place is not None and face.face_id in self._by_id
        }


def follow(faces: Sequence[Face], last: Face | None) -> Face:
    """The face that overlaps most with `last`, else the largest: two people of one size do not alternate."""
    if last is not None:
        shared, _ = overlaps(last.bbox, np.array([face.bbox for face in faces]))
        nearest = int(shared.argmax())
        if shared[nearest] >= _SAME_FACE_OVERLAP:
            return faces[nearest]
    return largest(faces)

"""Going on from frame to frame with the faces that were chosen in the first frame that shows any."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np

from pipeline.engines.base import Engine
from pipeline.face import Bgr, Face
from pipeline.faces.detect import overlaps
from pipeline.faces.match import StoredFace, StoredFaces, identity_distances, match
from pipeline.faces.select import face_id, largest
from pipeline.swap.choose import choose
from pipeline.swap.decode import DecodedPictures
from pipeline.swap.request import Every, Largest

_SAME_FACE_OVERLAP: Final = 0.3
"""Share of the boxes' union from which on a face counts as the one of the frame before."""


class Follower:
    """Tells for each frame of an animation, in order, which source goes onto which face."""

    def __init__(self, engine: Engine[Any], asked: DecodedPictures) -> None:
        self._engine = engine
        self._asked = asked
        self._last: Face | None = None
        self._known: StoredFaces | None = None
        self._names: dict[str, str] = {}

    def choose(self, frame: Bgr, faces: Sequence[Face]) -> dict[int, str]:
        """The name of a source by the place of its face among the `faces` of a BGR uint8 (h, w, 3) frame.

        Of one person the largest face is followed, and where it is gone the then largest. Faces that were
        asked for by name are found again by place and identity; who is gone for some frames is left out.

        Raises:
            FaceNotFound: the first frame with faces does not show one that was asked for.
        """
        if not faces:
            return {}
        if isinstance(self._asked.choice, Every):
            return choose(self._engine, frame, faces, self._asked)
        if isinstance(self._asked.choice, Largest):
            self._last = follow(faces, self._last)
            [name] = self._asked.sources
            return {faces.index(self._last): name}
        if self._known is None:
            return self._begin(frame, faces)
        return self._find_again(frame, faces, self._known)

    def _begin(self, frame: Bgr, faces: Sequence[Face]) -> dict[int, str]:
        """Choose, and remember everybody: a bystander must not be taken for one who is gone."""
        chosen = choose(self._engine, frame, faces, self._asked)
        self._names = {face_id(place): name for place, name in chosen.items()}
        known = [
            StoredFace(face_id=face_id(place), bbox=face.bbox, embedding=self._engine.embed(frame, face))
            for place, face in enumerate(faces)
        ]
        self._known = StoredFaces(width=frame.shape[1], height=frame.shape[0], faces=known)
        return chosen

    def _find_again(self, frame: Bgr, faces: Sequence[Face], known: StoredFaces) -> dict[int, str]:
        """Find the faces of the frames before; each is from now on known as it looks here."""
        embeddings = [self._engine.embed(frame, face) for face in faces]
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
            place: self._names[face.face_id]
            for face, place in zip(seen, places, strict=True)
            if place is not None and face.face_id in self._names
        }


def follow(faces: Sequence[Face], last: Face | None) -> Face:
    """The face that overlaps most with `last`, else the largest: two people of one size do not alternate."""
    if last is not None:
        shared, _ = overlaps(last.bbox, np.array([face.bbox for face in faces]))
        nearest = int(shared.argmax())
        if shared[nearest] >= _SAME_FACE_OVERLAP:
            return faces[nearest]
    return largest(faces)

"""From a choice to faces: which source goes onto which; the rules are those of `pipeline.faces.select`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pipeline.engines.base import AnyEngine
from pipeline.errors import NoFaceInSource, NoFaceInTarget
from pipeline.face import Bgr, Face, Notice
from pipeline.faces.match import StoredFace, StoredFaces, bind, identity_distances
from pipeline.faces.select import at_least, by_reading_order, by_reference, largest, reading_order
from pipeline.swap.request import Choice, Every, FaceFilter, Largest, Mapped, Recognised
from pipeline.swap.turned import find_either_way_up

#: The name of a source by the place of the face it goes onto.
ChosenFaces = Mapping[int, str]


def find_faces(engine: AnyEngine, picture: Bgr, face_filter: FaceFilter) -> list[Face]:
    """The faces of a BGR uint8 (h, w, 3) picture that count, in reading order."""
    found = find_either_way_up(engine, picture)
    counting = at_least(found, side_px=face_filter.min_size_px, score=face_filter.min_score)
    return reading_order(counting)  # anew: one that does not count must not join two rows either


@dataclass(frozen=True, kw_only=True, eq=False)
class ReferencePerson:
    """Somebody whom a reference picture shows."""

    face: Face
    stored: StoredFace


def look_at_reference(engine: AnyEngine, reference: Bgr) -> ReferencePerson:
    """The person whom a reference picture shows, BGR uint8 (h, w, 3); on the device's thread.

    Raises:
        NoFaceInSource: it shows no face.
    """
    shown = find_either_way_up(engine, reference)
    if not shown:
        raise NoFaceInSource("No usable face was found in the reference picture; send a sharp, frontal one.")
    face = largest(shown)
    stored = StoredFace(face_id="reference", bbox=face.bbox, embedding=engine.embed(reference, face))
    return ReferencePerson(face=face, stored=stored)


class FaceChooser:
    """Tells which source goes onto which face of a picture; on the device's thread."""

    def __init__(
        self, engine: AnyEngine, choice: Choice, names: Sequence[str], face_filter: FaceFilter
    ) -> None:
        """Choose as `choice` says among sources of these `names`, for faces that pass the filter."""
        self._engine = engine
        self.choice = choice
        self.names = tuple(names)
        self._face_filter = face_filter
        self._person: ReferencePerson | None = None

    def learn(self, reference: Bgr) -> None:
        """Look at the reference picture of `Recognised`, BGR uint8 (h, w, 3), before anything is chosen.

        Raises:
            NoFaceInSource: it shows no face.
        """
        self._person = look_at_reference(self._engine, reference)

    def choose(self, picture: Bgr, faces: Sequence[Face]) -> ChosenFaces:
        """Find which source goes onto which of the `faces` of a BGR uint8 (h, w, 3) picture.

        Raises:
            NoFaceInTarget: there are no faces, and none in particular was asked for.
            FaceNotFound: one that was asked for is not there; names it.
        """
        choice = self.choice
        if isinstance(choice, Largest | Every) and not faces:
            raise NoFaceInTarget(_none_found(self._face_filter))
        match choice:
            case Largest():
                return {faces.index(largest(faces)): self.names[0]}
            case Every():
                return dict.fromkeys(range(len(faces)), self.names[0])
            case Recognised():
                return {self._recognised(picture, faces): self.names[0]}
            case Mapped(stored=stored):
                places = (
                    by_reading_order(self.names, len(faces))
                    if stored is None
                    else self._bound(picture, faces, stored)
                )
        return {place: name for name, place in places.items()}

    def notices(self) -> list[Notice]:
        """What the sender should know of how a mapping is bound to its detection."""
        if not isinstance(self.choice, Mapped) or self.choice.stored is None:
            return []
        if self._comparable(self.choice.stored):
            return []
        message = (
            "The detection was made with another identity model, so its faces were found again by their "
            "place alone; detect anew where the picture has changed since."
        )
        return [Notice(code="bound_by_place", message=message)]

    def _comparable(self, stored: StoredFaces) -> bool:
        """Whether the stored embeddings may be compared with today's, as far as is known."""
        return stored.identity_model in {None, self._engine.identity_model}

    def _bound(self, picture: Bgr, faces: Sequence[Face], stored: StoredFaces) -> dict[str, int]:
        engine, known = self._engine, self._comparable(stored)
        embeddings = [engine.embed(picture, face) if known else None for face in faces]
        return bind(
            self.names,
            stored,
            faces,
            identity_distances(stored.faces, embeddings, engine.distance),
            size=(picture.shape[1], picture.shape[0]),
            scale=engine.identity_scale,
        )

    def _recognised(self, picture: Bgr, faces: Sequence[Face]) -> int:
        """The place of the face of the person that the reference picture shows."""
        person, engine = self._person, self._engine
        if person is None:
            raise RuntimeError("the reference picture was not looked at")
        embeddings = [engine.embed(picture, face) for face in faces]
        [distances] = identity_distances([person.stored], embeddings, engine.distance)
        found = by_reference(faces, distances, reference=person.face, scale=engine.identity_scale)
        return faces.index(found)


def _none_found(face_filter: FaceFilter) -> str | None:
    if face_filter == FaceFilter():
        return None
    return (
        f"No face of at least {face_filter.min_size_px:g} pixels and a score of {face_filter.min_score:g} "
        "was found in the target picture; smaller or less certain ones do not count here."
    )

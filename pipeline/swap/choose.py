"""From a choice to faces: which source goes onto which; the rules are those of `pipeline.faces.select`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from pipeline.engines.base import AnyEngine
from pipeline.errors import FaceNotFound, NoFaceInSource, NoFaceInTarget
from pipeline.face import Array, Bgr, Face, FoundFaces, Notice
from pipeline.faces.match import StoredFace, StoredFaces, bind, identity_distances
from pipeline.faces.select import (
    MOST_FACES,
    at_least,
    by_reading_order,
    by_reference,
    face_id,
    largest,
    reading_order,
)
from pipeline.steps import Steps, at_once
from pipeline.swap.request import Choice, Every, FaceFilter, Largest, Mapped, Recognised
from pipeline.swap.turned import find_either_way_up
from pipeline.tracks.cast import CastMember

#: The name of a source by the place of the face it goes onto.
ChosenFaces = Mapping[int, str]


def find_faces(engine: AnyEngine, picture: Bgr, face_filter: FaceFilter) -> Steps[FoundFaces]:
    """The faces of a BGR uint8 (h, w, 3) picture that count, in reading order."""
    found = yield from find_either_way_up(engine, picture)
    # In order anew: one that does not count must not join two rows either.
    return replace(found, faces=reading_order(counting(found.faces, face_filter)))


def embed_faces(engine: AnyEngine, picture: Bgr, faces: Sequence[Face]) -> Steps[list[Array | None]]:
    """The identity embedding of each of the `faces` of a BGR uint8 (h, w, 3) picture, one a step."""
    embeddings: list[Array | None] = []
    for face in faces:
        yield
        embeddings.append(engine.embed(picture, face))
    return embeddings


def left_out_notices(left_out: int) -> tuple[Notice, ...]:
    """Say that the target shows too many faces, where `left_out` of what may be some were not looked at."""
    if not left_out:
        return ()
    message = (
        f"The target shows more than {MOST_FACES} faces at once, or what may be faces. Only the largest "
        f"count; {left_out} smaller ones do not."
    )
    return (Notice(code="faces_left_out", message=message),)


def counting(faces: Sequence[Face], face_filter: FaceFilter) -> list[Face]:
    """Those of `faces` that pass the filter."""
    return at_least(faces, side_px=face_filter.min_size_px, score=face_filter.min_score)


def counting_members(members: Sequence[CastMember], face_filter: FaceFilter) -> list[CastMember]:
    """The people of a video whose face passes the filter where it is seen best, numbered anew."""
    left = [member for member in members if counting([member.face], face_filter)]
    return [replace(member, face_id=face_id(number)) for number, member in enumerate(left)]


@dataclass(frozen=True, kw_only=True, eq=False)
class _Person:
    """Somebody whom a reference picture shows."""

    face: Face
    stored: StoredFace


class FaceChooser:
    """Tells which source goes onto which face of a picture, or person of a video; on the device's thread."""

    def __init__(
        self, engine: AnyEngine, choice: Choice, names: Sequence[str], face_filter: FaceFilter
    ) -> None:
        """Choose as `choice` says among sources of these `names`, for faces that pass the filter."""
        self._engine = engine
        self.choice = choice
        self.names = tuple(names)
        self._face_filter = face_filter
        self._person: _Person | None = None

    def learn(self, reference: Bgr) -> Steps[None]:
        """Look at the reference picture of `Recognised`, BGR uint8 (h, w, 3), before anything is chosen.

        Raises:
            NoFaceInSource: it shows no face.
        """
        found = yield from find_either_way_up(self._engine, reference)
        if not found.faces:
            raise NoFaceInSource(
                "No usable face was found in the reference picture; send a sharp, frontal one."
            )
        face = largest(found.faces)
        embedding = self._engine.embed(reference, face)
        self._person = _Person(
            face=face, stored=StoredFace(face_id="reference", bbox=face.bbox, embedding=embedding)
        )

    def choose(self, picture: Bgr, faces: Sequence[Face]) -> Steps[ChosenFaces]:
        """Find which source goes onto which of the `faces` of a BGR uint8 (h, w, 3) picture.

        Raises:
            NoFaceInTarget: there are no faces, and none in particular was asked for.
            FaceNotFound: one that was asked for is not there; names it.
        """
        return self._choose(
            _Candidates(
                faces=faces,
                size=(picture.shape[1], picture.shape[0]),
                embeddings=lambda: embed_faces(self._engine, picture, faces),
                extent=lambda place: faces[place].area,
            )
        )

    def choose_members(self, members: Sequence[CastMember]) -> ChosenFaces:
        """Find which source goes onto which of the people of a video, by their place in its cast.

        The largest is who takes up most of the picture for the longest time. With `Every` those are meant as
        well who are not in the cast. Faces of a stored detection are found by identity alone.

        Raises:
            NoFaceInTarget: there are none, and none in particular was asked for.
            FaceNotFound: one that was asked for is not there; names it.
        """
        return at_once(
            self._choose(
                _Candidates(
                    faces=[member.face for member in members],
                    size=None,
                    embeddings=lambda: _known(members),
                    extent=lambda place: members[place].prominence,
                )
            )
        )

    def _choose(self, candidates: "_Candidates") -> Steps[ChosenFaces]:
        choice, count = self.choice, len(candidates.faces)
        if isinstance(choice, Largest | Every) and not count:
            raise NoFaceInTarget(
                _none_found(self._face_filter, "video" if candidates.size is None else "picture")
            )
        match choice:
            case Largest():
                return {candidates.largest(): self.names[0]}
            case Every():
                return dict.fromkeys(range(count), self.names[0])
            case Recognised():
                return {(yield from self._recognised(candidates)): self.names[0]}
            case Mapped(stored=None):
                places = by_reading_order(self.names, count)
            case Mapped(stored=StoredFaces() as stored):
                places = yield from self._bound(candidates, stored)
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

    def _bound(self, candidates: "_Candidates", stored: StoredFaces) -> Steps[dict[str, int]]:
        known = self._comparable(stored)
        if not known and candidates.size is None:
            raise FaceNotFound(
                "The detection was made with another identity model, so the people of the video cannot be "
                "told by it. Detect its faces anew with the same engine."
            )
        embeddings = (yield from candidates.embeddings()) if known else [None] * len(candidates.faces)
        return bind(
            self.names,
            stored,
            candidates.faces,
            identity_distances(stored.faces, embeddings, self._engine.distance),
            size=candidates.size,
            scale=self._engine.identity_scale,
        )

    def _recognised(self, candidates: "_Candidates") -> Steps[int]:
        """The place of the face of the person that the reference picture shows."""
        person, engine = self._person, self._engine
        if person is None:
            raise RuntimeError("the reference picture was not looked at")
        embeddings = yield from candidates.embeddings()
        [distances] = identity_distances([person.stored], embeddings, engine.distance)
        faces = candidates.faces
        found = by_reference(faces, distances, reference=person.face, scale=engine.identity_scale)
        return faces.index(found)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Candidates:
    """Faces to choose among.

    Attributes:
        faces: the faces; of a picture in reading order, of a video those of its cast.
        size: width and height of the picture in pixels; None where places say nothing.
        embeddings: makes the identity embeddings of all of them.
        extent: how large the face at a place is.
    """

    faces: Sequence[Face]
    size: tuple[int, int] | None
    embeddings: Callable[[], Steps[list[Array | None]]]
    extent: Callable[[int], float]

    def largest(self) -> int:
        """The place of the largest; of equal ones the first."""
        return max(range(len(self.faces)), key=self.extent)


def _known(members: Sequence[CastMember]) -> Steps[list[Array | None]]:
    return [member.person.embedding for member in members]
    yield


def _none_found(face_filter: FaceFilter, kind: str) -> str:
    if face_filter == FaceFilter():
        return f"No face was found in the target {kind}; send one that shows the face larger and sharper."
    return (
        f"No face of at least {face_filter.min_size_px:g} pixels and a score of {face_filter.min_score:g} "
        f"was found in the target {kind}; smaller or less certain ones do not count here."
    )

"""From a choice to faces: which source goes onto which; the rules are those of `pipeline.faces.select`."""

from collections.abc import Collection, Sequence
from typing import Any

from pipeline.engines.base import Engine
from pipeline.errors import NoFaceInSource, NoFaceInTarget
from pipeline.face import Bgr, Face, Notice
from pipeline.faces.match import StoredFace, StoredFaces, bind, identity_distances
from pipeline.faces.select import at_least, by_reading_order, by_reference, largest, reading_order
from pipeline.swap.decode import DecodedPictures
from pipeline.swap.request import Choice, Every, FaceFilter, Largest, Mapped, Recognised


def find_faces(engine: Engine[Any], picture: Bgr, face_filter: FaceFilter) -> list[Face]:
    """The faces of a BGR uint8 (h, w, 3) picture that count, in reading order."""
    counting = at_least(engine.find_faces(picture), side_px=face_filter.side_px, score=face_filter.score)
    return reading_order(counting)  # anew: one that does not count must not join two rows either


def choose(
    engine: Engine[Any], picture: Bgr, faces: Sequence[Face], asked: DecodedPictures
) -> dict[int, str]:
    """Find which source goes onto which of the `faces` of a BGR uint8 (h, w, 3) picture.

    Returns:
        The name of a source by the place of its face in `faces`.

    Raises:
        NoFaceInTarget: there are no faces, and none in particular was asked for.
        FaceNotFound: one that was asked for is not there; names it.
        NoFaceInSource: the reference picture shows no face.
    """
    choice, [first, *_] = asked.choice, asked.sources
    if isinstance(choice, Largest | Every) and not faces:
        raise NoFaceInTarget(_none_found(asked.face_filter))
    match choice:
        case Largest():
            return {faces.index(largest(faces)): first}
        case Every():
            return dict.fromkeys(range(len(faces)), first)
        case Recognised():
            return {_recognised(engine, picture, faces, asked): first}
        case Mapped(stored=stored):
            places = (
                by_reading_order(asked.sources, len(faces))
                if stored is None
                else _bound(engine, picture, faces, asked.sources, stored)
            )
    return {place: name for name, place in places.items()}


def binding_notices(engine: Engine[Any], choice: Choice) -> list[Notice]:
    """What the sender should know of how a mapping is bound to its detection."""
    if not isinstance(choice, Mapped) or choice.stored is None or _comparable(engine, choice.stored):
        return []
    message = (
        "The detection was made with another identity model, so its faces were found again by their place "
        "alone; detect anew where the picture has changed since."
    )
    return [Notice(code="bound_by_place", message=message)]


def _comparable(engine: Engine[Any], stored: StoredFaces) -> bool:
    """Whether the stored embeddings may be compared with today's, as far as is known."""
    return stored.identity_model in {None, engine.identity_model}


def _bound(
    engine: Engine[Any], picture: Bgr, faces: Sequence[Face], face_ids: Collection[str], stored: StoredFaces
) -> dict[str, int]:
    known = _comparable(engine, stored)
    embeddings = [engine.embed(picture, face) if known else None for face in faces]
    return bind(
        face_ids,
        stored,
        faces,
        identity_distances(stored.faces, embeddings, engine.distance),
        size=(picture.shape[1], picture.shape[0]),
        scale=engine.identity_scale,
    )


def _recognised(engine: Engine[Any], picture: Bgr, faces: Sequence[Face], asked: DecodedPictures) -> int:
    """The place of the face of the person that the reference picture shows."""
    if asked.reference is None:
        raise RuntimeError("the reference picture was not decoded")
    shown = engine.find_faces(asked.reference.bgr)
    if not shown:
        raise NoFaceInSource("No usable face was found in the reference picture; send a sharp, frontal one.")
    reference = largest(shown)
    stored = StoredFace(
        face_id="reference", bbox=reference.bbox, embedding=engine.embed(asked.reference.bgr, reference)
    )
    embeddings = [engine.embed(picture, face) for face in faces]
    [distances] = identity_distances([stored], embeddings, engine.distance)
    return faces.index(by_reference(faces, distances, reference=reference, scale=engine.identity_scale))


def _none_found(face_filter: FaceFilter) -> str | None:
    if face_filter == FaceFilter():
        return None
    return (
        f"No face of at least {face_filter.side_px:g} pixels and a score of {face_filter.score:g} was "
        "found in the target picture; smaller or less certain ones do not count here."
    )

"""The people of a video as a swap knows them, and which source goes onto whom."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from pipeline.engines.base import AnyEngine
from pipeline.errors import FaceNotFound, NoFaceInTarget
from pipeline.face import Bgr, Face
from pipeline.faces.match import identity_distances
from pipeline.faces.select import by_reading_order, by_reference, face_id, listed
from pipeline.swap.choose import ReferencePerson, look_at_reference
from pipeline.swap.request import Choice, Every, FaceFilter, Largest, Recognised
from pipeline.tracks.cast import CastMember
from pipeline.tracks.identity import Person

#: The name of a source by the place of the person it goes onto.
ChosenPeople = Mapping[int, str]

NOBODY: Final = "No face was found in the video."


@dataclass(frozen=True, kw_only=True, eq=False)
class Someone:
    """One person of a video."""

    #: `face_0` and so on, as mappings call them.
    face_id: str
    #: Where they are seen best.
    face: Face
    #: How they look, for a `Tracker`.
    person: Person
    #: When they are seen first and last, in seconds of the target's own clock.
    first_s: float
    last_s: float
    #: The area of their face summed over the time in which they are seen: who is the largest of all.
    prominence: float


def someone(member: CastMember) -> Someone:
    """A member of a cast, less its picture."""
    return Someone(
        face_id=member.face_id,
        face=member.face,
        person=member.person,
        first_s=member.first_s,
        last_s=member.last_s,
        prominence=member.prominence,
    )


def counting(cast: Iterable[CastMember], face_filter: FaceFilter) -> tuple[CastMember, ...]:
    """Those who are seen so large and so certainly that they count, numbered anew."""
    large = [
        member
        for member in cast
        if min(member.face.size) >= face_filter.min_size_px and member.face.score >= face_filter.min_score
    ]
    return tuple(replace(member, face_id=face_id(number)) for number, member in enumerate(large))


class PeopleChooser:
    """Tells which source goes onto which of the people of a video; on the device's thread."""

    def __init__(self, engine: AnyEngine, choice: Choice) -> None:
        self._engine = engine
        self._choice = choice
        self._reference: ReferencePerson | None = None

    def learn(self, reference: Bgr) -> None:
        """Look at the reference picture of `Recognised`, BGR uint8 (h, w, 3).

        Raises:
            NoFaceInSource: it shows no face.
        """
        self._reference = look_at_reference(self._engine, reference)

    @property
    def everybody(self) -> bool:
        """Whether faces that are nobody's of the cast are changed as well."""
        return isinstance(self._choice, Every)

    def choose(self, people: Sequence[Someone], names: Sequence[str], *, named: bool) -> ChosenPeople:
        """Find whom each of the sources of these `names` goes onto; `named` are people of a stored detection.

        Raises:
            NoFaceInTarget: there is nobody who counts, and nobody in particular was asked for.
            FaceNotFound: somebody who was asked for is not there; names them.
        """
        places = range(len(people))
        match self._choice:
            case Largest() | Every() if not people:
                raise NoFaceInTarget(NOBODY)
            case Largest():
                return {max(places, key=lambda place: people[place].prominence): names[0]}
            case Every():
                return dict.fromkeys(places, names[0])
            case Recognised():
                return {self._recognised(people): names[0]}
        if named:
            return _by_name(people, names)
        return {number: name for name, number in by_reading_order(names, len(people)).items()}

    def _recognised(self, people: Sequence[Someone]) -> int:
        person = self._reference
        if person is None:
            raise RuntimeError("the reference picture was not looked at")
        embeddings = [each.person.embedding for each in people]
        distances = identity_distances([person.stored], embeddings, self._engine.distance)[0]
        faces = [each.face for each in people]
        found = by_reference(
            faces, np.asarray(distances), reference=person.face, scale=self._engine.identity_scale
        )
        return next(place for place, each in enumerate(faces) if each is found)


def _by_name(people: Sequence[Someone], names: Sequence[str]) -> ChosenPeople:
    """Those of a stored detection, by what it calls them."""
    known = {each.face_id: place for place, each in enumerate(people)}
    unknown = [name for name in names if name not in known]
    if unknown:
        there = f"its {len(known)} faces are {listed(list(known))}" if known else "it has no faces"
        raise FaceNotFound(f"The stored detection has no {listed(unknown)}: {there}.")
    return {known[name]: name for name in names}

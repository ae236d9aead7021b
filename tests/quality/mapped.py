"""Does each source of a mapping get onto the face that it is for, and onto nothing else?"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.engines.base import AnyEngine
from pipeline.errors import FaceNotFound
from pipeline.face import Bgr, Face
from pipeline.faces.match import StoredFace, StoredFaces
from pipeline.faces.select import face_id
from pipeline.media.pictures.decode import Limits, decode
from pipeline.swap.detect import detect
from pipeline.swap.request import FaceFilter, Mapped
from pipeline.swap.result import FaceResult
from pipeline.swap.swapper import Swapper
from tests.quality.groups import groups, overlapping
from tests.quality.judge import Known, expected, nearest
from tests.quality.scene import PORTRAITS, Person, Scene, cut, other_than, placed, resized, sized_head
from tests.quality.variants import encoded
from tests.support.engines import png
from tests.support.requests import a_request, swap

Area = NDArray[np.bool_]

_TWO: Final = 2
_ONE_BY_ONE: Final = ("two rows of three", "uneven rows", "six, close")
_RIM: Final = 0.08  # of a face's size, which its swap may reach beyond its hull
_MUCH: Final = 0.5  # of a face's pixels at least are others once it was swapped


@dataclass(frozen=True, kw_only=True)
class Asked:
    """Who gets the other person's face, by the name of the face in the mapping.

    Attributes:
        name: what is tried.
        scene: the target.
        numbers: for each face id the place in `scene.people` of whom it means.
        stored: the detection that the ids are from; without one they count in reading order.
    """

    name: str
    scene: Scene
    numbers: Mapping[str, int]
    stored: StoredFaces | None = None


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What became of one mapping: all but `mapped` and `bystanders` count what is as it must be.

    Attributes:
        mapped: how many faces were mapped.
        right: are now nearer to the source that was for them than to who they were.
        told: are named by the result, at their place, with their source, as swapped.
        bystanders: how many faces were not mapped.
        untouched: kept every pixel that no swapped face in front of them hides.
        refused: the job ended in `face_not_found`.
    """

    mapped: int
    right: int = 0
    told: int = 0
    bystanders: int = 0
    untouched: int = 0
    refused: bool = False


def in_reading_order(first: str) -> Iterator[Asked]:
    """Of every group all faces at once; of some, each face alone as well."""
    for group in [*groups(first), *overlapping(first)]:
        scene = group.compose()
        every = {face_id(number): number for number in range(len(scene.people))}
        yield Asked(name=group.name, scene=scene, numbers=every)
        if len(every) == _TWO or group.name in _ONE_BY_ONE:
            for name, number in every.items():
                yield Asked(name=f"{group.name}, {name}", scene=scene, numbers={name: number})


def bound(engine: AnyEngine, first: str) -> Iterator[Asked]:
    """Faces of a detection, in pictures that changed since."""
    every = {group.name: group for group in [*groups(first), *overlapping(first)]}
    for name in ("two in a row", "two sizes", "uneven rows", "six tilted", "six, close"):
        before = every[name].compose()
        stored = stored_faces(engine, before)
        numbers = {face_id(number): number for number in range(len(before.people))}
        for change, scene in _changed(before):
            yield Asked(name=change, scene=scene, numbers=numbers, stored=stored)
    for name in ("two in a row", "two sizes", "two tilted"):
        before = every[name].compose()
        stored = stored_faces(engine, before)
        height, width = before.picture.shape[:2]
        yield Asked(
            name="cropped",
            scene=cut(before, (20, 15, width, height - 10)),
            numbers={"face_0": 0, "face_1": 1},
            stored=stored,
        )
        right = cut(before, (width * 45 // 100, 0, width, height))
        alone = replace(right, people=right.people[1:])
        yield Asked(name="cropped to the second", scene=alone, numbers={"face_1": 0}, stored=stored)
        [exchanged] = [group for group in groups(other_than(first)) if group.name == name]
        yield Asked(
            name="places exchanged",
            scene=exchanged.compose(),
            numbers={"face_0": 1, "face_1": 0},
            stored=stored,
        )


def stored_faces(engine: AnyEngine, scene: Scene) -> StoredFaces:
    """What a detect-faces job keeps of a picture."""
    found = detect(engine, decode(png(scene.picture), Limits()), FaceFilter())
    faces = (
        StoredFace(face_id=each.face_id, bbox=each.face.bbox, embedding=each.embedding)
        for each in found.faces
    )
    return StoredFaces(width=found.width, height=found.height, faces=tuple(faces))


def judge_mapping(swapper: Swapper, engine: AnyEngine, known: Mapping[str, Known], asked: Asked) -> Verdict:
    """Run a mapping through all steps of a job, from files to pixels."""
    people = asked.scene.people
    sources = {
        name: png(PORTRAITS[other_than(people[number].who)][0]()) for name, number in asked.numbers.items()
    }
    request = a_request(sources, png(asked.scene.picture), choice=Mapped(asked.stored))
    try:
        swapped = swap(request, swapper)
    except FaceNotFound:
        return Verdict(mapped=len(sources), refused=True)
    after, meant = swapped.picture.bgr, set(asked.numbers.values())
    changed = (asked.scene.picture != after).any(axis=2)
    again = engine.find_faces(after)
    others = set(range(len(people))) - meant
    return Verdict(
        mapped=len(meant),
        right=sum(
            changed[area(known, people[number], after)].mean() > _MUCH
            and _shows_the_other(engine, known, people[number], after, again)
            for number in meant
        ),
        told=sum(
            _is_told(swapped.result.faces, known, people[number], name)
            for name, number in asked.numbers.items()
        ),
        bystanders=len(others),
        untouched=sum(
            not changed[area(known, people[number], after) & ~hidden(known, asked.scene, number, meant)].any()
            for number in others
        ),
    )


def _changed(scene: Scene) -> Iterator[tuple[str, Scene]]:
    yield "half the size", resized(scene, 0.5)
    yield "1.6 times the size", resized(scene, 1.6)
    yield "JPEG, quality 75", replace(scene, picture=encoded(scene.picture, extension=".jpg", quality=75))
    small = resized(scene, 0.7)
    yield (
        "0.7 times, WebP, quality 40",
        replace(small, picture=encoded(small.picture, extension=".webp", quality=40)),
    )
    more = placed(sized_head("hopper", 40), scene.picture, 0, 0)
    yield "one more face above", replace(more, people=(*scene.people, *more.people))


def _is_told(faces: Iterable[FaceResult], known: Mapping[str, Known], person: Person, name: str) -> bool:
    x, y = expected(known, person)[0].mean(axis=0)
    return any(
        face.swapped
        and face.source == name
        and 0 < x - face.box[0] < face.box[2]
        and 0 < y - face.box[1] < face.box[3]
        for face in faces
    )


def _shows_the_other(
    engine: AnyEngine, known: Mapping[str, Known], person: Person, after: Bgr, again: list[Face]
) -> bool:
    face = nearest(again, *expected(known, person))
    embedding = None if face is None else engine.embed(after, face)
    source, own = (known[who].source.embedding for who in (other_than(person.who), person.who))
    if embedding is None or source is None or own is None:
        return False
    return engine.distance(embedding, source) < engine.distance(embedding, own)


def hidden(known: Mapping[str, Known], scene: Scene, number: int, meant: Collection[int]) -> Area:
    """What swapped faces that are larger, and therefore stand in front, may hide of a face."""
    own = expected(known, scene.people[number])[1]
    behind = np.zeros(scene.picture.shape[:2], np.bool_)
    for other in meant:
        if expected(known, scene.people[other])[1] > own:
            behind |= area(known, scene.people[other], scene.picture, share=1 + 2 * _RIM)
    return behind


def area(known: Mapping[str, Known], person: Person, picture: Bgr, *, share: float = 1) -> Area:
    """The hull of somebody's face, `share` of its size."""
    points, _ = expected(known, person)
    middle = points.mean(axis=0)
    hull = cv2.convexHull((middle + share * (points - middle)).astype(np.float32)).round().astype(np.int32)
    canvas = np.zeros(picture.shape[:2], np.uint8)
    return np.asarray(cv2.fillConvexPoly(canvas, hull, 1) > 0, np.bool_)

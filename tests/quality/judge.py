"""Find, swap and look at every face of a scene."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from pipeline.align import transform
from pipeline.engines.base import BlendOptions
from pipeline.engines.mesh.engine import MeshEngine
from pipeline.engines.mesh.source import MeshSource
from pipeline.face import Array, Bgr, Face
from pipeline.faces.landmarks import MESH_POINTS
from pipeline.faces.select import largest
from tests.quality.halves import light_moved
from tests.quality.profile import turned_aside
from tests.quality.scene import PORTRAITS, Person, Scene, other_than, portrait
from tests.quality.seam import Seam, changed_beyond, look_at_seam

_NEAR: Final = 0.35  # of its size; further off, what was found is not this face


@dataclass(frozen=True, kw_only=True, eq=False)
class Known:
    """A portrait as the engine knows it: its (468, 3) points, its face's size, and the source made of it."""

    landmarks: Array
    size: float
    source: MeshSource


@dataclass(frozen=True, kw_only=True, eq=False)
class Identity:
    """Distances of one face; all Euclidean.

    Attributes:
        own: untouched, to the portrait of the same person.
        other: untouched, to the other person, who is the source.
        to_source: swapped, to the source; None where no face is found in the result.
        to_before: swapped, to itself untouched; None likewise.
    """

    own: float
    other: float
    to_source: float | None
    to_before: float | None


@dataclass(frozen=True, kw_only=True, eq=False)
class FaceOutcome:
    """What became of one person's face; `move` and `seam` are None where it was not found or not changed.

    `move` is the mean distance of the 468 landmarks from where the portrait's own are taken, as a share of
    the face's size; those beyond the picture's edge do not count. `light` is how differently light falls on
    it than before, see `tests.quality.halves`.
    """

    found: bool
    move: float | None = None
    identity: Identity | None = None
    seam: Seam | None = None
    light: float | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Outcome:
    """What became of a scene.

    Attributes:
        faces: one for each person.
        strangers: how many faces were found where there is none.
        outside: how many pixels lie outside of all faces.
        touched: how many of those changed.
        find_ms: time to find all faces of the picture.
        swap_ms: time to swap them all.
    """

    faces: tuple[FaceOutcome, ...]
    strangers: int
    outside: int
    touched: int
    find_ms: float
    swap_ms: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Swap:
    """A scene after everybody in it got the other person's face.

    Attributes:
        faces: the face found for each person, None where it was not.
        strangers: how many were found that are nobody's.
        picture: the result.
        find_ms: time to find all faces.
        swap_ms: time to swap them all.
    """

    faces: tuple[Face | None, ...]
    strangers: int
    picture: Bgr
    find_ms: float
    swap_ms: float


def know(engine: MeshEngine) -> dict[str, Known]:
    """Both portraits by name."""
    known = {}
    for who in PORTRAITS:
        picture = portrait(who).picture
        face = largest(engine.find_faces(picture))
        assert face.landmarks is not None
        known[who] = Known(
            landmarks=face.landmarks[:MESH_POINTS],
            size=max(face.size),
            source=engine.prepare_source(picture, face),
        )
    return known


def prepared(engine: MeshEngine, picture: Bgr) -> MeshSource:
    """The source that a picture's largest face makes."""
    return engine.prepare_source(picture, largest(engine.find_faces(picture)))


def swap_everybody(engine: MeshEngine, known: Mapping[str, Known], scene: Scene) -> Swap:
    """Give every person in a scene the other's face."""
    started = time.perf_counter()
    every = engine.find_faces(scene.picture)
    found_at = time.perf_counter()
    left, faces = every, list[Face | None]()
    for person in scene.people:
        face = nearest(left, *expected(known, person))
        faces.append(face)
        left = [other for other in left if other is not face]
    after = scene.picture.copy()
    given = None if scene.source is None else prepared(engine, scene.source)
    pairs = [
        (face, given or known[other_than(person.who)].source)
        for person, face in zip(scene.people, faces, strict=True)
        if face is not None
    ]
    pairs.sort(key=lambda pair: pair[0].area)  # as in a job, the larger face is drawn over the smaller
    ready_at = time.perf_counter()
    engine.swap(after, pairs, BlendOptions(), others=every)
    return Swap(
        faces=tuple(faces),
        strangers=len(left),
        picture=after,
        find_ms=1000 * (found_at - started),
        swap_ms=1000 * (time.perf_counter() - ready_at),
    )


def judge(engine: MeshEngine, known: Mapping[str, Known], scene: Scene) -> tuple[Outcome, Bgr]:
    """Swap every face of a scene for the other person's, measure what there is to measure; and the result."""
    before = scene.picture
    swapped = swap_everybody(engine, known, scene)
    after = swapped.picture
    again = engine.find_faces(after)
    outcomes: list[FaceOutcome] = []
    covered: list[tuple[Array, float]] = []
    for person, face in zip(scene.people, swapped.faces, strict=True):
        if face is None:
            outcomes.append(FaceOutcome(found=False))
            continue
        points, size = expected(known, person)
        covered.append((mesh(face), size))
        result = nearest(again, points, size)
        outcomes.append(
            FaceOutcome(
                found=True,
                move=_move(mesh(face), points, before.shape) / size,
                identity=_identify(engine, known, person.who, (before, face), (after, result)),
                seam=look_at_seam(before, after, mesh(face), size),
                light=light_moved(before, after, mesh(face), size),
            )
        )
    outside, touched = changed_beyond(before, after, covered)
    outcome = Outcome(
        faces=tuple(outcomes),
        strangers=swapped.strangers,
        outside=outside,
        touched=touched,
        find_ms=swapped.find_ms,
        swap_ms=swapped.swap_ms,
    )
    return outcome, after


def expected(known: Mapping[str, Known], person: Person) -> tuple[Array, float]:
    """Where the 468 points must be, (468, 2), and the size of the face."""
    own = known[person.who]
    scale = float(np.sqrt(np.linalg.det(person.matrix[:, :2])))
    return transform(person.matrix, turned_aside(own.landmarks, person.yaw_deg)[:, :2]), own.size * scale


def nearest(faces: Sequence[Face], expected: Array, size: float) -> Face | None:
    """The face that lies where it must, if there is one."""
    middle = (expected.min(axis=0) + expected.max(axis=0)) / 2
    off = [float(np.hypot(*(middle - face.center))) / size for face in faces]
    return faces[int(np.argmin(off))] if off and min(off) < _NEAR else None


def _move(found: Array, expected: Array, shape: tuple[int, ...]) -> float:
    """Mean distance in pixels of the points that lie within the picture."""
    within = ((expected >= 0) & (expected < (shape[1], shape[0]))).all(axis=1)
    return float(np.linalg.norm(found - expected, axis=1)[within].mean())


def _identify(
    engine: MeshEngine,
    known: Mapping[str, Known],
    who: str,
    faces: tuple[Bgr, Face],
    again: tuple[Bgr, Face | None],
) -> Identity:
    untouched = engine.embed(*faces)
    own, other = (known[name].source.embedding for name in (who, other_than(who)))
    assert own is not None
    assert other is not None
    after, face = again
    result = None if face is None else engine.embed(after, face)
    return Identity(
        own=engine.distance(untouched, own),
        other=engine.distance(untouched, other),
        to_source=None if result is None else engine.distance(result, other),
        to_before=None if result is None else engine.distance(result, untouched),
    )


def mesh(face: Face) -> Array:
    assert face.landmarks is not None
    return face.landmarks[:MESH_POINTS, :2]

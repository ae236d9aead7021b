"""What a person pointed at stays what is meant, whatever today's detector makes of the picture."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import FaceNotFound
from pipeline.face import Array, Face
from pipeline.faces.identity import SCALE
from pipeline.faces.match import StoredFace, StoredFaces, bind, identity_distances
from tests.support.faces import made_up_face

WIDTH, HEIGHT = 1200, 900
SEEDS = st.integers(0, 2**32 - 1)


def store(faces: Sequence[Face], people: Sequence[Array] | None = None) -> StoredFaces:
    stored = [
        StoredFace(face_id=f"face_{i}", bbox=face.bbox, embedding=None if people is None else people[i])
        for i, face in enumerate(faces)
    ]
    return StoredFaces(width=WIDTH, height=HEIGHT, faces=stored)


def crowd(rng: np.random.Generator, count: int) -> list[Face]:
    """Faces of uneven size, each in a cell of its own, but anywhere in it."""
    cells = rng.permutation(20)[:count]
    faces = []
    for cell in cells:
        size = rng.uniform(60, 140)
        x, y = rng.uniform(size / 2, 240 - size / 2), rng.uniform(size / 2, 225 - size / 2)
        faces.append(made_up_face(240 * (cell % 5) + x, 225 * (cell // 5) + y, size))
    return faces


def strangers(count: int) -> list[Array]:
    """Embeddings at distance 0.85 of one another."""
    return [np.eye(count, dtype=np.float32)[i] * np.float32(0.6) for i in range(count)]


def blurred(rng: np.random.Generator, embedding: Array) -> Array:
    """The same person's embedding in a worse picture: 0.2 away."""
    step = rng.normal(size=embedding.shape)
    return (embedding + 0.2 * step / np.linalg.norm(step)).astype(np.float32)


def jittered(rng: np.random.Generator, face: Face) -> Face:
    """Another detector's idea of the box: each edge off by up to a tenth of the face."""
    offset = rng.uniform(-0.1, 0.1, 4) * face.size[0]
    return Face(bbox=(face.bbox + offset).astype(np.float32), score=face.score, kps=face.kps)


def resized(face: Face, factor: float) -> Face:
    bbox, kps = (face.bbox * factor).astype(np.float32), (face.kps * factor).astype(np.float32)
    return Face(bbox=bbox, score=face.score, kps=kps)


def compare(stored: StoredFaces, embeddings: Sequence[Array | None]) -> Array:
    return identity_distances(stored.faces, embeddings, lambda one, other: float(np.linalg.norm(one - other)))


def bound(
    stored: StoredFaces,
    today: Sequence[Face],
    embeddings: Sequence[Array | None] | None = None,
    *,
    wanted: Sequence[str] | None = None,
    size: tuple[int, int] = (WIDTH, HEIGHT),
) -> dict[str, int]:
    return bind(
        [face.face_id for face in stored.faces] if wanted is None else wanted,
        stored,
        today,
        compare(stored, [None] * len(today) if embeddings is None else embeddings),
        size=size,
        scale=SCALE,
    )


@settings(deadline=None)
@given(
    seed=SEEDS,
    count=st.integers(1, 12),
    more=st.integers(0, 5),
    factor=st.sampled_from([0.3, 0.5, 1.0, 2.0]),
    identity=st.booleans(),
)
def test_shuffled_jittered_scaled_and_with_more_faces_each_is_found_again(
    seed: int, count: int, more: int, factor: float, *, identity: bool
) -> None:
    rng = np.random.default_rng(seed)
    everybody, people = crowd(rng, count + more), strangers(count + more)
    order = rng.permutation(count + more)
    today = [resized(jittered(rng, everybody[i]), factor) for i in order]
    embeddings = [blurred(rng, people[i]) for i in order] if identity else None
    stored = store(everybody[:count], people if identity else None)
    size = round(WIDTH * factor), round(HEIGHT * factor)
    found = bound(stored, today, embeddings, size=size)
    assert {name: int(order[place]) for name, place in found.items()} == {
        f"face_{i}": i for i in range(count)
    }


@settings(deadline=None)
@given(seed=SEEDS, count=st.integers(2, 12), identity=st.booleans())
def test_a_face_that_is_gone_is_named_and_the_others_are_still_found(
    seed: int, count: int, *, identity: bool
) -> None:
    rng = np.random.default_rng(seed)
    faces, people = crowd(rng, count), strangers(count)
    gone = int(rng.integers(count))
    there = [i for i in range(count) if i != gone]
    today = [jittered(rng, faces[i]) for i in there]
    embeddings = [blurred(rng, people[i]) for i in there] if identity else None
    stored = store(faces, people if identity else None)
    names = [f"face_{i}" for i in there]
    assert bound(stored, today, embeddings, wanted=names) == {
        f"face_{i}": place for place, i in enumerate(there)
    }
    with pytest.raises(FaceNotFound, match=rf"^face_{gone} of the stored detection"):
        bound(stored, today, embeddings)


@settings(deadline=None)
@given(SEEDS, st.integers(1, 12))
def test_the_same_person_many_times_is_told_apart_by_place(seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    faces, person = crowd(rng, count), strangers(1)[0]
    order = rng.permutation(count)
    today = [jittered(rng, faces[i]) for i in order]
    found = bound(store(faces, [person] * count), today, [blurred(rng, person) for _ in order])
    assert {name: int(order[place]) for name, place in found.items()} == {
        f"face_{i}": i for i in range(count)
    }


@settings(deadline=None)
@given(SEEDS, st.integers(2, 12))
def test_in_a_cropped_picture_people_are_found_by_identity(seed: int, count: int) -> None:
    """Cut off at the left and on top: every box lies where somebody else's was, or nobody's."""
    rng = np.random.default_rng(seed)
    faces, people = crowd(rng, count), strangers(count)
    order = rng.permutation(count)
    today = [made_up_face(faces[i].center[0] - 240, faces[i].center[1], faces[i].size[0]) for i in order]
    found = bound(
        store(faces, people), today, [blurred(rng, people[i]) for i in order], size=(WIDTH - 240, HEIGHT)
    )
    assert {name: int(order[place]) for name, place in found.items()} == {
        f"face_{i}": i for i in range(count)
    }


def test_people_who_changed_places_are_followed() -> None:
    """As in a mirrored picture of two: both boxes are where they were, with the other person in them."""
    left, right = made_up_face(300, 300), made_up_face(900, 300)
    one, other = strangers(2)
    assert bound(store([left, right], [one, other]), [left, right], [other, one]) == {
        "face_0": 1,
        "face_1": 0,
    }


def test_somebody_else_in_the_same_place_is_not_who_was_pointed_at() -> None:
    face, (one, other) = made_up_face(300, 300), strangers(2)
    with pytest.raises(FaceNotFound, match="face_0"):
        bound(store([face], [one]), [face], [other])


def test_faces_too_small_for_identity_are_found_by_place() -> None:
    face, (one, other) = made_up_face(300, 300, size=SCALE.blind_px - 1), strangers(2)
    assert bound(store([face], [one]), [face], [other]) == {"face_0": 0}


def test_someone_elsewhere_is_not_taken_when_two_are_alike() -> None:
    """The face is gone from its place, and either of two others might be this person."""
    one, other = strangers(2)
    today = [made_up_face(700, 300), made_up_face(1000, 300)]
    alike = one + np.float32(0.2) * other
    with pytest.raises(FaceNotFound, match="face_0"):
        bound(store([made_up_face(300, 300)], [one]), today, [one + np.float32(0.17) * other, alike])


def test_one_face_is_never_given_to_two() -> None:
    """Two stored faces overlap, as of people cheek to cheek; only the second is still found."""
    near, nearer = made_up_face(300, 300), made_up_face(340, 300)
    stored = store([near, nearer])
    assert bound(stored, [made_up_face(342, 300)], wanted=["face_1"]) == {"face_1": 0}
    with pytest.raises(FaceNotFound, match="face_0"):
        bound(stored, [made_up_face(342, 300)], wanted=["face_0"])


def test_embeddings_of_another_model_are_not_compared() -> None:
    face = made_up_face(300, 300)
    stored = store([face], [np.ones(512, np.float32)])
    assert np.isnan(compare(stored, [np.ones(128, np.float32)])).all()
    assert bound(stored, [face], [np.ones(128, np.float32)]) == {"face_0": 0}


def test_boxes_of_a_picture_of_another_shape_prove_nothing() -> None:
    """Somebody cut the picture; were the boxes compared, they would overlap."""
    face = made_up_face(300, 100)
    with pytest.raises(FaceNotFound, match="Detect its faces anew"):
        bound(store([face]), [face], size=(WIDTH, HEIGHT - 60))


def test_a_face_in_its_very_place_is_not_given_up_for_two_near_misses() -> None:
    """The left one is gone; a newcomer to the right must not make everybody move up."""
    stored = store([made_up_face(290, 300), made_up_face(335, 300)])
    today = [made_up_face(335, 300), made_up_face(380, 300)]
    assert bound(stored, today, wanted=["face_1"]) == {"face_1": 0}
    with pytest.raises(FaceNotFound, match="face_0"):
        bound(stored, today)


def test_a_face_the_detection_never_had_is_named_with_those_it_has() -> None:
    faces = [made_up_face(300, 300), made_up_face(700, 300)]
    with pytest.raises(FaceNotFound, match=r"no face_2 and face_9: its 2 faces are face_0 and face_1"):
        bound(store(faces), faces, wanted=["face_0", "face_2", "face_9"])


def test_nothing_is_found_where_there_is_nothing() -> None:
    with pytest.raises(FaceNotFound, match="face_0 of"):
        bound(store([made_up_face(300, 300)]), [])
    with pytest.raises(FaceNotFound, match="has no faces"):
        bound(store([]), [made_up_face(300, 300)], wanted=["face_0"])

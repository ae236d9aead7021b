"""Faces go to the people whose they are, by place and identity, one to one."""

from collections.abc import Sequence

import numpy as np

from pipeline.face import Array
from pipeline.steps import at_once
from pipeline.tracks.associate import associate
from pipeline.tracks.frame import PictureView
from pipeline.tracks.identity import Identity, Person, Sighting
from tests.support.engines import FlatEngine, picture
from tests.support.faces import made_up_face

ENGINE = FlatEngine()


def associated(
    people: Sequence[tuple[Identity, Array | None]], sightings: Sequence[Sighting]
) -> list[int | None]:
    return at_once(associate(ENGINE, people, sightings))


def somebody(green: float) -> Identity:
    return Identity(Person(embedding=np.array((0, green, 255), np.float32), side_px=30, sharpness=0))


def seen(x: float, green: float) -> Sighting:
    shown = picture(400, 60, faces=())
    shown[:] = (0, green, 255)
    return Sighting(ENGINE, made_up_face(x, 30, 30), PictureView(shown))


def box(x: float) -> Array:
    return made_up_face(x, 30, 30).bbox


def test_where_nobody_or_nothing_is_there_are_no_pairs() -> None:
    assert associated([], [seen(30, 0)]) == []
    assert associated([(somebody(0), box(30))], []) == [None]


def test_identity_outweighs_place_where_two_change_places() -> None:
    people = [(somebody(0), box(30)), (somebody(100), box(200))]
    assert associated(people, [seen(30, 100), seen(200, 0)]) == [1, 0]


def test_a_face_in_the_place_of_somebody_else_is_not_theirs() -> None:
    assert associated([(somebody(0), box(30))], [seen(30, 100)]) == [None]


def test_a_face_far_away_is_theirs_if_it_looks_like_them_and_place_says_nothing_otherwise() -> None:
    assert associated([(somebody(0), None)], [seen(300, 20)]) == [0]
    assert associated([(somebody(0), None)], [seen(300, 60)]) == [None]


def test_a_face_that_two_people_resemble_alike_is_neither_s_unless_it_is_in_the_place_of_one() -> None:
    people = [(somebody(0), None), (somebody(42), None)]
    assert associated(people, [seen(30, 20)]) == [None, None]
    assert associated([(somebody(0), box(30)), (somebody(42), None)], [seen(30, 20)]) == [0, None]


def test_of_two_faces_that_resemble_one_person_alike_neither_is_theirs() -> None:
    assert associated([(somebody(0), None)], [seen(30, 20), seen(200, 22)]) == [None]


def test_without_embeddings_place_decides() -> None:
    unknown = [(Identity(), box(30)), (Identity(), box(200))]
    assert associated(unknown, [seen(204, 0), seen(34, 0)]) == [1, 0]


def test_the_many_who_were_ever_seen_do_not_take_part() -> None:
    crowd = [(Identity(), None) for _ in range(300)]
    assert associated([*crowd, (somebody(0), None)], [seen(30, 0)]) == [None] * 300 + [0]

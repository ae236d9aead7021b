"""Who is who in a film in which two people cross, leave, come back and are blurred, told by the truth."""

from collections.abc import Sequence

import numpy as np
import pytest

from pipeline.engines.mesh.engine import MeshEngine
from pipeline.steps import at_once
from pipeline.tracks.cast import CastMember
from pipeline.tracks.frame import PictureView
from pipeline.tracks.identity import Person
from pipeline.tracks.tracker import WINDOW, TrackedFrame, Tracker
from tests.support.films import FPS, Shown, person_at

CUT = 120  # the film's frame after which everybody is elsewhere
MEETING = 28  # in the middle of the first crossing

Followed = list[TrackedFrame[PictureView]]


def follow(mesh: MeshEngine, film: Sequence[Shown], known: Sequence[Person] = ()) -> Followed:
    tracker: Tracker[PictureView] = Tracker(mesh, known=known)
    followed = [frame for shown in film for frame in at_once(tracker.feed(PictureView(shown.bgr)))]
    return followed + list(tracker.finish())


def names(followed: Followed, film: Sequence[Shown]) -> list[dict[int, str]]:
    """Whose face each number stands for in each frame, by the truth."""
    return [
        {number: person_at(shown, face.center) for number, face in frame.faces.items()}
        for frame, shown in zip(followed, film, strict=True)
    ]


@pytest.fixture(scope="module")
def whole(mesh: MeshEngine, film: list[Shown]) -> list[dict[int, str]]:
    return names(follow(mesh, film), film)


def right(found: Sequence[dict[int, str]], truth: dict[int, str]) -> float:
    """The share of faces that stand for who they are."""
    pairs = [(truth.get(number), name) for frame in found for number, name in frame.items()]
    return sum(one == other for one, other in pairs) / len(pairs)


def test_each_number_stands_for_one_person_through_crossings_blur_and_a_cut(
    whole: list[dict[int, str]],
) -> None:
    assert len(whole[0]) == 2
    assert right(whole, whole[0]) >= 0.99


def test_whoever_can_be_seen_is_followed_in_nearly_every_frame(
    whole: list[dict[int, str]], film: list[Shown]
) -> None:
    seen = sum(len(shown.people) for shown in film)
    found = sum(
        len(set(frame.values()) & set(shown.people)) for frame, shown in zip(whole, film, strict=True)
    )
    assert found / seen >= 0.97
    assert all(len(frame) == 2 for frame in whole[CUT:])


def test_the_cast_are_the_two_people_who_are_there_from_the_first_to_the_last_frame(
    cast: tuple[CastMember, ...], film: list[Shown]
) -> None:
    shown = [person_at(film[member.frame], member.face.center) for member in cast]
    assert shown == ["collins", "hopper"]  # from left to right in the first frame
    assert [member.face_id for member in cast] == ["face_0", "face_1"]
    assert [member.first_s for member in cast] == [0, 0]
    assert [member.last_s for member in cast] == [(len(film) - 1) / FPS] * 2
    assert all(member.preview.shape == (160, 160, 3) for member in cast)


def test_two_segments_that_part_in_the_middle_of_a_crossing_agree_who_is_who(
    mesh: MeshEngine, film: list[Shown], cast: tuple[CastMember, ...]
) -> None:
    known = [member.person for member in cast]
    truth = {0: "collins", 1: "hopper"}
    halves = [(0, MEETING), (MEETING, 60)]
    for start, end in halves:
        early = max(0, start - WINDOW)
        part = film[early:end]
        found = names(follow(mesh, part, known), part)[start - early :]
        assert right(found, truth) >= 0.99
        assert sum(map(len, found)) >= 0.97 * sum(len(shown.people) for shown in film[start:end])


def test_the_same_frames_give_the_same_faces(mesh: MeshEngine, film: list[Shown]) -> None:
    one, other = (follow(mesh, film[20:36]) for _ in range(2))
    for frame, again in zip(one, other, strict=True):
        assert frame.faces.keys() == again.faces.keys()
        for number, face in frame.faces.items():
            assert np.array_equal(face.landmarks, again.faces[number].landmarks)  # type: ignore[arg-type]  # the mesh engine's faces have them


def test_people_who_are_not_in_the_cast_are_nobody_of_it(
    mesh: MeshEngine, film: list[Shown], cast: tuple[CastMember, ...]
) -> None:
    found = names(follow(mesh, film[CUT:], [cast[1].person]), film[CUT:])
    assert right([{0: frame[0]} for frame in found], {0: "hopper"}) == 1
    assert all(set(frame.values()) == {"collins", "hopper"} for frame in found)

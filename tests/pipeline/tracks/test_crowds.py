"""However many people a frame shows, no step is long, and the arithmetic stays the plain one."""

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.face import Array, Bgr, Face, FoundFaces
from pipeline.steps import Steps, Stepwise, at_once
from pipeline.tracks.cast import CastBuilder
from pipeline.tracks.draft import Draft, merged
from pipeline.tracks.frame import PictureView
from pipeline.tracks.identity import Sighting, is_alone, shared
from pipeline.tracks.tracker import Tracker
from tests.support.engines import FlatEngine, picture
from tests.support.faces import made_up_face

BOXES = tuple((8 + 30 * column, 8 + 30 * row, 20, 20) for row in range(3) for column in range(5))
DARK, LIGHT = (30, 90, 20), (240, 200, 150)


class Working(FlatEngine):
    """Counts what takes its time."""

    worked = 0

    def find_in_steps(self, picture: Bgr) -> Steps[FoundFaces]:
        self.worked += 1
        return (yield from super().find_in_steps(picture))

    def refine(self, picture: Bgr, face: Face) -> Face | None:
        self.worked += 1
        return super().refine(picture, face)

    def embed(self, picture: Bgr, face: Face) -> Array | None:
        self.worked += 1
        return super().embed(picture, face)


def most_in_a_step(engine: Working, *works: Steps[Any]) -> int:
    most = 0
    for work in map(Stepwise, works):
        done = False
        while not done:
            before, done = engine.worked, work.step()
            most = max(most, engine.worked - before)
    return most


def crowd(colour: tuple[int, int, int] = DARK) -> Bgr:
    return picture(
        160, 96, colour=colour, faces=BOXES, people=tuple(number % 6 for number in range(len(BOXES)))
    )


FRAMES = [crowd()] * 6 + [crowd(LIGHT)] * 6


def test_people_are_got_to_know_a_few_calls_of_the_engine_a_step() -> None:
    engine = Working()
    builder = CastBuilder(engine)
    looks = (builder.add(PictureView(frame), number, number / 2) for number, frame in enumerate(FRAMES))
    assert most_in_a_step(engine, *looks, builder.finish()) <= 3
    assert engine.worked > 100


def test_people_are_followed_a_few_calls_of_the_engine_a_step() -> None:
    engine = Working()
    tracker: Tracker[PictureView] = Tracker(engine)
    assert most_in_a_step(engine, *(tracker.feed(PictureView(frame)) for frame in FRAMES)) <= 2 + len(FRAMES)
    assert engine.worked > 100


def test_no_more_people_are_followed_than_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.tracks.tracker.MOST_FACES", 4)
    tracker: Tracker[PictureView] = Tracker(FlatEngine())
    for frame in FRAMES:
        at_once(tracker.feed(PictureView(frame)))
    assert [len(frame.faces) for frame in tracker.finish()] == [4] * len(FRAMES)


def test_how_many_do_not_count_is_known() -> None:
    class Crowded(FlatEngine):
        def find_in_steps(self, picture: Bgr) -> Steps[FoundFaces]:
            found = yield from super().find_in_steps(picture)
            return FoundFaces(faces=found.faces, left_out=3)

    builder = CastBuilder(Crowded())
    at_once(builder.add(PictureView(crowd()), 0, 0))
    assert builder.left_out == 3


_boxes = st.builds(
    made_up_face,
    x=st.floats(0, 90, width=32),
    y=st.floats(0, 90, width=32),
    size=st.floats(4, 60, width=32),
)


@given(st.lists(_boxes, min_size=1, max_size=8))
def test_who_is_alone_is_told_as_by_a_look_at_each_pair(faces: list[Face]) -> None:
    view = PictureView(crowd())
    sightings = [Sighting(FlatEngine(), face, view) for face in faces]
    for one in sightings:
        expected = all(other is one or shared(one.face, other.face) < 0.05 for other in sightings)
        assert is_alone(one, sightings) == expected


class Group:
    """Stands in for a draft: people at places on a line, who become one midway."""

    def __init__(self, at: float) -> None:
        self.members = [at]

    def distance(self, _engine: object, other: "Group") -> float:
        far = abs(float(np.mean(self.members)) - float(np.mean(other.members)))
        return far if far <= 10 else float("inf")

    def join(self, other: "Group") -> None:
        self.members += other.members


@given(st.lists(st.integers(0, 120), max_size=12))
def test_people_are_taken_together_as_by_comparing_all_again_each_time(places: Sequence[int]) -> None:
    left = [Group(place) for place in places]
    while len(left) > 1:
        pairs = [(i, j) for i in range(len(left)) for j in range(i + 1, len(left))]
        one, other = min(pairs, key=lambda pair: left[pair[0]].distance(None, left[pair[1]]))
        if left[one].distance(None, left[other]) == float("inf"):
            break
        left[one].join(left.pop(other))
    found = at_once(merged(FlatEngine(), cast("list[Draft]", [Group(place) for place in places])))
    assert [cast("Group", group).members for group in found] == [group.members for group in left]

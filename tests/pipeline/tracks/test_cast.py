"""Who is in a video, from a few looks at it, with an engine whose results are known."""

from collections.abc import Sequence

import numpy as np
import pytest

from pipeline.face import Bgr
from pipeline.steps import at_once
from pipeline.tracks.cast import CastBuilder, CastMember
from pipeline.tracks.frame import PictureView
from tests.support.engines import FlatEngine, picture
from tests.support.films import FPS

WIDTH, HEIGHT = 160, 96
Box = tuple[int, int, int, int]
DARK, LIGHT = (30, 90, 20), (240, 200, 150)


class Counting(FlatEngine):
    """Counts how often a whole frame is looked at."""

    looks = 0

    def find_faces(self, picture: Bgr) -> list[object]:  # type: ignore[override]  # only counts
        self.looks += 1
        return list(super().find_faces(picture))


def drawn(scene: dict[int, Box], colour: tuple[int, int, int] = DARK) -> Bgr:
    return picture(WIDTH, HEIGHT, colour=colour, faces=tuple(scene.values()), people=tuple(scene))


def cast_of(frames: Sequence[Bgr], engine: FlatEngine | None = None) -> tuple[CastMember, ...]:
    builder = CastBuilder(engine or FlatEngine())
    for number, frame in enumerate(frames):
        at_once(builder.add(PictureView(frame), number, number / FPS))
    return at_once(builder.finish())


def people(cast: Sequence[CastMember]) -> list[int]:
    """Who the members are, told by the colour of their faces."""
    greens = [member.person.embedding[1] for member in cast if member.person.embedding is not None]
    return [round(float(green) / 50) for green in greens]


def test_nobody_is_in_a_video_without_faces() -> None:
    assert cast_of([drawn({})] * 12) == ()


def test_people_are_numbered_as_they_appear_and_in_reading_order_where_together() -> None:
    first = {3: (100, 12, 20, 20), 1: (10, 10, 20, 20)}
    cast = cast_of([drawn(first)] * 12 + [drawn({0: (50, 5, 20, 20), **first})] * 12)
    assert [member.face_id for member in cast] == ["face_0", "face_1", "face_2"]
    assert people(cast) == [1, 3, 0]
    assert [round(member.first_s, 1) for member in cast] == [0, 0, 0.6]


def test_who_goes_and_comes_back_after_a_cut_is_one_person() -> None:
    here, there = {2: (10, 10, 20, 20)}, {2: (110, 60, 24, 24)}
    frames = [drawn(here)] * 20 + [drawn({}, LIGHT)] * 20 + [drawn(there)] * 20
    [member] = cast_of(frames)
    assert (member.first_s, member.last_s) == (0, 59 / FPS)
    assert member.largest_area == 24 * 24


def test_both_sides_of_a_cut_are_looked_at_however_short_the_shots_are() -> None:
    frames = [drawn({1: (10, 10, 20, 20)})] * 4 + [drawn({3: (90, 50, 20, 20)}, LIGHT)] * 4
    first, second = cast_of(frames)
    assert (first.first_s, first.last_s) == (0, 3 / FPS)
    assert (second.first_s, second.last_s) == (4 / FPS, 7 / FPS)


def test_only_some_frames_a_second_are_looked_at() -> None:
    engine = Counting()
    cast_of([drawn({1: (10, 10, 20, 20)})] * (10 * FPS), engine)
    assert 10 * 2 <= engine.looks <= 10 * 4


def test_who_is_large_for_longer_is_more_prominent() -> None:
    both = {1: (10, 10, 20, 20), 3: (90, 40, 40, 40)}
    small, large = cast_of([drawn(both)] * 20)
    assert large.prominence > small.prominence
    briefly = cast_of([drawn(both)] * 2 + [drawn({1: (10, 10, 20, 20)})] * 200)
    assert briefly[0].prominence > briefly[1].prominence


def test_everybody_is_shown_where_they_are_seen_best() -> None:
    frames = [drawn({2: (10 + i, 10, 20 + i, 20 + i)}) for i in range(40)]
    [member] = cast_of(frames)
    assert member.frame == 39
    assert member.time_s == pytest.approx(39 / FPS)
    assert np.abs(member.face.bbox - (49, 10, 108, 69)).max() <= 1
    assert (member.preview[80, 80] == (0, 100, 255)).all()


def test_the_same_frames_lead_to_the_same_cast() -> None:
    frames = [drawn({1: (10 + i, 10, 20, 20), 3: (120 - i, 50, 20, 20)}) for i in range(40)]
    one, other = cast_of(frames), cast_of(frames)
    assert [(it.face_id, it.frame, it.seen, it.prominence) for it in one] == [
        (it.face_id, it.frame, it.seen, it.prominence) for it in other
    ]
    for member, again in zip(one, other, strict=True):
        assert np.array_equal(member.preview, again.preview)
        assert np.array_equal(member.face.bbox, again.face.bbox)

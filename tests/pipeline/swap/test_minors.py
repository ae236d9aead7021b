"""Who looks like a minor is named, once, before anything is changed; nobody else is looked at."""

import numpy as np
import pytest

from pipeline.errors import MinorRefused
from pipeline.face import Notice
from pipeline.media.pictures.decode import Limits
from pipeline.steps import at_once
from pipeline.swap.minors import TargetMinors
from pipeline.swap.request import Every, Largest, Mapped
from pipeline.swap.swapper import Swapper
from pipeline.swap.timing import Timings
from tests.support.ages import ColourAges, check, people
from tests.support.animations import in_every_format
from tests.support.engines import FlatEngine, person_bgr, picture, png
from tests.support.faces import made_up_face
from tests.support.requests import a_request, swap

GREEN = (10, 200, 30)
BOXES = ((4, 4, 12, 12), (24, 6, 16, 14), (46, 4, 12, 12))
THREE = png(picture(faces=BOXES, people=(0, 1, 2)))
SOURCE = png(picture(colour=GREEN, people=(3,)))


def told(notices: tuple[Notice, ...]) -> list[str]:
    return [notice.message for notice in notices if notice.code == "may_be_minor"]


def test_each_chosen_face_that_looks_like_a_minors_is_named() -> None:
    swapper = Swapper(FlatEngine(), minors=check(people(0, 2)))
    (message,) = told(swap(a_request(SOURCE, THREE, choice=Every()), swapper).result.notices)
    assert message.startswith("face_0 and face_2 of the target look like")


def test_who_is_not_changed_is_not_looked_at() -> None:
    ages = people(0, 2)
    notices = swap(a_request(SOURCE, THREE, choice=Largest()), Swapper(FlatEngine(), minors=check(ages)))
    assert not told(notices.result.notices)
    assert ages.looked == 2  # the source, and the one who is changed


def test_a_source_is_told_in_every_job_that_it_is_kept_for() -> None:
    ages = people(3)
    swapper = Swapper(FlatEngine(), minors=check(ages))
    for _ in range(2):
        (message,) = told(swap(a_request(SOURCE, THREE), swapper).result.notices)
        assert "source picture" in message
    assert ages.looked == 3  # the source once, and the target twice


def test_of_several_sources_the_one_is_named() -> None:
    sources = {"face_0": png(picture(colour=GREEN)), "face_2": SOURCE}
    swapper = Swapper(FlatEngine(), minors=check(people(3)))
    (message,) = told(swap(a_request(sources, THREE, choice=Mapped()), swapper).result.notices)
    assert message.startswith("face_2: ")
    with pytest.raises(MinorRefused, match="picture for face_2"):
        swap(
            a_request(sources, THREE, choice=Mapped()),
            Swapper(FlatEngine(), minors=check(people(3), refuse=True)),
        )


def test_a_refused_target_is_refused_before_anything_is_changed() -> None:
    engine = FlatEngine()
    swapper = Swapper(engine, minors=check(people(0, 2), refuse=True))
    run = swapper.open(a_request(SOURCE, THREE, choice=Every()), Limits(), Timings())
    for name in run.unprepared:
        at_once(run.prepare(name, run.load(name)))
    frame = run.read_frame()
    before = frame.bgr.copy()
    with pytest.raises(MinorRefused, match="face_0 and face_2 of the target"):
        run.swap(frame)
    assert engine.swaps == 0
    assert np.array_equal(frame.bgr, before)
    assert len(run.faces) == 3  # a job that fails tells what was found
    assert not told(run.notices)


def test_in_what_moves_a_face_is_looked_at_where_it_comes_into_view() -> None:
    ages = people(1)
    still, newcomer = (20, 10, 12, 12), (45, 10, 12, 12)
    shown = [(still,), (still,), (still, newcomer), (still, newcomer), (still,), (still, newcomer)]
    frames = [
        picture(faces=boxes, people=tuple(range(len(boxes))), colour=(200, 120, 40 + number))
        for number, boxes in enumerate(shown)
    ]
    target = in_every_format(frames, [40] * len(frames))["png"]
    swapper = Swapper(FlatEngine(), minors=check(ages))
    (message,) = told(swap(a_request(SOURCE, target, choice=Every()), swapper).result.notices)
    assert message.startswith("Somebody in frame 3 and frame 6 of the target looks like a minor.")
    assert ages.looked == 1 + 3  # the source, who is there from the beginning, and twice the newcomer


def test_in_what_moves_a_face_that_could_not_be_judged_is_looked_at_once_it_can() -> None:
    ages = ColourAges(person_bgr(0), least_px=62)
    minors = TargetMinors(check(ages), moves=True)
    frame = picture(200, 200, faces=((0, 0, 200, 200),))
    for side in (50, 58, 66, 70):  # somebody comes nearer, and is in the same place all the time
        minors.look(frame, {0: made_up_face(100, 100, side)})
        minors.end_frame()
    (message,) = told(minors.notices)
    assert message.startswith("Somebody in frame 3 of the target looks like a minor.")
    assert ages.looked == 1


def test_of_very_many_frames_only_some_are_named() -> None:
    minors = TargetMinors(check(ColourAges(person_bgr(0))), moves=True)
    frame = picture(200, 200, faces=((0, 0, 200, 200),))
    for number in range(300):
        minors.look(frame, {0: made_up_face(40 + 90 * (number % 2), 100, 60)})
        minors.end_frame()
    (message,) = told(minors.notices)
    assert "290 more" in message
    assert len(message) < 300

"""Hands before a face of a video are looked for now and then, and kept in every frame between."""

import numpy as np
import pytest

from pipeline.face import Bgr
from pipeline.swap.video.hands import HandWatch
from tests.support.faces import made_up_face
from tests.support.hand_doubles import KnownHands, bar, keeper

FACE = made_up_face(100, 100, 80)


@pytest.fixture
def part() -> Bgr:
    return np.random.default_rng(2).integers(0, 256, (200, 200, 3), np.uint8)


def test_without_a_hand_only_every_fifth_frame_is_looked_at(part: Bgr) -> None:
    hands = KnownHands()
    watch = HandWatch(keeper(hands))
    around = []
    for _ in range(11):
        around.append(watch.looks_around)
        assert watch.keep(part, FACE, (0, 0)) == []
    assert [number for number, looks in enumerate(around) if looks] == [0, 5, 10]
    assert (hands.looks, hands.follows) == (3, 0)


def test_a_hand_is_followed_in_the_frames_between_and_not_found_twice(part: Bgr) -> None:
    hands = KnownHands(bar(100, 80))
    watch = HandWatch(keeper(hands))
    kept = [len(watch.keep(part, FACE, (0, 0))) for _ in range(8)]
    assert kept == [1] * 8
    assert watch.looks_around
    assert (hands.looks, hands.follows) == (2, 7)


def test_a_second_hand_joins_the_first(part: Bgr) -> None:
    hands = KnownHands(bar(60, 80))
    watch = HandWatch(keeper(hands))
    for _ in range(5):
        watch.keep(part, FACE, (0, 0))
    hands.there.append(bar(150, 80))
    assert len(watch.keep(part, FACE, (0, 0))) == 2


def test_a_hand_that_is_gone_is_let_go(part: Bgr) -> None:
    hands = KnownHands(bar(100, 80))
    watch = HandWatch(keeper(hands))
    watch.keep(part, FACE, (0, 0))
    hands.kept = False
    assert watch.keep(part, FACE, (0, 0)) == []
    assert not watch.looks_around


def test_a_hand_keeps_its_place_in_the_frame_where_the_part_of_it_moves(part: Bgr) -> None:
    """The part that is cut out goes with the face; the double moves what it follows by one pixel."""
    watch = HandWatch(keeper(KnownHands(bar(100, 80))))
    [first] = watch.keep(part, FACE, (10, 20))
    [second] = watch.keep(part, FACE, (40, 30))
    moved = np.subtract(second.corner, first.corner) + np.subtract((40, 30), (10, 20))
    assert moved.tolist() == [1, 1]

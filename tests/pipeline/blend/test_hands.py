"""A hand is put back to the last bit, as thick as fingers are, and the rest of what was painted stays."""

import numpy as np
import pytest

from pipeline.blend.hands import HandKeeper, take
from pipeline.face import Array, Bgr
from tests.support.hand_doubles import KnownHands

PAINT = (10, 200, 30)


def a_hand(x: float = 100, y: float = 150, palm: float = 40) -> Array:
    """A hand at its wrist, upright, its fingers straight and side by side; `palm` is the palm's width."""
    points = np.zeros((21, 2), np.float32)
    for finger in range(1, 5):
        across = (finger - 2.5) / 3 * palm
        points[4 * finger + 1 : 4 * finger + 5] = [(across, -palm * (1 + 0.4 * joint)) for joint in range(4)]
    points[1:5] = [(-palm * (0.3 + 0.2 * joint), -palm * (0.2 + 0.2 * joint)) for joint in range(4)]
    return points + np.array((x, y), np.float32)


@pytest.fixture
def scene() -> Bgr:
    return np.random.default_rng(5).integers(0, 256, (200, 200, 3), np.uint8)


def painted_over(scene: Bgr, hands: list[Array]) -> Bgr:
    """The scene painted over, its hands put back."""
    picture = scene.copy()
    kept = take(picture, hands)
    picture[:] = PAINT
    for hand in kept:
        hand.put_back(picture)
    return picture


def as_before(scene: Bgr, picture: Bgr, x: float, y: float) -> bool:
    return bool((scene[round(y), round(x)] == picture[round(y), round(x)]).all())


def painted(picture: Bgr, x: float, y: float) -> bool:
    return bool((picture[round(y), round(x)] == PAINT).all())


def test_on_its_bones_and_palm_every_pixel_is_as_it_was_and_beside_it_none(scene: Bgr) -> None:
    points = a_hand()
    picture = painted_over(scene, [points])
    assert all(as_before(scene, picture, x, y) for x, y in points)
    assert as_before(scene, picture, *points[[0, 5, 17]].mean(axis=0))  # the palm
    x, y = points[7]
    assert as_before(scene, picture, x - 5, y)  # a finger is 0.3 palms thick: 6 px to each side
    assert painted(picture, x - 12, y)
    assert painted(picture, 10, 10)


def test_the_change_fades_in_around_it(scene: Bgr) -> None:
    """Over a few pixels, or the kept hand would have a stamp's edge."""
    points = a_hand()
    [hand] = take(scene, [points])
    x, y = np.round(points[7]).astype(int) - hand.corner
    row = hand.shares[y, : x + 1]
    assert (np.diff(row) >= 0).all()
    assert ((row > 0.02) & (row < 0.98)).sum() >= 2


def test_what_is_taken_is_what_was_there_before(scene: Bgr) -> None:
    before = scene.copy()
    [hand] = take(scene, [a_hand()])
    scene[:] = 0
    hand.put_back(scene)
    x, y = map(round, a_hand()[9].tolist())
    assert (scene[y, x] == before[y, x]).all()


@pytest.mark.parametrize(("x", "y", "count"), [(5, 150, 1), (100, 20, 1), (500, 150, 0), (100, -50, 0)])
def test_a_hand_at_the_edge_is_cut_and_one_beyond_it_left_out(
    scene: Bgr, x: float, y: float, *, count: int
) -> None:
    kept = take(scene, [a_hand(x, y)])
    assert len(kept) == count
    for hand in kept:
        hand.put_back(scene)


def test_the_networks_are_opened_by_the_first_look_and_once() -> None:
    opened: list[KnownHands] = []

    def open_hands() -> KnownHands:
        opened.append(KnownHands())
        return opened[-1]

    keeper = HandKeeper(open_hands, models={})
    assert not opened
    assert keeper.hands is keeper.hands
    assert len(opened) == 1

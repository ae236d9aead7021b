"""A hand before a face stays to the last bit, and of what moves is followed between looks for palms."""

from collections.abc import Sequence

import numpy as np
import pytest

from pipeline.engines.base import BlendOptions
from pipeline.face import Array, Bgr, Face
from pipeline.media.animations.read import open_animation
from pipeline.media.pictures.decode import Limits
from pipeline.swap.hands import HandWatch
from pipeline.swap.request import Every
from pipeline.swap.swapper import Swapper
from tests.support.animations import in_every_format
from tests.support.engines import FlatEngine, picture, png
from tests.support.faces import made_up_face
from tests.support.hand_doubles import KnownHands, bar, keeper
from tests.support.requests import a_request, swap

GREEN = (10, 200, 30)
FACES = ((10, 10, 60, 70), (120, 10, 50, 60))
TARGET = picture(200, 100, faces=FACES)
TARGET[30:60, 38:43] = (90, 140, 210)  # a finger


class Painting:
    """An enhancer that paints all of a face blue."""

    name = "painting"

    def enhance(
        self,
        frame: Bgr,
        face: Face,
        *,
        others: Sequence[Face] = (),  # noqa: ARG002 -- the port's
        keep_mouth: bool = False,  # noqa: ARG002 -- the port's
        strength: float = 1.0,  # noqa: ARG002 -- the port's
    ) -> bool:
        x0, y0, x1, y1 = face.bbox.astype(int)
        frame[y0:y1, x0:x1] = (255, 0, 0)
        return True


def test_a_hand_stays_and_the_face_around_it_is_swapped() -> None:
    hands = KnownHands(bar(40, 30, 30, palm=20))
    source = png(picture(colour=GREEN))
    swapper = Swapper(FlatEngine(), hands=keeper(hands))
    shown = swap(a_request(source, png(TARGET), choice=Every()), swapper).picture.bgr
    assert np.array_equal(shown[32:58, 39:42], TARGET[32:58, 39:42])
    assert (shown[20:70, 12:24] == GREEN).all()
    assert (shown[20:60, 130:160] == GREEN).all()
    assert hands.looks == len(FACES)


def test_in_what_moves_hands_are_looked_for_now_and_then_and_stay_in_every_frame() -> None:
    hands = KnownHands(bar(30, 20, 20, palm=20), step=0)
    frames = [picture(80, 60, faces=((10, 10, 44, 44),), colour=(90, 80, 9 * number)) for number in range(7)]
    for frame in frames:
        frame[20:42, 28:33] = (90, 140, 210)
    target = in_every_format(frames, [40] * len(frames))["png"]
    swapper = Swapper(FlatEngine(), hands=keeper(hands))
    body = swap(a_request(png(picture(colour=GREEN)), target), swapper).data
    animation = open_animation(body, Limits())
    assert animation is not None
    results = list(animation.frames())
    assert len(results) == len(frames)
    for frame, result in zip(frames, results, strict=True):
        assert np.array_equal(result.bgr[22:38, 29:32], frame[22:38, 29:32])
        assert (result.bgr[12:52, 11:14] == GREEN).all()
    assert (hands.looks, hands.follows) == (2, 6)


def test_it_stays_where_the_face_is_restored_too() -> None:
    swapper = Swapper(FlatEngine(), enhancer=Painting(), hands=keeper(KnownHands(bar(40, 30, 30, palm=20))))
    source = png(picture(colour=GREEN))
    request = a_request(source, png(TARGET), choice=Every(), blend=BlendOptions(enhance=True))
    shown = swap(request, swapper).picture.bgr
    assert np.array_equal(shown[32:58, 39:42], TARGET[32:58, 39:42])
    assert (shown[20:70, 12:24] == (255, 0, 0)).all()


FACE = made_up_face(100, 100, 80)


@pytest.fixture
def part() -> Bgr:
    return np.random.default_rng(2).integers(0, 256, (200, 200, 3), np.uint8)


def seen(watch: HandWatch, part: Bgr, offset: tuple[int, int] = (0, 0)) -> None:
    """Show a watch the next frame."""
    watch.follow(part, offset)
    watch.look(part, FACE, offset)
    watch.take(part, offset)


def stays(watch: HandWatch, part: Bgr) -> Array:
    """(h, w) whether a pixel is put back."""
    black = np.zeros_like(part)
    watch.put_back(black)
    return np.asarray(black.any(axis=2), np.float32)


def test_without_a_hand_only_every_fifth_frame_is_looked_at(part: Bgr) -> None:
    hands = KnownHands()
    watch = HandWatch(keeper(hands))
    around = []
    for _ in range(11):
        around.append(watch.looks_around)
        seen(watch, part)
        assert not stays(watch, part).any()
    assert [number for number, looks in enumerate(around) if looks] == [0, 5, 10]
    assert (hands.looks, hands.follows) == (3, 0)


def test_a_hand_is_followed_in_the_frames_between_and_not_found_twice(part: Bgr) -> None:
    hands = KnownHands(bar(100, 80))
    watch = HandWatch(keeper(hands))
    for _ in range(8):
        seen(watch, part)
        assert stays(watch, part).any()
    assert watch.looks_around
    assert (hands.looks, hands.follows) == (2, 7)


def test_a_second_hand_joins_the_first(part: Bgr) -> None:
    hands = KnownHands(bar(60, 80), step=0)
    watch = HandWatch(keeper(hands))
    for _ in range(5):
        seen(watch, part)
    one = stays(watch, part)
    hands.there.append(bar(150, 80))
    seen(watch, part)
    both = stays(watch, part)
    assert both[:, :100].sum() == one.sum()
    assert both[:, 100:].any()


def test_a_hand_that_is_gone_is_let_go(part: Bgr) -> None:
    hands = KnownHands(bar(100, 80))
    watch = HandWatch(keeper(hands))
    seen(watch, part)
    hands.kept = False
    seen(watch, part)
    assert not stays(watch, part).any()
    assert not watch.looks_around


def test_a_hand_keeps_its_place_in_the_frame_where_the_part_of_it_moves(part: Bgr) -> None:
    """The part that is cut out goes with the face; the double moves what it follows by one pixel."""
    watch = HandWatch(keeper(KnownHands(bar(100, 80))))
    seen(watch, part, (10, 20))
    [first] = np.argwhere(stays(watch, part))[:1]
    seen(watch, part, (40, 30))
    [second] = np.argwhere(stays(watch, part))[:1]
    moved = np.subtract(second, first) + np.subtract((30, 40), (20, 10))
    assert moved.tolist() == [1, 1]

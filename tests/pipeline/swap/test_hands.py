"""A hand before a face stays to the last bit, whatever paints over it."""

from collections.abc import Sequence

import numpy as np

from pipeline.engines.base import BlendOptions
from pipeline.face import Bgr, Face
from pipeline.swap.request import Every
from pipeline.swap.swapper import Swapper
from tests.support.engines import FlatEngine, picture, png
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


def test_it_stays_where_the_face_is_restored_too() -> None:
    swapper = Swapper(FlatEngine(), enhancer=Painting(), hands=keeper(KnownHands(bar(40, 30, 30, palm=20))))
    source = png(picture(colour=GREEN))
    request = a_request(source, png(TARGET), choice=Every(), blend=BlendOptions(enhance=True))
    shown = swap(request, swapper).picture.bgr
    assert np.array_equal(shown[32:58, 39:42], TARGET[32:58, 39:42])
    assert (shown[20:70, 12:24] == (255, 0, 0)).all()

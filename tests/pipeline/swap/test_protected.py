"""Who is never put in is told from others by the network that ships, also where a source is kept."""

from collections.abc import Callable

import numpy as np
import pytest

from pipeline.errors import PersonProtected
from pipeline.face import Array, Bgr
from pipeline.faces.find import FaceFinder, embedded_face_finder
from pipeline.faces.identity import SCALE
from pipeline.swap.protected import ProtectedPeople, open_identity
from pipeline.swap.request import Mapped
from pipeline.swap.swapper import Swapper
from tests.support.engines import FlatEngine, picture, png
from tests.support.faces import astronaut, hopper, scaled
from tests.support.people import ColourIdentity, colour_of, protecting
from tests.support.requests import a_request, swap

TARGET = png(picture())


@pytest.fixture(scope="module")
def finder() -> FaceFinder:
    return embedded_face_finder()


@pytest.fixture(scope="module")
def network() -> ProtectedPeople:
    return ProtectedPeople()


def embedded(finder: FaceFinder, network: ProtectedPeople, shown: Bgr) -> tuple[Array, float]:
    (face,) = finder.find(shown)
    return network.embed(shown, face), min(face.size)


@pytest.mark.parametrize(("who", "other"), [(astronaut, hopper), (hopper, astronaut)])
def test_a_person_is_known_again_and_the_other_is_not_taken_for_them(
    finder: FaceFinder, network: ProtectedPeople, who: Callable[[], Bgr], other: Callable[[], Bgr]
) -> None:
    """Also mirrored, half as large and darker."""
    people = ProtectedPeople()
    people.protect([embedded(finder, network, who())[0]])
    changed: list[Bgr] = [who()[:, ::-1].copy(), scaled(who(), 0.7), np.asarray(who() * 0.6, np.uint8)]
    for shown in changed:
        assert people.is_protected(*embedded(finder, network, shown))
    assert not people.is_protected(*embedded(finder, network, other()))


def test_what_counts_as_one_person_is_what_the_network_was_measured_to() -> None:
    people = ProtectedPeople()
    people.protect([np.zeros(128, np.float32), np.full(128, 9, np.float32)])
    away = np.zeros(128, np.float32)
    away[5] = 0.57
    assert people.is_protected(away, side_px=60)
    assert not people.is_protected(away, side_px=59)  # a small one must be nearer
    assert SCALE.accept == 0.58
    with pytest.raises(PersonProtected, match="asked not to be put into pictures"):
        people.refuse(away, side_px=200)


def test_with_nobody_to_protect_no_network_is_opened() -> None:
    def never() -> ColourIdentity:
        raise AssertionError("it must stay closed")

    people = ProtectedPeople(never)
    assert not people.anybody
    swap(a_request(png(picture()), TARGET), Swapper(FlatEngine(), protected=people))
    people.protect([])
    assert not people.anybody
    assert not people.is_protected(np.zeros(128, np.float32), 100)


def test_a_source_that_is_kept_is_refused_once_its_person_is_protected() -> None:
    people, engine = protecting(), FlatEngine()
    swapper = Swapper(engine, protected=people)
    green = png(picture(colour=(9, 200, 9), people=(1,)))
    blue = png(picture(colour=(200, 9, 9), people=(2,)))
    swap(a_request(green, TARGET), swapper)
    people.protect([colour_of(1)])
    with pytest.raises(PersonProtected):
        swap(a_request(green, TARGET), swapper)
    swap(a_request(blue, TARGET), swapper)
    people.protect([colour_of(2)])
    with pytest.raises(PersonProtected):
        swap(a_request(blue, TARGET), swapper)
    swap(a_request(green, TARGET), swapper)
    people.protect([])
    swap(a_request(blue, TARGET), swapper)
    assert engine.prepared == 3  # green again, as nobody had looked at who it is


def test_of_several_sources_the_one_is_named() -> None:
    sources = {"face_0": png(picture(people=(1,))), "face_1": png(picture(people=(2,)))}
    target = png(picture(faces=((4, 4, 12, 12), (24, 6, 16, 14))))
    with pytest.raises(PersonProtected, match="picture for face_1"):
        swap(a_request(sources, target, choice=Mapped()), Swapper(FlatEngine(), protected=protecting(2)))


def test_the_network_is_the_shipped_one() -> None:
    assert open_identity().embed(hopper(), embedded_face_finder().find(hopper())[0]).shape == (128,)

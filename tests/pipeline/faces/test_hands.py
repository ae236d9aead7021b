"""Hands before a face are found wherever they come from, followed, and not seen where there are none."""

from collections.abc import Sequence

import numpy as np
import pytest

from models.session import Feed, Session, Tensor
from pipeline.face import Array, Face
from pipeline.faces.find import embedded_face_finder
from pipeline.faces.hands import POINTS, WRIST, HandFinder, open_hand_finder
from pipeline.faces.select import largest
from tests.support.faces import astronaut, hopper, made_up_face
from tests.support.hand import fingertips_before, hand_before

PORTRAITS = {"collins": astronaut, "hopper": hopper}
TIPS = [4, 8, 12, 16, 20]
# Where the palm is, from the face's middle and in its sizes, and how far the hand is turned.
PLACES = {
    "from below": (0, (0.0, 0.75)),
    "from the right": (-60, (0.55, 0.55)),
    "from the left": (60, (-0.55, 0.55)),
    "from above": (180, (0.0, -0.9)),
}


@pytest.fixture(scope="module")
def hands() -> HandFinder:
    return open_hand_finder()


@pytest.fixture(scope="module")
def faces() -> dict[str, Face]:
    finder = embedded_face_finder()
    return {who: largest(finder.find(portrait())) for who, portrait in PORTRAITS.items()}


class NobodyAsks(Session):
    """A network that is not needed."""

    def __init__(self) -> None:
        """Have no file."""

    def run(self, value: Tensor | Feed) -> Sequence[Tensor]:
        raise AssertionError(f"{value} should not have been looked at")


def beside(face: Face, place: tuple[float, float]) -> tuple[float, float]:
    side, (x, y) = max(face.size), face.center
    return x + place[0] * side, y + place[1] * side


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("who", PORTRAITS)
def test_a_hand_is_found_with_its_fingertips_where_they_were_drawn(
    hands: HandFinder, faces: dict[str, Face], who: str, place: str
) -> None:
    face, (degrees, where) = faces[who], PLACES[place]
    middle, size = beside(face, where), 1.2 * max(face.size)
    shown, _ = hand_before(PORTRAITS[who](), middle, size, degrees)
    [points] = hands.find(shown, face)
    assert points.shape == (POINTS, 2)
    tips = fingertips_before(middle, size, degrees)
    assert np.linalg.norm(points[TIPS] - tips, axis=1).max() < 0.1 * size
    assert np.linalg.norm(points[WRIST] - tips[2]) > 0.7 * size


def test_a_hand_is_followed_from_where_it_was_and_let_go_where_it_is_gone(
    hands: HandFinder, faces: dict[str, Face]
) -> None:
    face = faces["hopper"]
    (x, y), size = beside(face, (0, 0.75)), 1.2 * max(face.size)
    before = hands.find(hand_before(hopper(), (x, y), size)[0], face)
    moved = (x + 0.1 * size, y - 0.05 * size)
    [points] = hands.follow(hand_before(hopper(), moved, size, 10)[0], before)
    assert np.linalg.norm(points[TIPS] - fingertips_before(moved, size, 10), axis=1).max() < 0.1 * size
    assert hands.follow(hopper(), before) == []


@pytest.mark.parametrize("who", PORTRAITS)
def test_a_bare_face_has_no_hand_before_it(hands: HandFinder, faces: dict[str, Face], who: str) -> None:
    """What is taken for one elsewhere, such as a knot in a tie, is not before the face."""
    face = faces[who]
    for points in hands.find(PORTRAITS[who](), face):
        inside: Array = np.all((points > face.bbox[:2]) & (points < face.bbox[2:]), axis=1)
        assert not inside.any()


@pytest.mark.parametrize(
    "face",
    [
        made_up_face(50, 50, 39),
        Face(bbox=np.full(4, np.nan, np.float32), score=1, kps=np.zeros((5, 2), np.float32)),
    ],
)
def test_before_small_faces_nobody_looks(face: Face) -> None:
    assert HandFinder(NobodyAsks(), NobodyAsks()).find(astronaut(), face) == []

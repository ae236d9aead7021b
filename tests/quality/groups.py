"""Several people in one picture, put together from the two portraits as from cut-out prints."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from pipeline.face import Bgr
from tests.quality.scene import PORTRAITS, Person, Scene, head, other_than, resized, turned
from tests.support.pictures import scene as gradients

_OVAL: Final = (0.33, 0.40)  # half axes of what is cut out, as shares of the square with the head


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where somebody stands: the middle and the width of the face in pixels, and the tilt of the head."""

    who: str
    x: float
    y: float
    width: float
    degrees: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Group:
    """People in reading order, in a picture of `size` (width, height)."""

    name: str
    size: tuple[int, int]
    places: tuple[Place, ...]

    def compose(self) -> Scene:
        """The picture, smaller faces behind larger ones; its people are in the order of `places`."""
        picture = np.asarray(gradients(*self.size) // 3 + 80, np.uint8)
        people: dict[int, Person] = {}
        for number in sorted(range(len(self.places)), key=lambda each: self.places[each].width):
            picture, people[number] = _put(picture, self.places[number])
        return Scene(picture=picture, people=tuple(people[number] for number in range(len(people))))


def groups(first: str) -> list[Group]:
    """Groups of one, two and six, in which `first` stands first and both people take turns."""
    turns = [first, other_than(first)] * 3
    return [
        _group("one", (400, 400), turns, [(200, 200, 120, 0)]),
        _group("two in a row", (640, 360), turns, [(170, 190, 120, 0), (460, 180, 120, 0)]),
        _group("two in a column", (400, 760), turns, [(230, 190, 130, 0), (180, 560, 130, 0)]),
        _group("two sizes", (640, 480), turns, [(110, 200, 44, 0), (410, 240, 190, 0)]),
        _group("two tilted", (700, 400), turns, [(180, 200, 120, 45), (510, 200, 120, -55)]),
        _group("two rows of three", (760, 560), turns, _grid(3, 2, 90)),
        _group("three rows of two", (560, 800), turns, _grid(2, 3, 90)),
        _group("six in a row", (1300, 280), turns, _grid(6, 1, 80)),
        _group("uneven rows", (800, 600), turns, _UNEVEN),
        _group("six tilted", (900, 640), turns, _TILTED),
    ]


def overlapping(first: str) -> list[Group]:
    """Groups in which heads cover parts of others."""
    turns = [first, other_than(first)] * 3
    return [
        _group("two, one behind", (560, 440), turns, [(175, 215, 110, 0), (325, 235, 140, 0)]),
        _group("two, cheek to cheek", (560, 440), turns, [(200, 230, 130, -15), (360, 225, 135, 15)]),
        _group("six, close", (620, 520), turns, _CLOSE),
    ]


_UNEVEN: Final = [
    (130, 175, 90, 0),
    (380, 150, 70, 0),
    (640, 185, 110, 0),
    (150, 440, 60, 0),
    (400, 415, 120, 0),
    (660, 430, 85, 0),
]
_TILTED: Final = [
    (160, 170, 90, 60),
    (450, 160, 110, -30),
    (740, 170, 80, 15),
    (160, 470, 100, -60),
    (450, 480, 80, 45),
    (740, 470, 110, -15),
]
_CLOSE: Final = [
    (150, 165, 80, 0),
    (290, 160, 82, -10),
    (430, 165, 84, 0),
    (190, 315, 104, 0),
    (325, 320, 106, 10),
    (465, 315, 108, 0),
]


def _grid(across: int, down: int, width: float) -> list[tuple[float, float, float, float]]:
    step_x, step_y = 2.2 * width, 2.6 * width
    return [
        (step_x * (column + 0.8), step_y * (row + 0.6), width, 0)
        for row in range(down)
        for column in range(across)
    ]


def _group(
    name: str, size: tuple[int, int], turns: Sequence[str], where: Sequence[tuple[float, float, float, float]]
) -> Group:
    places = (
        Place(who=who, x=x, y=y, width=width, degrees=degrees)
        for who, (x, y, width, degrees) in zip(turns, where, strict=False)
    )
    return Group(name=name, size=size, places=tuple(places))


def _put(picture: Bgr, place: Place) -> tuple[Bgr, Person]:
    """Lay a cut-out head over the picture."""
    x0, _, x1, _ = PORTRAITS[place.who][1]
    print_ = resized(turned(head(place.who), place.degrees), place.width / (x1 - x0))
    side = print_.picture.shape[0]
    left, top = round(place.x - side / 2), round(place.y - side / 2)
    height, width = picture.shape[:2]
    to_picture = np.array([[1, 0, left], [0, 1, top]], np.float64)
    oval = np.zeros((side, side), np.float32)
    axes = (round(_OVAL[0] * side), round(_OVAL[1] * side))
    cv2.ellipse(oval, (side // 2, side // 2), axes, -place.degrees, 0, 360, 1, cv2.FILLED)
    oval = np.asarray(cv2.GaussianBlur(oval, (0, 0), max(0.6, 0.008 * side)), np.float32)
    laid, shown = (
        cv2.warpAffine(values, to_picture, (width, height), flags=cv2.INTER_NEAREST)
        for values in (print_.picture, oval)
    )
    mixed = picture + (laid.astype(np.float32) - picture) * shown[..., None]
    [person] = print_.moved(picture, to_picture).people
    return np.asarray(np.clip(np.rint(mixed), 0, 255), np.uint8), person

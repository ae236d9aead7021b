"""A picture that knows where whose face must be, and what can be done to it without losing that."""

from dataclasses import dataclass, replace
from typing import Final

import cv2
import numpy as np

from pipeline.align import Matrix
from pipeline.face import Bgr
from tests.support.faces import ASTRONAUT_FACE, HOPPER_FACE, astronaut, hopper, scaled

Box = tuple[int, int, int, int]
PORTRAITS: Final = {"collins": (astronaut, ASTRONAUT_FACE), "hopper": (hopper, HOPPER_FACE)}
_HEAD: Final = 2.2  # a head and some background, over the height of its face
_GREY: Final = (110, 110, 110)


@dataclass(frozen=True, kw_only=True, eq=False)
class Person:
    """Somebody in a picture.

    Attributes:
        who: a name of `PORTRAITS`.
        matrix: (2, 3), takes pixels of the own portrait to the picture.
        yaw_deg: how far the head was turned aside before that; see `tests.quality.profile`.
    """

    who: str
    matrix: Matrix
    yaw_deg: float = 0.0


@dataclass(frozen=True, kw_only=True, eq=False)
class Scene:
    """A picture, BGR uint8 (h, w, 3), and its people.

    `source` is the picture of whose face they get, where it is not the other person's plain portrait.
    """

    picture: Bgr
    people: tuple[Person, ...]
    source: Bgr | None = None

    def moved(self, picture: Bgr, matrix: Matrix) -> "Scene":
        """The scene after `matrix` took its pixels to `picture`."""
        step = np.vstack([matrix, (0, 0, 1)])
        people = (
            replace(person, matrix=(step @ np.vstack([person.matrix, (0, 0, 1)]))[:2])
            for person in self.people
        )
        return replace(self, picture=picture, people=tuple(people))


def portrait(who: str) -> Scene:
    """One of the two portraits as it is."""
    return Scene(picture=PORTRAITS[who][0](), people=(Person(who=who, matrix=np.eye(2, 3)),))


def face_width(who: str) -> int:
    """How wide the face in a portrait is, in pixels."""
    x0, _, x1, _ = PORTRAITS[who][1]
    return x1 - x0


def head(who: str) -> Scene:
    """A square of a portrait: the head and some background."""
    x0, y0, x1, y1 = PORTRAITS[who][1]
    side = round(_HEAD * (y1 - y0))
    left, top = (x0 + x1 - side) // 2, (y0 + y1 - side) // 2
    return cut(portrait(who), (left, top, left + side, top + side))


def sized_head(who: str, width: int) -> Scene:
    """A head whose face is `width` pixels wide."""
    return resized(head(who), width / face_width(who))


def cut(scene: Scene, box: Box) -> Scene:
    """What lies within `box` (x0, y0, x1, y1), as far as there is picture."""
    height, width = scene.picture.shape[:2]
    x0, y0, x1, y1 = max(box[0], 0), max(box[1], 0), min(box[2], width), min(box[3], height)
    return scene.moved(np.ascontiguousarray(scene.picture[y0:y1, x0:x1]), _shift(-x0, -y0))


def resized(scene: Scene, factor: float) -> Scene:
    """Smaller or larger by `factor`."""
    picture = scaled(scene.picture, factor)
    x, y = np.divide(picture.shape[1::-1], scene.picture.shape[1::-1])
    # Pixel edges, not centres, are what scales.
    return scene.moved(picture, np.array([[x, 0, (x - 1) / 2], [0, y, (y - 1) / 2]]))


def turned(scene: Scene, degrees: float) -> Scene:
    """Turned about the first one's face, counter-clockwise as seen; new corners are grey."""
    first = scene.people[0]
    x0, y0, x1, y1 = PORTRAITS[first.who][1]
    x, y = first.matrix @ ((x0 + x1) / 2, (y0 + y1) / 2, 1)
    return _warped(scene, np.asarray(cv2.getRotationMatrix2D((float(x), float(y)), degrees, 1), np.float64))


def shifted(scene: Scene, pixels: float) -> Scene:
    """Moved by a fraction of a pixel to the right and down."""
    return _warped(scene, _shift(pixels, pixels))


def placed(scene: Scene, canvas: Bgr, x: int, y: int) -> Scene:
    """Laid on a copy of a larger picture, its first pixel at (x, y)."""
    picture = canvas.copy()
    height, width = scene.picture.shape[:2]
    picture[y : y + height, x : x + width] = scene.picture
    return scene.moved(picture, _shift(x, y))


def other_than(who: str) -> str:
    """The other one of the two people."""
    return next(name for name in PORTRAITS if name != who)


def _warped(scene: Scene, matrix: Matrix) -> Scene:
    height, width = scene.picture.shape[:2]
    picture = cv2.warpAffine(scene.picture, matrix, (width, height), flags=cv2.INTER_CUBIC, borderValue=_GREY)
    return scene.moved(np.asarray(picture, np.uint8), matrix)


def _shift(x: float, y: float) -> Matrix:
    return np.array([[1, 0, x], [0, 1, y]], np.float64)

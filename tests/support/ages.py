"""Somebody who guesses ages and whose guesses are known: by the green in the colour of a face's middle."""

from collections.abc import Callable

from pipeline.face import Bgr, Face
from pipeline.swap.minors import MinorCheck
from tests.support.engines import person_bgr

_NEAR = 24
"""What encoders do to a colour."""


class ColourAges:
    """Takes those for minors whose faces have one of some colours, BGR; `looked` counts the guesses.

    Faces whose longer side has less than `least_px` pixels cannot be judged.
    """

    def __init__(self, *minors: tuple[int, int, int], least_px: float = 0) -> None:
        self.looked = 0
        self._minors = minors
        self._least_px = least_px

    def can_judge(self, face: Face) -> bool:
        return max(face.size) >= self._least_px

    def may_be_minor(self, picture: Bgr, face: Face) -> bool:
        self.looked += 1
        x, y = (round(value) for value in face.center)
        seen = picture[y, x].astype(int)
        return any(abs(seen - colour).max() <= _NEAR for colour in self._minors)


def people(*numbers: int) -> ColourAges:
    """Takes those people of `person_bgr` for minors."""
    return ColourAges(*map(person_bgr, numbers))


def check(ages: ColourAges, *, refuse: bool = False) -> MinorCheck:
    """A check that asks `ages`."""
    return MinorCheck(_given(ages), refuse=refuse)


def _given(ages: ColourAges) -> Callable[[], ColourAges]:
    return lambda: ages

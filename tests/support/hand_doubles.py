"""Hands that are where a test says, seen by nobody else."""

from collections.abc import Iterable

import numpy as np

from pipeline.blend.hands import HandKeeper
from pipeline.face import Array, Bgr, Face


def bar(x: float, y: float, length: float = 40, palm: float = 40) -> Array:
    """A hand at (x, y): all its points on a line downwards, but for the knuckles, which lie `palm` apart."""
    points = np.column_stack([np.full(21, x), np.linspace(y, y + length, 21)]).astype(np.float32)
    points[5, 0] -= palm / 2
    points[17, 0] += palm / 2
    points[17, 1] = points[5, 1]
    return points


class KnownHands:
    """Finds `there`, in pixels of whatever picture it is shown, and follows those that are `kept`, `step` on.

    `looks` and `follows` count the calls that had to do something.
    """

    def __init__(self, *there: Array, kept: bool = True, step: float = 1) -> None:
        self.there = list(there)
        self.kept = kept
        self.step = step
        self.looks = 0
        self.follows = 0
        self.shown: list[tuple[int, ...]] = []

    def find(self, picture: Bgr, face: Face) -> list[Array]:  # noqa: ARG002 -- the port's
        self.looks += 1
        self.shown.append(picture.shape)
        return list(self.there)

    def follow(self, picture: Bgr, hands: Iterable[Array]) -> list[Array]:  # noqa: ARG002 -- the port's
        followed = [hand + np.float32(self.step) for hand in hands]
        self.follows += len(followed)
        return followed if self.kept else []


def keeper(hands: KnownHands) -> HandKeeper:
    """What keeps them."""
    return HandKeeper(lambda: hands, models={"hands.onnx": "sha256:00"})

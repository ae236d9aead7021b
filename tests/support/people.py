"""Somebody who tells people apart by the colour in the middle of their faces."""

import numpy as np

from pipeline.face import Array, Bgr, Face
from pipeline.swap.protected import ProtectedPeople
from tests.support.engines import person_bgr


class ColourIdentity:
    """Embeds a face as 128 numbers of which the first three are its colour; `looked` counts the faces."""

    def __init__(self) -> None:
        self.looked = 0

    def embed(self, picture: Bgr, face: Face) -> Array:
        self.looked += 1
        x, y = (round(value) for value in face.center)
        return _embedding(picture[y, x])


def colour_of(person: int) -> Array:
    """The embedding of a person of `person_bgr`."""
    return _embedding(np.array(person_bgr(person)))


def protecting(*people: int) -> ProtectedPeople:
    """Protects those people."""
    known = ProtectedPeople(ColourIdentity)
    known.protect([colour_of(person) for person in people])
    return known


def _embedding(colour: np.ndarray[tuple[int, ...], np.dtype[np.generic]]) -> Array:
    embedding = np.zeros(128, np.float32)
    embedding[:3] = np.asarray(colour, np.float32) / 16  # a person's colour is 50 from the next one's
    return embedding

"""Which of a picture's faces are meant: their reading order, and choosing among them.

Mappings that point at faces of an earlier detection are bound in `pipeline.faces.match`.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

import numpy as np

from pipeline.errors import FaceNotFound
from pipeline.face import Array, Face

T = TypeVar("T")

MOST_FACES: Final = 1000
"""So many faces of a picture or frame count at most, the largest.

As many as the photograph has that Hu and Ramanan took for an extreme ("Finding Tiny Faces", 2017,
arXiv:1612.04402, figure 1: about 800 found of reportedly 1000). Without a limit a picture of 4.5 MB keeps
the device busy with 2,767.
"""
_ROW_HEIGHTS = 0.5
_LISTED = 10


@dataclass(frozen=True, kw_only=True)
class IdentityScale:
    """From what distance on two faces are one person, on the scale of one identity model.

    Attributes:
        accept: largest distance of one person's faces.
        accept_small: the same where a face is smaller than `small_px`.
        small_px: shorter side of a face's box in pixels.
        margin: how much farther than the nearest face the second nearest must be.
        blind_px: faces with a shorter side below this are so blurred that a large distance says nothing.
    """

    accept: float
    accept_small: float
    small_px: float
    margin: float
    blind_px: float

    def limit(self, side_px: float) -> float:
        """Largest distance of one person's faces, the smaller of which has a shorter side of `side_px`."""
        return self.accept if side_px >= self.small_px else self.accept_small


def reading_order(faces: Iterable[Face]) -> list[Face]:
    """Sort faces as a reader counts them: rows from top to bottom, each row from left to right.

    A face belongs to the row above it while its centre lies less than half a face below that row's,
    both taken as means over the row so far. Rows are settled before anything is compared, so the order
    is transitive and does not depend on the order given.
    """
    rows: list[list[Face]] = []
    for face in sorted(faces, key=_down_then_right):
        if rows and face.center[1] < _row_end(rows[-1]):
            rows[-1].append(face)
        else:
            rows.append([face])
    return [face for row in rows for face in sorted(row, key=_right_then_down)]


def largest(faces: Sequence[Face]) -> Face:
    """The face with the largest box; of equal ones the first in reading order.

    Raises:
        ValueError: there are no faces.
    """
    return max(reading_order(faces), key=lambda face: face.area)


def largest_of(suspects: Sequence[T], most: int, size: Callable[[T], float]) -> list[T]:
    """The `most` largest of what may be faces, in the order given; of equal ones the first."""
    order = sorted(range(len(suspects)), key=lambda place: -size(suspects[place]))
    return [suspects[place] for place in sorted(order[:most])]


def at_least(faces: Iterable[Face], *, side_px: float = 0.0, score: float = 0.0) -> list[Face]:
    """The faces whose box has a shorter side of at least `side_px` pixels and that score at least `score`."""
    return [face for face in faces if min(face.size) >= side_px and face.score >= score]


def face_id(number: int) -> str:
    """What the face at a place in reading order is called, counted from 0: `face_0`."""
    return f"face_{number}"


def by_reading_order(face_ids: Collection[str], count: int) -> dict[str, int]:
    """Find the place of each of `face_ids` among `count` faces in reading order.

    Raises:
        FaceNotFound: names the ids for which there is no face, and says how many faces there are.
    """
    places = {face_id(number): number for number in range(count)}
    missing = [name for name in face_ids if name not in places]
    if missing:
        raise FaceNotFound(f"The target has no {listed(missing)}: {_counted(count)}.")
    return {name: places[name] for name in face_ids}


def by_reference(faces: Sequence[Face], distances: Array, *, reference: Face, scale: IdentityScale) -> Face:
    """The face of the person that a reference picture shows.

    Args:
        faces: the faces to choose from.
        distances: (n,) float32 identity distance of each to the reference; NaN where it is unknown.
        reference: the face in the reference picture.
        scale: what distances of this identity model mean.

    Raises:
        FaceNotFound: no face is alike enough, or two are about equally so.
    """
    number = nearest(distances, scale)
    if number is not None:
        face = faces[number]
        if distances[number] <= scale.limit(min(*reference.size, *face.size)):
            return face
    if (distances <= scale.accept).sum() > 1:
        raise FaceNotFound(
            "More than one face of the target looks like the person in the reference picture; "
            f"say which by its number, from {face_id(0)} to {face_id(len(faces) - 1)}."
        )
    raise FaceNotFound(
        f"The person in the reference picture was not recognised in the target: {_counted(len(faces))}."
    )


def nearest(distances: Array, scale: IdentityScale) -> int | None:
    """The place of the least of (n,) distances, NaN left aside; None if another comes within the margin."""
    order = np.argsort(distances)  # NaN comes last
    least, second = [*distances[order[:2]], np.nan, np.nan][:2]
    if np.isnan(least) or second - least < scale.margin:
        return None
    return int(order[0])


def listed(names: Sequence[str]) -> str:
    """Face ids as part of a sentence: `face_2`, `face_2 and face_5`; of many only the first ten."""
    if len(names) > _LISTED:
        names = [*names[:_LISTED], f"{len(names) - _LISTED} more"]
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _counted(count: int) -> str:
    """How many faces there are, as the end of a sentence."""
    if count == 0:
        return "no face was found there"
    if count == 1:
        return f"1 face was found there, {face_id(0)}"
    return f"{count} faces were found there, {face_id(0)} to {face_id(count - 1)}"


def _row_end(row: Sequence[Face]) -> float:
    middle = np.mean([face.center[1] for face in row])
    height = np.mean([face.size[1] for face in row])
    return float(middle + _ROW_HEIGHTS * height)


def _down_then_right(face: Face) -> tuple[float, ...]:
    return (face.center[1], face.center[0], *_rest(face))


def _right_then_down(face: Face) -> tuple[float, ...]:
    return (face.center[0], face.center[1], *_rest(face))


def _rest(face: Face) -> tuple[float, ...]:
    """What tells apart faces with one centre, so that ties never depend on the order given."""
    return (*map(float, face.bbox), *map(float, face.kps.ravel()), face.score)

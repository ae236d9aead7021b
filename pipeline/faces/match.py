"""Finding the faces of an earlier detection again in today's picture, by place and identity.

The picture may since have been scaled, encoded anew, cropped or mirrored, and today's detector may find
more faces or fewer, and others first.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import FaceNotFound
from pipeline.face import Array, Face
from pipeline.faces.assign import assign
from pipeline.faces.detect import overlaps
from pipeline.faces.select import IdentityScale, listed, nearest

# A detector's own box and the one around its landmarks share 0.61 to 0.93 of their union (40 faces, turned
# by up to 60 degrees). Boxes of two people share less than 0.3 once they are half a face apart.
_SAME_PLACE_IOU: Final = 0.3
# How far two pictures' ratios of width to height may differ when one is a scaled copy of the other: a
# copy of 50 pixels a side is off by as much as its rounding.
_SAME_SHAPE: Final = 0.02
# A pair costs 0..1 by place and 0..1 by identity. Leaving a face without partner costs a little more than
# the worst pair, so a pair is made where it may be; but no pair in the very same place is given up for two
# that share less than half.
_ALONE: Final = 2.01


@dataclass(frozen=True, kw_only=True, eq=False)
class StoredFace:
    """A face as an earlier detection knew it.

    Attributes:
        face_id: what mappings call it.
        bbox: (4,) float32 `x0, y0, x1, y1` in pixels of the picture it was found in.
        embedding: (n,) float32 identity embedding; None where there was no identity model.
    """

    face_id: str
    bbox: Array
    embedding: Array | None


@dataclass(frozen=True, kw_only=True, eq=False)
class StoredFaces:
    """All faces of an earlier detection, and the size in pixels of the picture it looked at.

    `identity_model` is the `sha256:<hex>` of the network that made the embeddings, None where it is unknown.
    """

    width: int
    height: int
    faces: Sequence[StoredFace]
    identity_model: str | None = None


def bind(
    face_ids: Collection[str],
    stored: StoredFaces,
    faces: Sequence[Face],
    distances: Array,
    *,
    size: tuple[int, int] | None,
    scale: IdentityScale,
) -> dict[str, int]:
    """Find which of today's faces each of `face_ids` of a stored detection is.

    A pair may be made where both lie in the same place of the picture and identity does not say otherwise,
    or, wherever they lie, where identity accepts the pair and nobody else comes near. All stored faces
    take part, so that no face goes to one that only looks like its owner; each goes to one at most.

    Args:
        face_ids: the stored faces that are asked for.
        stored: the detection in which they were pointed at.
        faces: today's faces, in any order.
        distances: (n, m) float32 identity distances of the n stored to the m faces, NaN where unknown;
            see `identity_distances`.
        size: width and height of today's picture in pixels; None where places say nothing, as in a video.
        scale: what distances of this identity model mean.

    Returns:
        For each of `face_ids` the place of its face in `faces`.

    Raises:
        FaceNotFound: names the ids that the detection never had, or whose faces are no longer there.
    """
    names = [face.face_id for face in stored.faces]
    unknown = [name for name in face_ids if name not in names]
    if unknown:
        raise FaceNotFound(
            f"The stored detection has no {listed(unknown)}: its {len(names)} faces are {listed(names)}."
            if names
            else "The stored detection has no faces."
        )
    matched = zip(names, match(stored, faces, distances, size=size, scale=scale), strict=True)
    places = {name: place for name, place in matched if place is not None}
    gone = [name for name in face_ids if name not in places]
    if gone:
        raise FaceNotFound(
            f"{listed(gone)} of the stored detection cannot be found again in the target. "
            "Detect its faces anew, and send the job with that detection."
        )
    return {name: places[name] for name in face_ids}


def match(
    stored: StoredFaces,
    faces: Sequence[Face],
    distances: Array,
    *,
    size: tuple[int, int] | None,
    scale: IdentityScale,
) -> list[int | None]:
    """For each stored face the place of its face in `faces`, None where it is gone; see `bind`."""
    costs = _costs(stored, faces, distances, size, scale)
    alone = np.full((len(costs), len(costs)), _ALONE)
    places = assign(np.hstack([costs, alone]))
    return [int(place) if place < len(faces) else None for place in places]


def identity_distances(
    stored: Sequence[StoredFace],
    embeddings: Sequence[Array | None],
    distance: Callable[[Array, Array], float],
) -> Array:
    """Compare n stored faces with the embeddings of today's m by an engine's `distance`.

    Returns:
        (n, m) float32, NaN where an embedding is missing or not of the same length as the other.
    """

    def compare(one: Array | None, other: Array | None) -> float:
        if one is None or other is None or one.shape != other.shape:
            return np.nan
        return distance(one, other)

    rows = [[compare(face.embedding, embedding) for embedding in embeddings] for face in stored]
    return np.array(rows, np.float32).reshape(len(stored), len(embeddings))


def in_place(faces: Sequence[Face], bbox: Array) -> Face | None:
    """The one of `faces` that shares most with a (4,) box of their picture; None where none is the same."""
    if not faces:
        return None
    shared, _ = overlaps(bbox, np.array([face.bbox for face in faces]))
    best = int(shared.argmax())
    return faces[best] if shared[best] >= _SAME_PLACE_IOU else None


def _costs(
    stored: StoredFaces,
    faces: Sequence[Face],
    distances: Array,
    size: tuple[int, int] | None,
    scale: IdentityScale,
) -> NDArray[np.float64]:
    """(n, m) cost of each pair, 0..2; inf for those that must not be made."""
    then = np.array([face.bbox for face in stored.faces], np.float32).reshape(-1, 4)
    now = np.array([face.bbox for face in faces], np.float32).reshape(-1, 4)
    shared = _shared(then, now, (stored.width, stored.height), size)
    sides_px = np.minimum(_shorter_sides(then)[:, None], _shorter_sides(now)[None, :])
    other_person = (distances > scale.accept) & (sides_px >= scale.blind_px)
    here = (shared >= _SAME_PLACE_IOU) & ~other_person
    elsewhere = np.zeros_like(here)
    for row, place in enumerate(nearest(of_one, scale) for of_one in distances):
        if place is not None:
            elsewhere[row, place] = distances[row, place] <= scale.limit(float(sides_px[row, place]))
    cost = (1 - shared) + np.minimum(np.nan_to_num(distances, nan=np.inf) / scale.accept, 1)
    return np.where(here | elsewhere, cost, np.inf)


def _shared(then: Array, now: Array, size_then: tuple[int, int], size_now: tuple[int, int] | None) -> Array:
    """(n, m) intersection over union of boxes of two pictures; 0 where one is no scaled copy of the other."""
    apart = np.zeros((len(then), len(now)), np.float32)
    if size_now is None:
        return apart
    steps = np.divide(size_then, size_now)
    if abs(steps[0] / steps[1] - 1) > _SAME_SHAPE:
        return apart
    scaled = now * np.tile(steps, 2)
    rows = [overlaps(box, scaled)[0] for box in then]
    return np.array(rows, np.float32).reshape(len(then), len(now))


def _shorter_sides(boxes: Array) -> Array:
    return np.asarray((boxes[:, 2:] - boxes[:, :2]).min(axis=1), np.float32)

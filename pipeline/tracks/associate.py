"""Which of the people who are followed each face of a frame is, one to one, by place and identity."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from pipeline.engines.base import AnyEngine
from pipeline.face import Array
from pipeline.faces.assign import assign
from pipeline.faces.detect import overlaps
from pipeline.faces.select import nearest
from pipeline.steps import Steps
from pipeline.tracks.identity import Identity, Sighting

_NEAR: Final = 0.2
"""Share of the boxes' union from which on a face lies where somebody is expected."""
# As in `pipeline.faces.match`: a pair costs 0..1 by place and 0..1 by identity, and is made where it may be.
_ALONE: Final = 2.01


def associate(
    engine: AnyEngine, people: Sequence[tuple[Identity, Array | None]], sightings: Sequence[Sighting]
) -> Steps[list[int | None]]:
    """Find the face of each of some people among those of a frame; one person or face a step.

    A pair may be made where the face lies where the person is expected and does not look like another one,
    or, wherever it lies, where identity accepts the pair and neither another face nor another person comes
    near. Of all ways to make pairs that of the least cost is taken.

    Args:
        engine: what made the embeddings.
        people: who they are and the (4,) box where each is expected, None where place says nothing.
        sightings: the faces, in any order.

    Returns:
        For each of the people the place of their face in `sightings`, None where there is none.
    """
    found: list[int | None] = [None] * len(people)
    if not people or not sightings:
        return found
    costs = yield from _costs(engine, people, sightings)
    rows = np.flatnonzero(np.isfinite(costs).any(axis=1))  # few of the many who were ever seen
    places = assign(np.hstack([costs[rows], np.full((len(rows), len(rows)), _ALONE)]))
    for row, place in zip(rows, places, strict=True):
        found[row] = int(place) if place < len(sightings) else None
    return found


def _costs(
    engine: AnyEngine, people: Sequence[tuple[Identity, Array | None]], sightings: Sequence[Sighting]
) -> Steps[np.ndarray[tuple[int, int], np.dtype[np.float64]]]:
    """(n, m) cost of each pair, 0..2; inf for those that must not be made."""
    scale = engine.identity_scale
    boxes = np.array([sighting.face.bbox for sighting in sightings])
    embeddings: list[Array | None] = []
    for sighting in sightings:
        yield
        embeddings.append(sighting.embedding)
    shape = len(people), len(sightings)
    shared = np.zeros(shape)
    distances, least = (np.full(shape, np.nan, np.float32) for _ in range(2))
    sides = np.minimum.outer([it.side_px for it, _ in people], [seen.side_px for seen in sightings])
    for row, (identity, expected) in enumerate(people):
        yield
        if expected is not None:
            shared[row] = overlaps(expected, boxes)[0]
        for column, embedding in enumerate(embeddings):
            distances[row, column] = identity.distance(engine, embedding)
            least[row, column] = identity.nearest(engine, embedding)
    is_other = (least > scale.accept) & (sides >= scale.blind_px)
    is_here = (shared >= _NEAR) & ~is_other
    limits = np.where(sides >= scale.small_px, scale.accept, scale.accept_small)
    by_row, by_column = ([nearest(line, scale) for line in lines] for lines in (distances, distances.T))
    is_recognised = np.zeros(shape, bool)
    for row, place in enumerate(by_row):
        if place is not None and by_column[place] == row:
            is_recognised[row, place] = distances[row, place] <= limits[row, place]
    cost = (1 - shared) + np.minimum(np.nan_to_num(distances, nan=np.inf) / scale.accept, 1)
    return np.where(is_here | is_recognised, cost, np.inf)

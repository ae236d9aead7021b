"""Several pictures of one person made into one source: what all engines have in common in that."""

from collections.abc import Sequence

import numpy as np

from pipeline.face import Array, Notice, Source

_OF_THE_FACE = "source_"  # codes of notices that say what is amiss with a source's face begin so
_LEAST_LENGTH = 1e-6


def mean_identity(embeddings: Sequence[Array]) -> Array:
    """The identity that (n,) float32 embeddings of one person have in common.

    Each counts the same, whatever its length: the mean of their directions, at their mean length.
    """
    lengths = np.array([max(float(np.linalg.norm(embedding)), _LEAST_LENGTH) for embedding in embeddings])
    direction = np.mean(
        [embedding / length for embedding, length in zip(embeddings, lengths, strict=True)], 0
    )
    shortened = max(float(np.linalg.norm(direction)), _LEAST_LENGTH)
    return np.asarray(direction / shortened * lengths.mean(), np.float32)


def mean_embedding(sources: Sequence[Source]) -> Array | None:
    """The identity of sources that show one person; None where none of them has one."""
    known = [source.embedding for source in sources if source.embedding is not None]
    return mean_identity(known) if known else None


def flaws(source: Source) -> set[str]:
    """The codes of what is amiss with the face of a source."""
    return {notice.code for notice in source.notices if notice.code.startswith(_OF_THE_FACE)}


def merged_notices(sources: Sequence[Source], *, flaws_of: Sequence[Source]) -> tuple[Notice, ...]:
    """What is to be said of all `sources` together.

    A flaw of a face counts where all of `flaws_of`, those that the result is drawn from, have it.
    """
    shared = set.intersection(*(flaws(source) for source in flaws_of))
    told: dict[str, Notice] = {}
    for source in (*flaws_of, *sources):
        for notice in source.notices:
            if notice.code in shared or not notice.code.startswith(_OF_THE_FACE):
                told.setdefault(notice.code, notice)
    return tuple(told.values())

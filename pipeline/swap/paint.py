"""Putting sources onto faces of one frame with one engine, and measuring what came of it."""

import itertools
from collections.abc import Sequence

from pipeline.blend.enhance import Enhancer
from pipeline.engines.base import AnyEngine, BlendOptions
from pipeline.face import Array, Bgr, Face, Source
from pipeline.swap.result import Likeness


class Painter:
    """Changes faces of a frame, and restores them where asked to; on the device's thread."""

    def __init__(self, engine: AnyEngine, enhancer: Enhancer | None, blend: BlendOptions) -> None:
        self._engine = engine
        self._enhancer = enhancer if blend.enhance else None
        self._blend = blend

    def paint(self, frame: Bgr, pairs: Sequence[tuple[Face, Source]], others: Sequence[Face]) -> list[bool]:
        """Put each source onto its face in a BGR uint8 (h, w, 3) frame, in place; see `Engine.swap`.

        Returns for each pair whether anything changed.
        """
        changed = self._engine.swap(frame, pairs, self._blend, others=others)
        if self._enhancer is not None:
            for face, _ in itertools.compress(pairs, changed):
                self._enhancer.enhance(
                    frame,
                    face,
                    others=others,
                    keep_mouth=self._blend.mouth_mask,
                    strength=self._blend.enhancer_strength,
                )
        return changed

    def embed(self, frame: Bgr, face: Face) -> Array | None:
        """What a face of a frame looks like before it is painted, for `likeness`."""
        return self._engine.embed(frame, face)

    def likeness(self, frame: Bgr, face: Face, source: Source, before: Array | None) -> Likeness | None:
        """How much a painted face looks like its source and like what it was before; None if unknown."""
        if before is None or source.embedding is None:
            return None
        after = self._engine.embed(frame, face)
        if after is None:
            return None
        distance = self._engine.distance
        return Likeness(
            to_source=round(distance(after, source.embedding), 4),
            to_target_before=round(distance(after, before), 4),
            source_to_target_before=round(distance(source.embedding, before), 4),
        )

"""Putting sources onto faces of one frame: farthest face first, in the engine's batches, then measured."""

import itertools
from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any

from pipeline.blend.enhance import Enhancer
from pipeline.engines.base import BlendOptions, Engine
from pipeline.face import Array, Bgr, Face, Source
from pipeline.swap.result import Likeness
from pipeline.swap.timing import Timings


class Painter:
    """Changes chosen faces of a frame with one engine, and restores them where asked to."""

    def __init__(
        self, engine: Engine[Any], enhancer: Enhancer | None, blend: BlendOptions, timings: Timings
    ) -> None:
        self._engine = engine
        self._enhancer = enhancer if blend.enhance else None
        self._blend = blend
        self._timings = timings

    def paint(
        self,
        frame: Bgr,
        faces: Sequence[Face],
        chosen: Mapping[int, Source],
        on_batch: Callable[[int], None],
        *,
        measured: bool,
    ) -> Generator[None, None, dict[int, Likeness | None]]:
        """Put each source onto the face at its place in `faces`; `frame` is changed in place.

        Smaller faces come first: a larger one is nearer to the camera, and covers them where they overlap.

        Returns:
            The likeness of each face that changed, by its place; None where it is not `measured`.
        """
        order = sorted(chosen, key=lambda place: (faces[place].area, place))
        with self._timings.measure("swap"):
            before = {place: self._engine.embed(frame, faces[place]) if measured else None for place in order}
        changed: list[int] = []
        for done in range(0, len(order), self._engine.batch_size):
            on_batch(done)
            batch = order[done : done + self._engine.batch_size]
            with self._timings.measure("swap"):
                changed += self._paint_batch(frame, faces, batch, chosen)
            yield
        with self._timings.measure("swap"):
            return {
                place: self._likeness(frame, faces[place], chosen[place], before[place])
                for place in sorted(changed)
            }

    def _paint_batch(
        self, frame: Bgr, faces: Sequence[Face], batch: Sequence[int], chosen: Mapping[int, Source]
    ) -> list[int]:
        """The places whose faces changed."""
        pairs = [(faces[place], chosen[place]) for place in batch]
        changed = list(itertools.compress(batch, self._engine.swap(frame, pairs, self._blend, others=faces)))
        if self._enhancer is not None:
            for place in changed:
                self._enhancer.enhance(frame, faces[place], others=faces, keep_mouth=self._blend.mouth_mask)
        return changed

    def _likeness(self, frame: Bgr, face: Face, source: Source, before: Array | None) -> Likeness | None:
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

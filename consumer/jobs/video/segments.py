"""The segments of a video, made here one after the other, or taken over from an earlier attempt."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from consumer.jobs.context import JobContext
from consumer.jobs.scratch import Scratch
from consumer.jobs.together import together
from consumer.jobs.video.files import GrowingFile
from consumer.jobs.video.pace import FrameProgress
from consumer.jobs.video.render import VideoWork, render
from pipeline.media.sniff import MEDIA_TYPES
from pipeline.media.video.encode import EXTENSION
from pipeline.media.video.segments import Segment
from pipeline.swap.video.facts import SegmentFacts
from storage.records.status import Segments
from storage.scratch import describe_piece

_BYTES_PER_PIXEL: Final = 0.1
"""A guess at what a pixel of a segment takes: twice what a noisy film takes at the best usual quality."""


@dataclass(frozen=True, kw_only=True, eq=False)
class SegmentDone:
    """A segment that is there, and kept for later attempts."""

    number: int
    path: Path
    facts: SegmentFacts


class SegmentExecutor(Protocol):
    """What brings about the segments of a plan, wherever they are made."""

    async def run(self, work: VideoWork, on_done: Callable[[SegmentDone], None]) -> None:
        """Bring all of them here; `on_done` is told of each once, in order."""
        ...


class LocalSegments:
    """Makes the segments of a job in its own process, the device shared with other jobs."""

    def __init__(self, context: JobContext) -> None:
        self._context = context
        self._reused = self._done = 0

    async def run(self, work: VideoWork, on_done: Callable[[SegmentDone], None]) -> None:
        """Make those that are not there; one is stored while the next one is made."""
        scratch = self._context.scratch(work.plan_id)
        progress = FrameProgress(self._context, "swap", work.plan.frames)
        found = await scratch.found()
        async with together() as group:
            keeping: Awaitable[None] | None = None
            for segment in work.plan.segments:
                taken = await self._take_over(work, scratch, segment) if segment.number in found else None
                try:
                    made = None if taken else await self._make(work, segment, progress)
                finally:  # what was made before is kept, also where this one fails
                    if keeping is not None:
                        await keeping
                if made is not None:
                    keeping = group.create_task(self._keep(work, scratch, made, progress, on_done))
                elif taken is not None:
                    keeping = None
                    self._done += 1
                    self._reused += 1
                    progress.take_over(segment.frames)
                    progress.tell(self._count(work))
                    on_done(taken)

    async def _take_over(self, work: VideoWork, scratch: Scratch, segment: Segment) -> SegmentDone | None:
        """A segment that an earlier attempt made; None where it is not what its maker said."""
        path = self._path(segment)
        room = GrowingFile(self._context, _guess(work, segment))
        await room.hold()
        with self._context.unmeasured():
            piece = await scratch.fetch(segment.number, path, extension=EXTENSION)
        await room.settle(0 if piece is None else piece.size_bytes)
        if piece is None:
            return None
        try:
            facts = SegmentFacts.from_json(piece.facts)
        except (KeyError, TypeError, ValueError, AttributeError):
            return None
        return SegmentDone(number=segment.number, path=path, facts=facts)

    async def _make(self, work: VideoWork, segment: Segment, progress: FrameProgress) -> SegmentDone:
        path = self._path(segment)
        room = GrowingFile(self._context, _guess(work, segment))
        await room.hold()
        written, facts = await render(self._context, work, segment, path, progress)
        await room.settle(written.size_bytes)
        return SegmentDone(number=segment.number, path=path, facts=facts)

    async def _keep(
        self,
        work: VideoWork,
        scratch: Scratch,
        made: SegmentDone,
        progress: FrameProgress,
        on_done: Callable[[SegmentDone], None],
    ) -> None:
        with self._context.unmeasured():
            piece = await self._context.on_cpu(lambda: describe_piece(made.path, made.facts.to_json()))
            content_type = MEDIA_TYPES[EXTENSION].content_type
            await scratch.keep(made.number, made.path, piece, extension=EXTENSION, content_type=content_type)
        self._done += 1
        progress.tell(self._count(work))
        on_done(made)

    def _count(self, work: VideoWork) -> Segments:
        return Segments(done=self._done, total=len(work.plan.segments), reused=self._reused)

    def _path(self, segment: Segment) -> Path:
        return self._context.workspace.path(f"segment-{segment.number}.{EXTENSION}")


def _guess(work: VideoWork, segment: Segment) -> int:
    width, height = work.plan.size
    return round(segment.frames * width * height * _BYTES_PER_PIXEL) + 1

"""The segments of a video, made here or taken over from an earlier attempt."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from consumer.engines.pool import LoadedEngine
from consumer.jobs.context import JobContext
from consumer.jobs.together import together
from consumer.jobs.video.choice import makers_kept, segment_maker
from consumer.jobs.video.files import GrowingFile, guess_bytes, keep_segment
from consumer.jobs.video.makers import SegmentMaker, SegmentNotHere, SegmentTimedOut
from consumer.jobs.video.pace import FrameProgress
from consumer.jobs.video.render import VideoWork
from pipeline.media.video.encode import EXTENSION
from pipeline.media.video.segments import Segment
from pipeline.swap.video.facts import SegmentFacts
from storage.records.status import Segments


@dataclass(frozen=True, kw_only=True, eq=False)
class SegmentDone:
    """A segment that is there, and kept for later attempts."""

    number: int
    path: Path
    facts: SegmentFacts


class SegmentExecutor(Protocol):
    """What brings about the segments of a plan, wherever they are made."""

    async def run(self, work: VideoWork) -> Sequence[SegmentDone]:
        """Bring all of them here; they come in the order of the plan."""
        ...


class LocalSegments:
    """Makes the segments of a job on this machine, and keeps each one for later attempts."""

    def __init__(self, context: JobContext, loaded: LoadedEngine) -> None:
        self._context = context
        self._loaded = loaded

    async def run(self, work: VideoWork) -> Sequence[SegmentDone]:
        """Make those that are not there, several at once where that is faster."""
        found = await self._context.scratch(work.plan_id).found()
        return await self._bring(work, work.plan.segments, found)

    async def make(self, work: VideoWork, segments: Sequence[Segment]) -> None:
        """Make some of them, none of which is there, for who brings them together elsewhere."""
        await self._bring(work, segments, frozenset())

    async def _bring(
        self, work: VideoWork, segments: Sequence[Segment], found: frozenset[int]
    ) -> Sequence[SegmentDone]:
        missing = sum(segment.number not in found for segment in segments)
        async with makers_kept(self._context), together() as group:
            maker = segment_maker(self._context, self._loaded, work, segments=missing)
            run = _Run(self._context, work, segments, found, maker)
            for _ in range(maker.at_once + 1):  # while one is stored, the next one is made
                group.create_task(run.bring_one_after_the_other())
        return sorted(run.done, key=lambda each: each.number)


class _Run:
    """The segments of one job on their way, several at once."""

    def __init__(
        self,
        context: JobContext,
        work: VideoWork,
        segments: Sequence[Segment],
        found: frozenset[int],
        maker: SegmentMaker,
    ) -> None:
        #: Those that are there, in any order.
        self.done: list[SegmentDone] = []
        self._context, self._work, self._found = context, work, found
        self._scratch = context.scratch(work.plan_id)
        self._maker = maker
        self._total = len(segments)
        self._coming: Iterator[Segment] = iter(segments)
        self._progress = FrameProgress(context.progress, "swap", sum(segment.frames for segment in segments))
        self._reused = self._making = 0
        self._changed = asyncio.Condition()

    async def bring_one_after_the_other(self) -> None:
        """Bring segments until none is left to begin."""
        for segment in self._coming:
            room = GrowingFile(self._context, guess_bytes(self._work.plan, segment))
            async with self._turn(room):
                taken = await self._fetch(segment, room) if segment.number in self._found else None
                made = await self._make(segment, room) if taken is None else None
            if made is None:
                self._reused += 1
                self._progress.take_over(segment.frames)
            elif not self._maker.keeps:
                # Also where another one fails meanwhile: it is made, and a later attempt will want it.
                await _to_its_end(self._keep(made))
            self.done += filter(None, (taken, made))
            self._progress.tell(self._count())

    async def _fetch(self, segment: Segment, room: GrowingFile) -> SegmentDone | None:
        """A segment that is kept; None where it is not, or is not what its maker said."""
        path = self._path(segment)
        with self._context.unmeasured():
            piece = await self._scratch.fetch(segment.number, path, extension=EXTENSION)
        if piece is None:
            return None
        try:
            facts = SegmentFacts.from_json(piece.facts)
        except (KeyError, TypeError, ValueError, AttributeError):
            return None
        await room.settle(piece.size_bytes)
        return SegmentDone(number=segment.number, path=path, facts=facts)

    async def _make(self, segment: Segment, room: GrowingFile) -> SegmentDone:
        path, context = self._path(segment), self._context
        try:
            async with self._maker.memory(), asyncio.timeout(context.services.segment_timeout_s):
                made = await self._maker.make(segment, path, self._progress)
        except TimeoutError as error:
            raise SegmentTimedOut from error
        if made is None:  # but kept
            if (fetched := await self._fetch(segment, room)) is None:
                raise SegmentNotHere
            return fetched
        written, facts = made
        await room.settle(written.size_bytes)
        return SegmentDone(number=segment.number, path=path, facts=facts)

    @asynccontextmanager
    async def _turn(self, room: GrowingFile) -> AsyncIterator[None]:
        """Be one of those that are made at once, with room for the file.

        Only one that is alone waits for disk space: it may be what the others of the job will give back.
        """
        async with self._changed:
            await self._changed.wait_for(partial(self._may_begin, room))
            await room.hold()
            self._making += 1
        try:
            yield
        finally:
            self._making -= 1
            async with self._changed:
                self._changed.notify_all()

    def _may_begin(self, room: GrowingFile) -> bool:
        return not self._making or (self._making < self._maker.at_once and room.is_there)

    async def _keep(self, made: SegmentDone) -> None:
        await keep_segment(self._context, self._scratch, made.number, made.path, made.facts)

    def _count(self) -> Segments:
        return Segments(done=len(self.done), total=self._total, reused=self._reused)

    def _path(self, segment: Segment) -> Path:
        return self._context.workspace.path(f"segment-{segment.number}.{EXTENSION}")


async def _to_its_end(work: Coroutine[Any, Any, None]) -> None:
    """Wait for something to its end, also where that is given up; it is raised then that it was."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    finally:
        await task

"""Segments made by all consumers of a bucket, each of which takes parts of the job as jobs of their own."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final, NoReturn

from consumer.engines.pool import LoadedEngine
from consumer.jobs.context import JobContext
from consumer.jobs.parts import OtherFrames, PartMade, SharedOut
from consumer.jobs.video.render import VideoWork
from consumer.jobs.video.segments import LocalSegments, SegmentDone, SegmentExecutor
from pipeline.media.video.segments import SegmentPlan
from storage.parts import Parts
from storage.records.manifest import Part
from storage.records.status import Segments

MOST_PARTS: Final = 32
"""Of a job: the inbox stays short, and its target is fetched so many times at most."""
LEAST_SEGMENTS: Final = 4
"""Of a part: to fetch the target and prepare the sources for less of them is no gain."""


class SharedSegments:
    """Has the segments of a long job made as parts of it, once; what no part has made is made here."""

    def __init__(self, context: JobContext, loaded: LoadedEngine, parts: Parts) -> None:
        self._context = context
        self._here = LocalSegments(context, loaded)
        self._parts = parts

    async def run(self, work: VideoWork) -> Sequence[SegmentDone]:
        """Bring all of them here; raises SharedOut where that has to wait for others."""
        found = await self._context.scratch(work.plan_id).found()
        missing = [each.number for each in work.plan.segments if each.number not in found]
        if len(missing) >= 2 * LEAST_SEGMENTS:
            await self._share(work, missing)
        return await self._here.run(work)

    async def _share(self, work: VideoWork, missing: Sequence[int]) -> None:
        context, total = self._context, len(work.plan.segments)
        if not await self._parts.are_announced(context.job_id, work.plan_id):
            await self._parts.announce(context.manifest, context.job_id, work.plan_id, list(runs(missing)))
        elif await self._parts.resting(context.job_id) is None:
            return
        done = total - len(missing)
        context.progress.report(
            "swap", done, total, unit="segments", segments=Segments(done=done, total=total)
        )
        raise SharedOut


class PartOfSegments:
    """Makes the segments of a part that are not there, and keeps them for the job that it is a part of."""

    def __init__(self, context: JobContext, loaded: LoadedEngine, part: Part) -> None:
        self._context = context
        self._here = LocalSegments(context, loaded)
        self._part = part

    async def run(self, work: VideoWork) -> NoReturn:
        """Make them; raises PartMade in the end, and OtherFrames where the plan is another here."""
        if work.plan_id != self._part.plan:
            raise OtherFrames
        found = await self._context.scratch(work.plan_id).found()
        mine = range(self._part.first, self._part.end)
        await self._here.make(
            work, [each for each in work.plan.segments if each.number in mine and each.number not in found]
        )
        raise PartMade


def segment_executor(context: JobContext, loaded: LoadedEngine) -> SegmentExecutor:
    """Choose who brings about the segments of a job."""
    if context.part is not None:
        return PartOfSegments(context, loaded, context.part)
    if context.shares is not None:
        return SharedSegments(context, loaded, context.shares)
    return LocalSegments(context, loaded)


def made_here(context: JobContext, plan: SegmentPlan) -> int:
    """How many segments of a plan this attempt will make itself, as far as is known beforehand."""
    total = len(plan.segments)
    if context.part is not None:
        return min(total, context.part.end) - min(total, context.part.first)
    return 0 if context.shares is not None and total >= 2 * LEAST_SEGMENTS else total


def runs(numbers: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Cut numbers in order into about equal runs; of each its first one, and the one after its last."""
    count = min(MOST_PARTS, len(numbers) // LEAST_SEGMENTS)
    bounds = [len(numbers) * place // count for place in range(count + 1)]
    for start, end in pairwise(bounds):
        yield numbers[start], numbers[end - 1] + 1

"""What each executor of segments takes beyond the segments' own work."""

import asyncio
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from consumer.jobs.video.choice import makers_kept
from consumer.jobs.video.makers import OwnThreads
from consumer.jobs.video.pace import FrameProgress
from tests.bench.report import Row, row
from tests.support.segment_rigs import FRAMES, KINDS, Kind, Rig, open_rig

RUNS: Final = 10
SEGMENTS: Final = 4
"""In a run: all that make one, two or four at once are equally busy to the end."""
#: How many segments an executor of a rig makes at once, if not one.
AT_ONCE: Final[Mapping[str, int]] = {"processes": 2, "ray": 2}


def executor_rows() -> Iterator[Row]:
    """A line for each kind of executor, beside one segment's own work in this process.

    Segments are tiny, a second of 160x96: what an executor takes does not grow with them, but for the bytes
    that it moves. Where it makes several at once, what they lose to each other on shared cores counts. The
    least of some runs is what it takes: other processes only add to it.
    """
    for kind in KINDS:
        own_s, taken_s = asyncio.run(_times_s(kind))
        title = f"{kind}, beyond a segment's own work of {own_s * 1000:.0f} ms"
        yield row(f"executor of segments: {title}", (taken_s - own_s) * 1000, "ms")


async def _times_s(kind: Kind) -> tuple[float, float]:
    """The least time that a segment itself takes, and with an executor times how many it makes at once."""
    own_s, taken_s = list[float](), list[float]()
    with tempfile.TemporaryDirectory() as folder:
        async with open_rig(kind, Path(folder)) as rig, makers_kept(rig.context):
            for number in range(RUNS):  # in turn: the machine is not always as fast
                own_s.append(await _own_s(rig))
                taken_s.append(await _run_s(rig, f"{number:064x}"))
    return min(own_s) / SEGMENTS, min(taken_s) * AT_ONCE.get(kind, 1) / SEGMENTS


async def _own_s(rig: Rig) -> float:
    """Make the segments here and nothing else: they are not planned, kept or told of."""
    maker = OwnThreads(rig.context, await rig.context.engine("auto"), rig.work)
    count = FrameProgress(rig.context.progress, "swap", SEGMENTS * FRAMES)
    began = time.perf_counter()
    for segment in rig.work.plan.segments[:SEGMENTS]:
        await maker.make(segment, rig.context.workspace.path("segment.mp4"), count)
    return time.perf_counter() - began


async def _run_s(rig: Rig, plan_id: str) -> float:
    plan = replace(rig.work.plan, segments=rig.work.plan.segments[:SEGMENTS])
    work = replace(rig.work, plan=plan, plan_id=plan_id)  # its own: nothing was made for it yet
    began = time.perf_counter()
    await rig.executor.run(work)
    return time.perf_counter() - began

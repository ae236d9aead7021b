"""Who makes the segments of a video, and what becomes of a job whose process is killed."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from consumer.faults import judge
from consumer.jobs.video.choice import segment_maker
from consumer.jobs.video.frames import BYTES_PER_PIXEL
from consumer.jobs.video.makers import OtherProcesses, OwnThreads, SegmentProcessDied
from pipeline.engines.base import EngineInfo
from tests.support.reels import ReelEngine
from tests.support.segment_rigs import Killed, open_rig


class OnAGpu(ReelEngine):
    """An engine that says so."""

    @property
    def info(self) -> EngineInfo:
        return replace(super().info, provider="CUDAExecutionProvider")


@pytest.mark.parametrize(
    ("engine", "segments", "places", "at_once"),
    [
        (ReelEngine, 5, 8, 4),
        (ReelEngine, 3, 8, 3),
        (ReelEngine, 5, 2, 2),
        (ReelEngine, 1, 8, None),
        (ReelEngine, 0, 8, None),
        (ReelEngine, 5, 1, None),
        (OnAGpu, 5, 8, None),
    ],
    ids=["all of them", "as segments", "as memory", "one segment", "none", "memory for one", "on a GPU"],
)
async def test_processes_are_as_many_as_are_of_use(
    engine: type[ReelEngine], segments: int, places: int, at_once: int | None, tmp_path: Path
) -> None:
    frame = 400, 400
    budget = places * frame[0] * frame[1] * BYTES_PER_PIXEL
    async with open_rig("processes", tmp_path, engine, decoded_budget_bytes=budget) as rig:
        rig.context.services.processes.most = 4
        work = replace(rig.work, video=replace(rig.work.video, stored_size=frame))
        loaded = await rig.context.engine("auto")
        maker = segment_maker(rig.context, loaded, work, segments=segments)
    assert isinstance(maker, OwnThreads if at_once is None else OtherProcesses)
    assert maker.at_once == (at_once or 1)


async def test_a_killed_process_costs_its_segment_and_the_job_is_tried_again(tmp_path: Path) -> None:
    async with open_rig("processes", tmp_path, partial(Killed, tmp_path, after=(0, 1))) as rig:
        with pytest.raises(SegmentProcessDied) as died:
            await rig.executor.run(rig.work)
        assert not rig.pids
    fault = judge(died.value, stage="swap")
    assert (fault.kind, fault.code) == ("transient", "internal")
    assert fault.message == "A part of the video could not be made."
    assert "-9" in fault.reason
    assert "SWAPDROP_VIDEO_PROCESSES" in fault.reason
    async with open_rig("processes", tmp_path) as rig:
        assert len(await rig.executor.run(rig.work)) == 5
        segments = rig.told[-1].segments
        assert segments is not None
        assert segments.reused >= 2

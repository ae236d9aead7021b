"""What everything must do that brings about the segments of a video."""

import asyncio
import os
from functools import partial
from pathlib import Path

import pytest

from consumer.jobs.video.makers import SegmentTimedOut
from pipeline.errors import OutputInvalid
from storage.records.status import Segments
from tests.support.consumers import alive
from tests.support.jobs import until
from tests.support.segment_rigs import (
    FRAMES,
    KEPT,
    KINDS,
    LEFT_BY_RAY,
    LOCAL_KINDS,
    SEGMENTS,
    Kind,
    Marked,
    Rig,
    Slow,
    open_rig,
)
from tests.support.videos import Shown, shown

pytestmark = LEFT_BY_RAY
every_kind = pytest.mark.parametrize("kind", KINDS)
in_films = pytest.mark.parametrize(
    "kind", [*LOCAL_KINDS, pytest.param("ray", marks=[pytest.mark.films, pytest.mark.ray])]
)
"""A Ray takes as long to start as all other kinds together to be done: one of the fast tests has it."""


async def made(rig: Rig) -> list[list[Shown]]:
    """The frames of each segment."""
    done = await rig.executor.run(rig.work)
    assert [each.number for each in done] == list(range(SEGMENTS))
    return [shown(each.path) for each in done]


def segments_told(rig: Rig) -> Segments:
    segments = rig.told[-1].segments
    assert segments is not None
    return segments


def kept(folder: Path) -> set[int]:
    """The numbers of the segments that lie there for later attempts."""
    return {int(path.stem) for path in (folder / KEPT).glob("*.json")}


@every_kind
async def test_all_segments_come_in_order_with_the_same_frames_whoever_makes_them(
    kind: Kind, tmp_path: Path
) -> None:
    async with open_rig(kind, tmp_path) as rig:
        frames = await made(rig)
        assert rig.told[-1].done == SEGMENTS * FRAMES
        assert (segments_told(rig).done, segments_told(rig).total) == (SEGMENTS, SEGMENTS)
        assert rig.stages >= {"decode", "detect", "swap", "encode"}
        held = rig.context.workspace.held_bytes
        assert held == sum(path.stat().st_size for path in rig.context.workspace.folder.glob("*.mp4"))
        assert not rig.pids
    assert kept(tmp_path) == set(range(SEGMENTS))
    (tmp_path / "by one").mkdir()
    async with open_rig("own threads", tmp_path / "by one") as rig:
        assert await made(rig) == frames


@pytest.mark.films
@every_kind
async def test_what_an_earlier_attempt_has_made_is_taken_over_if_it_is_whole(
    kind: Kind, tmp_path: Path
) -> None:
    async with open_rig(kind, tmp_path) as rig:
        frames = await made(rig)
    left = tmp_path / KEPT
    for number in (0, 3):
        (left / f"{number}.json").unlink()
    (left / "2.mp4").write_bytes(b"no video")
    async with open_rig(kind, tmp_path) as rig:
        assert await made(rig) == frames
        assert segments_told(rig) == Segments(done=SEGMENTS, total=SEGMENTS, reused=SEGMENTS - 3)


@in_films
async def test_an_error_comes_as_it_was_raised_and_what_was_made_before_stays(
    kind: Kind, tmp_path: Path
) -> None:
    async with open_rig(kind, tmp_path, partial(Marked, tmp_path, after=(0, 1))) as rig:
        with pytest.raises(OutputInvalid, match="as was to be expected"):
            await rig.executor.run(rig.work)
        assert not rig.pids
    assert kept(tmp_path) >= {0, 1}
    assert not kept(tmp_path) & {3, 4}


@in_films
async def test_a_segment_that_takes_too_long_is_given_up(kind: Kind, tmp_path: Path) -> None:
    async with open_rig(kind, tmp_path, Slow, segment_timeout_s=0.5) as rig:
        with pytest.raises(SegmentTimedOut):
            await rig.executor.run(rig.work)
        assert not rig.pids
    assert not kept(tmp_path)


@in_films
async def test_a_job_that_is_given_up_leaves_nobody_at_work(kind: Kind, tmp_path: Path) -> None:
    async with open_rig(kind, tmp_path, Slow) as rig:
        running = asyncio.create_task(rig.executor.run(rig.work))
        await until(lambda: any(progress.done for progress in rig.told))
        pids = rig.pids
        running.cancel()
        await asyncio.wait({running})
        assert running.cancelled()
        await until(lambda: not [pid for pid in pids if pid != os.getpid() and alive(pid)])
        async with asyncio.timeout(5), rig.context.memory(1 << 40):
            pass  # all of it was given back


@pytest.mark.films
@every_kind
async def test_segments_wait_for_one_another_where_the_disk_has_room_for_one(
    kind: Kind, tmp_path: Path
) -> None:
    async with open_rig(kind, tmp_path) as rig:
        await made(rig)
        needed = rig.context.workspace.held_bytes
    # All results, and the guess of one more; the least that there may be is kept by another job.
    least, guess = 16 << 20, round(FRAMES * 160 * 96 * 0.1) + 1
    for path in (tmp_path / KEPT).glob("*"):
        path.unlink()
    async with open_rig(kind, tmp_path, disk_budget_bytes=least) as rig:
        await rig.context.disk(least - needed - guess)
        await made(rig)

"""What a video takes of its machine: frames held at once, processes, the device's time."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from weakref import WeakSet

import pytest

from consumer.jobs.context import JobContext
from consumer.jobs.video.cast import known_cast
from pipeline.media.target import FRAMES_IN_FLIGHT
from pipeline.media.video.frame import YuvFrame
from pipeline.media.video.read import VideoReader
from pipeline.media.video.segments import plan_segments
from pipeline.tracks.tracker import WINDOW
from storage.stores.memory_store import MemoryStore
from tests.support.jobs import drop_job, ended, running, until
from tests.support.reels import ReelEngine, across, reel
from tests.support.video_jobs import drop_video, video_done


async def test_a_job_holds_a_few_frames_at_once_however_many_there_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(plan_segments.__kwdefaults__ or {}, "segment_s", 60.0)
    held: WeakSet[YuvFrame] = WeakSet()
    most = total = 0
    plain = VideoReader.planned

    def planned(self: VideoReader, start: int, end: int | None) -> Iterator[YuvFrame]:
        nonlocal most, total
        for frame in plain(self, start, end):
            held.add(frame)
            total += 1
            most = max(most, len(held))
            yield frame

    monkeypatch.setattr(VideoReader, "planned", planned)
    store = MemoryStore()
    status = await video_done(store, reel(tmp_path / "clip.mp4", {0: across()}, frames=200))
    assert status.status == "completed", status.error
    assert total > 2 * 200
    # Decoded ahead, on the device, held by the tracker, on the way to the encoder; one more in each hand.
    assert WINDOW < most <= WINDOW + 3 * FRAMES_IN_FLIGHT + 4


async def test_processes_start_while_people_are_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, started = MemoryStore(), list[int]()

    async def looking(context: JobContext, *about: Any) -> Any:  # noqa: ANN401 -- passed on
        started.append(len(context.services.processes.pids))
        return await known_cast(context, *about)

    monkeypatch.setattr("consumer.jobs.swap_video.known_cast", looking)
    job = await drop_video(store, reel(tmp_path / "clip.mp4", {0: across()}, frames=60))
    async with running(store, ReelEngine, video_processes=2):
        assert (await ended(store, job)).status == "completed"
    assert started == [2]


async def test_a_picture_does_not_wait_for_the_end_of_a_video(tmp_path: Path) -> None:
    store = MemoryStore()
    long = await drop_video(store, reel(tmp_path / "clip.mp4", {0: across()}, frames=60))
    engine = ReelEngine(swap_s=0.02)
    async with running(store, engine):
        await until(lambda: engine.swaps >= 3)
        short = await drop_job(store)
        assert (await ended(store, short)).status == "completed"
        assert engine.swaps < 60
        assert (await ended(store, long)).status == "completed"

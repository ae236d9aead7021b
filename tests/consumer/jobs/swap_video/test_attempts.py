"""Videos that are given back, cancelled or fail in the middle, and what is left for the next attempt."""

import asyncio
import threading
from functools import partial
from pathlib import Path

from consumer.app import EXIT_SICK
from storage import keys
from storage.errors import StoreUnavailable
from storage.records.status import Segments
from storage.stores.memory_store import MemoryStore
from storage.stores.port import ObjectStore
from tests.support.consumers import alive
from tests.support.copying import files_below
from tests.support.jobs import ended, inbox_empty, reached, running, start, until
from tests.support.reels import ReelEngine, across, reel, seen, still
from tests.support.segment_rigs import KilledOnce, Slow
from tests.support.stores import CountingStore
from tests.support.video_jobs import BLUE, colour_source, drop_video, result_of, segments_done, video_done
from tests.support.videos import shown


class Gate:
    """An engine that stops within a swap until it is let on, and may be made slow from then on."""

    def __init__(self, *, at: int) -> None:
        self.go = threading.Event()
        self._at = at
        self._pause_s = 0.0
        self.engine = ReelEngine(on_swap=self._wait)

    def slow(self) -> None:
        self._pause_s = 0.2

    def _wait(self) -> None:
        if self.engine.swaps >= self._at:
            self.go.wait(30)
            threading.Event().wait(self._pause_s)


async def given_back(store: ObjectStore, job: str) -> None:
    """A consumer takes a job and gives it back within its third segment of twenty frames."""
    gate = Gate(at=50)
    consumer, task = start(store, gate.engine)
    await until(lambda: gate.engine.swaps >= 50)
    await reached(store, job, lambda status: segments_done(status) >= 2)
    consumer.stop()
    consumer.stop()
    gate.go.set()
    await task


async def test_a_job_that_was_given_back_goes_on_where_it_was(tmp_path: Path) -> None:
    store = MemoryStore()
    clip = reel(tmp_path / "clip.mp4", {0: across()}, frames=100)
    undisturbed = await result_of(store, await video_done(store, clip))
    job = await drop_video(store, clip)
    await given_back(store, job)
    released = await reached(store, job, lambda status: status.status == "pending")
    assert released.progress.segments is not None
    assert released.progress.segments.made == 0
    engine = ReelEngine()
    async with running(store, engine):
        status = await ended(store, job)
        await inbox_empty(store)
    assert (status.status, status.attempt, status.max_attempts) == ("completed", 2, 4)
    segments = status.progress.segments
    assert segments is not None
    assert (segments.done, segments.total) == (5, 5)
    assert segments.reused == released.progress.segments.done >= 2
    assert engine.swaps == 100 - 20 * segments.reused
    for name, body in (("one", undisturbed), ("two", await result_of(store, status))):
        (tmp_path / f"{name}.mp4").write_bytes(body)
    assert shown(tmp_path / "one.mp4") == shown(tmp_path / "two.mp4")
    assert not (await store.list(keys.SCRATCH)).objects


async def test_processes_of_a_job_that_is_given_back_or_cancelled_are_gone(tmp_path: Path) -> None:
    store, cancelled = MemoryStore(), MemoryStore()
    clip = reel(tmp_path / "clip.mp4", {0: across()}, frames=100)
    for bucket in (store, cancelled):
        job = await drop_video(bucket, clip)
        consumer, task = start(bucket, Slow, video_processes=2, lease_ttl_s=4, work_dir=tmp_path / "work")
        await reached(bucket, job, lambda status: segments_done(status) >= 1)
        pids = consumer._processes.pids
        assert len([*filter(alive, pids)]) == 2
        if bucket is cancelled:
            await bucket.put(keys.cancel(job), b"", content_type="text/plain")
            assert (await ended(bucket, job)).status == "cancelled"
        consumer.stop()
        consumer.stop()
        assert await task == 0
        assert not [*filter(alive, pids)]
        assert not files_below(tmp_path / "work")
    async with running(store, ReelEngine):
        [status] = [
            await ended(store, listed.key.split("/")[1].removesuffix(".json"))
            for listed in (await store.list(keys.STATUS)).objects
        ]
    assert (status.status, status.max_attempts - status.attempt) == ("completed", 2)
    assert status.progress.segments is not None
    assert status.progress.segments.reused >= 1


async def test_a_process_that_is_killed_costs_no_attempt_where_segments_were_made(tmp_path: Path) -> None:
    store = MemoryStore()
    people = {0: across(), 2: seen(still(100, 60), 76, 90)}
    clip = reel(tmp_path / "clip.mp4", people, frames=100)
    job = await drop_video(store, clip, options={"many_faces": True})
    async with running(store, partial(KilledOnce, tmp_path), video_processes=2, max_attempts=1):
        status = await ended(store, job)
    assert (status.status, status.attempt, status.max_attempts) == ("completed", 2, 2)
    assert (tmp_path / "killed").exists()


async def test_a_segment_that_is_not_whole_is_made_anew(tmp_path: Path) -> None:
    store = MemoryStore()
    clip = reel(tmp_path / "clip.mp4", {0: across()}, frames=60)
    job = await drop_video(store, clip)
    await given_back(store, job)
    [first, *_] = [
        listed.key for listed in (await store.list(keys.SCRATCH)).objects if listed.key.endswith("/0.mp4")
    ]
    await store.put(first, b"no video", content_type="video/mp4")
    async with running(store, ReelEngine()):
        status = await ended(store, job)
    assert status.progress.segments == Segments(done=3, total=3, reused=1)


async def test_a_passing_fault_after_a_segment_costs_no_attempt(tmp_path: Path) -> None:
    store = MemoryStore()
    clip = reel(tmp_path / "clip.mp4", {0: across()}, frames=60)
    job = await drop_video(store, clip)
    faults = iter((30, 65))
    due = next(faults)

    def fail_twice() -> None:
        nonlocal due
        if engine.swaps == due:
            due = next(faults, 0)
            raise StoreUnavailable

    engine = ReelEngine(on_swap=fail_twice)
    async with running(store, engine, max_attempts=1):
        status = await ended(store, job)
    assert (status.status, status.attempt, status.max_attempts) == ("completed", 3, 3)


async def test_a_cancel_is_heeded_in_the_middle_and_leaves_nothing(tmp_path: Path) -> None:
    store = MemoryStore()
    job = await drop_video(store, reel(tmp_path / "clip.mp4", {0: across()}, frames=100))
    gate = Gate(at=50)
    work = tmp_path / "work"
    async with running(store, gate.engine, lease_ttl_s=1, work_dir=work):
        await until(lambda: gate.engine.swaps >= 50)
        assert (await store.list(keys.SCRATCH)).objects
        await store.put(keys.cancel(job), b"", content_type="text/plain")
        gate.go.set()
        gate.slow()
        status = await ended(store, job)
        await inbox_empty(store)
    assert status.status == "cancelled"
    assert {listed.key for listed in (await store.list("")).objects if "uploads/" not in listed.key} == {
        keys.status(job)
    }
    assert not files_below(work)


async def test_segments_of_one_request_are_never_taken_for_another(tmp_path: Path) -> None:
    clip = reel(tmp_path / "clip.mp4", {0: still(8, 20), 2: still(100, 40)}, frames=12)
    other = reel(tmp_path / "other.mp4", {0: still(8, 20), 2: still(100, 42)}, frames=12)
    plans: list[str] = []
    memory = MemoryStore()
    source, blue = await colour_source(memory), await colour_source(memory, BLUE)
    for target, manifest in (
        (clip, {"source": source}),
        (clip, {"source": blue}),
        (other, {"source": source}),
        (clip, {"source": source, "options": {"many_faces": True}}),
        (clip, {"source": source, "options": {"mouth_mask": True}}),
        (clip, {"source": source, "options": {"swap_strength": 0.2}}),
        (clip, {"source": source, "options": {"video_quality": 19}}),
        (clip, {"source": source, "options": {"keep_fps": False}}),
        (clip, {"source": source, "options": {"trim": {"end": 0.3}}}),
        (clip, {"source": source}),
    ):
        store = CountingStore(memory)
        assert (await video_done(store, target, **manifest)).status == "completed"
        plans += {key.split("/")[2] for op, key in store.calls if op == "put_file" and key.endswith("/0.mp4")}
    assert len(set(plans)) == len(plans) - 1
    assert plans[0] == plans[-1]


async def test_a_machine_without_a_folder_for_files_gives_a_video_back_uncounted_and_ends(
    tmp_path: Path,
) -> None:
    store = MemoryStore()
    work = tmp_path / "work"
    work.write_text("in the way")
    job = await drop_video(store, reel(tmp_path / "clip.mp4", {0: still(8, 20)}, frames=12))
    _, task = start(store, ReelEngine(), work_dir=work)
    assert await asyncio.wait_for(task, 60) == EXIT_SICK
    status = await reached(store, job, lambda status: status.status == "pending")
    assert (status.error, status.max_attempts - status.attempt) == (None, 3)
    work.unlink()
    async with running(store, ReelEngine(), work_dir=work):
        assert (await ended(store, job)).status == "completed"

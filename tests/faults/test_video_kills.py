"""`kill -9` of real consumers at random moments of one video: the same frames, and no attempt used up."""

import asyncio
import random
import signal
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from typing import Literal

import pytest

from pipeline.media.video.segments import plan_segments
from storage import keys
from storage.records.status import Segments, Status
from storage.stores.port import ObjectStore
from storage.stores.s3_settings import S3Settings
from tests.support.buckets import fresh_bucket, keys_below
from tests.support.consumers import alive, consumer_environment
from tests.support.copying import files_below
from tests.support.failpoints import Conditions, Failpoint, ForkedConsumer, forked_consumer
from tests.support.jobs import announce, inbox_empty, reached, read_status, running, until, upload_pair
from tests.support.reels import ReelEngine, across, reel, seen, still
from tests.support.stores import Op
from tests.support.videos import shown, sounds

pytestmark = [pytest.mark.seaweedfs, pytest.mark.timeout(600)]

_SEGMENT_S = 1.0
_SWAP_S = 0.04
_VICTIM = {"lease_ttl_s": 4, "settle_s": 0, "poll_min_s": 0.05, "poll_max_s": 0.1, "max_attempts": 3}
_HEIR = {**_VICTIM, "lease_ttl_s": 20}
_KILLS = 5
_SEED = 20
_PATIENCE_S = 120


@pytest.fixture(autouse=True)
def short_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    """Segments as short as those of the victims."""
    assert plan_segments.__kwdefaults__ is not None
    monkeypatch.setitem(plan_segments.__kwdefaults__, "segment_s", _SEGMENT_S)


def film(folder: Path, frames: int) -> Path:
    return reel(folder / "film.mp4", {0: across(), 2: seen(still(100, 60), 40, 90)}, frames=frames)


async def drop(store: ObjectStore, clip: Path) -> str:
    references = await upload_pair(store, target=clip.read_bytes())  # noqa: ASYNC240 -- a small file
    return await announce(store, {**references, "process_type": "single-video"})


async def saved(store: ObjectStore, status: Status, path: Path) -> Path:
    assert status.result is not None, status.error
    path.write_bytes((await store.get(status.result.key, max_bytes=10**8)).body)  # noqa: ASYNC240 -- small
    return path


def started_by(victim: ForkedConsumer) -> list[int]:
    """The processes that a consumer has started, by the folder that it has for itself."""
    own = f"TMPDIR={victim.temp}".encode()
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if own in (folder / "environ").read_bytes().split(b"\0"):
                found.append(int(folder.name))
    return found


def none_lives(pids: Sequence[int]) -> bool:
    return not any(map(alive, pids))


async def advanced(store: ObjectStore, job: str, *, after: int) -> Status:
    """Wait until an attempt after the one of this number has made a segment of its own."""
    return await reached(
        store, job, lambda status: status.attempt > after and status.has_advanced, patience_s=_PATIENCE_S
    )


async def ended(store: ObjectStore, job: str) -> Status:
    return await reached(store, job, lambda status: status.terminal, patience_s=_PATIENCE_S)


@pytest.mark.faults
@pytest.mark.parametrize("processes", [1, 2])
async def test_five_kills_at_random_moments_leave_the_frames_of_an_undisturbed_run(
    processes: int, seaweedfs_s3: S3Settings, tmp_path: Path
) -> None:
    rng = random.Random(_SEED)
    clip = film(tmp_path, 400)
    # Slow enough that five attempts do not make all twenty segments.
    conditions = Conditions(swap_s=_SWAP_S * processes**3, segment_s=_SEGMENT_S)
    attempts = {**_VICTIM, "video_processes": processes}
    async with fresh_bucket(seaweedfs_s3) as (store, settings):
        undisturbed = await drop(store, clip)
        async with running(store, ReelEngine(), **_HEIR):
            whole = await saved(store, await ended(store, undisturbed), tmp_path / "whole.mp4")
            await inbox_empty(store)
        job = await drop(store, clip)
        attempt = 0
        for number in range(_KILLS):
            environment = consumer_environment(settings, **attempts)
            with forked_consumer(environment, tmp_path / str(number), conditions) as victim:
                attempt = (await advanced(store, job, after=attempt)).attempt
                await asyncio.sleep(rng.uniform(0, 1.5))
                beside = started_by(victim)
                assert len(beside) == (processes if processes > 1 else 0)
                victim.send(signal.SIGKILL)
                assert await victim.exit_code() == -signal.SIGKILL, victim.output()
                await until(partial(none_lives, beside))
        async with running(store, ReelEngine(), **_HEIR):
            status = await ended(store, job)
            await inbox_empty(store)
        disturbed = await saved(store, status, tmp_path / "disturbed.mp4")
        assert not await keys_below(store, keys.SCRATCH)
    assert status.error is None
    assert status.attempt > _KILLS
    assert status.max_attempts == 3 + status.attempt - 1  # none has counted
    segments = status.progress.segments
    assert segments is not None
    assert (segments.done, segments.total) == (20, 20)
    assert segments.reused >= _KILLS
    assert shown(disturbed) == shown(whole)
    assert sounds(disturbed) == sounds(whole)


async def at_work_on_parts(store: ObjectStore, job: str, *, consumers: int) -> None:
    """Wait until so many consumers are in the middle of a part of the job each."""
    async with asyncio.timeout(_PATIENCE_S):
        while True:
            records = await keys_below(store, keys.STATUS + keys.parts_of(job))
            parts = [await read_status(store, keys.job_of_status(key)) for key in records]
            owners = {part.lease.owner for part in parts if part and part.lease and part.has_advanced}
            if len(owners) >= consumers:
                return
            await asyncio.sleep(0.1)


@pytest.mark.faults
async def test_three_consumers_share_a_video_two_are_killed_and_its_frames_are_those_of_one_alone(
    seaweedfs_s3: S3Settings, tmp_path: Path
) -> None:
    clip = film(tmp_path, 300)  # three parts of five segments
    shares = {**_VICTIM, "executor": "bucket", "max_in_flight": 2, "lease_ttl_s": 10}
    conditions = Conditions(swap_s=3 * _SWAP_S, segment_s=_SEGMENT_S)
    async with fresh_bucket(seaweedfs_s3) as (store, settings):
        undisturbed = await drop(store, clip)
        async with running(store, ReelEngine(), **_HEIR):
            whole = await saved(store, await ended(store, undisturbed), tmp_path / "whole.mp4")
            await inbox_empty(store)
        job = await drop(store, clip)
        environment = consumer_environment(settings, **shares)
        with ExitStack() as stack:
            one, two, three = (
                stack.enter_context(forked_consumer(environment, tmp_path / name, conditions))
                for name in ("one", "two", "three")
            )
            await at_work_on_parts(store, job, consumers=3)
            for victim in (one, two):
                victim.send(signal.SIGKILL)
                assert await victim.exit_code() == -signal.SIGKILL, victim.output()
            status = await ended(store, job)
            await inbox_empty(store)
            three.send(signal.SIGTERM)
            assert await three.exit_code() == 0, three.output()
        shared = await saved(store, status, tmp_path / "shared.mp4")
        assert not await keys_below(store, keys.SCRATCH)
        assert await keys_below(store, keys.STATUS + keys.parts_of(job)) == []
        results = await keys_below(store, keys.result_folder(job))
    assert (status.status, status.error) == ("completed", None)
    assert status.progress.segments == Segments(done=15, total=15, reused=15)
    assert len([key for key in results if key.endswith(".mp4")]) == 2  # it and its preview
    assert shown(shared) == shown(whole)
    assert sounds(shared) == sounds(whole)


WRITES: tuple[tuple[Op, str, int], ...] = (
    ("put_file", keys.SCRATCH, 1),  # who is in it
    ("put_file", keys.SCRATCH, 2),  # a segment
    ("put", keys.SCRATCH, 2),  # what is said of it
    ("put_file", keys.SCRATCH, 4),
    ("put", keys.RESULTS, 1),  # the poster
    ("put_file", keys.RESULTS, 1),
    ("delete", keys.SCRATCH, 1),
)
WHENS: tuple[Literal["before", "after"], ...] = ("before", "after")


def before_and_after(writes: tuple[tuple[Op, str, int], ...]) -> pytest.MarkDecorator:
    """Have a test's `point` be before each of these writes, and after it."""
    return pytest.mark.parametrize(
        "point",
        [Failpoint(op=op, key=key, nth=nth, when=when) for op, key, nth in writes for when in WHENS],
        ids=lambda point: f"{point.when} {point.op} {point.key}{point.nth}",
    )


@pytest.mark.faults
@before_and_after(WRITES)
async def test_a_kill_at_any_write_of_a_video_job_leaves_one_result_and_nothing_else(
    point: Failpoint, seaweedfs_s3: S3Settings, tmp_path: Path
) -> None:
    clip = film(tmp_path, 60)
    async with fresh_bucket(seaweedfs_s3) as (store, settings):
        job = await drop(store, clip)
        environment = consumer_environment(settings, **_VICTIM)
        conditions = Conditions(failpoint=point, segment_s=_SEGMENT_S)
        with forked_consumer(environment, tmp_path / "victim", conditions) as victim:
            assert await victim.exit_code() == -signal.SIGKILL, victim.output()
        work = victim.temp / "swapdrop"
        async with running(store, ReelEngine(), **_HEIR, work_dir=work):
            status = await ended(store, job)
            await inbox_empty(store)
        assert status.status == "completed", status.error
        result = await saved(store, status, tmp_path / "result.mp4")
        assert len(shown(result)) == 60
        assert not await keys_below(store, keys.SCRATCH)
        assert not files_below(victim.temp)


SHARED_WRITES: tuple[tuple[Op, str, int], ...] = (
    ("put", keys.INBOX, 2),  # a part is announced
    ("put", keys.SCRATCH, 2),  # that all are
    ("delete", keys.INBOX, 1),  # a part is done
    ("delete", keys.STATUS, 1),  # what is known of parts goes with their job's end
)


@pytest.mark.faults
@before_and_after(SHARED_WRITES)
async def test_a_kill_at_any_write_of_a_shared_video_leaves_one_result_and_nothing_of_its_parts(
    point: Failpoint, seaweedfs_s3: S3Settings, tmp_path: Path
) -> None:
    clip = film(tmp_path, 160)
    async with fresh_bucket(seaweedfs_s3) as (store, settings):
        job = await drop(store, clip)
        environment = consumer_environment(settings, **_VICTIM, executor="bucket")
        conditions = Conditions(failpoint=point, segment_s=_SEGMENT_S)
        with forked_consumer(environment, tmp_path / "victim", conditions) as victim:
            assert await victim.exit_code(_PATIENCE_S) == -signal.SIGKILL, victim.output()
        async with running(store, ReelEngine(), **_HEIR, executor="bucket"):
            status = await ended(store, job)
            await inbox_empty(store)
        assert status.status == "completed", status.error
        result = await saved(store, status, tmp_path / "result.mp4")
        assert len(shown(result)) == 160
        assert not await keys_below(store, keys.SCRATCH)
        assert await keys_below(store, keys.STATUS) == [keys.status(job)]


@pytest.mark.faults
async def test_a_killed_video_job_goes_on_with_the_segments_that_were_done(
    seaweedfs_s3: S3Settings, tmp_path: Path
) -> None:
    clip = film(tmp_path, 60)
    async with fresh_bucket(seaweedfs_s3) as (store, settings):
        job = await drop(store, clip)
        conditions = Conditions(swap_s=0.1, segment_s=_SEGMENT_S)
        environment = consumer_environment(settings, **_VICTIM)
        with forked_consumer(environment, tmp_path / "victim", conditions) as victim:
            await advanced(store, job, after=0)
            victim.send(signal.SIGKILL)
            assert await victim.exit_code() == -signal.SIGKILL, victim.output()
        engine = ReelEngine()
        async with running(store, engine, **_HEIR):
            status = await ended(store, job)
    assert (status.status, status.attempt, status.max_attempts) == ("completed", 2, 4)
    assert status.progress.segments is not None
    assert status.progress.segments.reused >= 1
    assert engine.swaps <= 40

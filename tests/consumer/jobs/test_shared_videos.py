"""Videos that are shared out among consumers, all of them in this process on one store."""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from consumer.app import Consumer
from consumer.jobs.video.shared import LEAST_SEGMENTS, MOST_PARTS, runs
from pipeline.engines.base import EngineInfo
from pipeline.errors import OutputInvalid
from pipeline.media.video.segments import plan_segments
from storage import keys
from storage.records.manifest import Options, Part, read_manifest
from storage.records.status import Segments, Status
from storage.stores.memory_store import MemoryStore
from storage.stores.port import ObjectStore
from tests.support.buckets import keys_below
from tests.support.jobs import announce, body_of, ended, inbox_empty, reached, running, until, upload_pair
from tests.support.reels import ReelEngine, across, frames_of, reel, seen, still
from tests.support.segment_rigs import Slow
from tests.support.standins.watermark import hidden, watermarker
from tests.support.stores import CountingStore
from tests.support.videos import shown

SEGMENTS = 8
FRAMES = 10
"""Of each segment."""


@pytest.fixture(autouse=True)
def short_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    """Segments of half a second, of which a clip has eight."""
    assert plan_segments.__kwdefaults__ is not None
    monkeypatch.setitem(plan_segments.__kwdefaults__, "segment_s", 0.5)


@pytest.fixture(autouse=True)
def quick_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Jobs that rest are looked at again at once."""
    monkeypatch.setattr("consumer.runtime.runner._LOOK_AGAIN_S", 0.05)
    monkeypatch.setattr("consumer.runtime.attempt._SHARED_AGAIN_S", 0.05)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    people = {0: across(), 2: seen(still(100, 60), 40, 90)}
    return reel(tmp_path_factory.mktemp("clip") / "clip.mp4", people, frames=SEGMENTS * FRAMES)


async def drop(store: ObjectStore, clip: Path, **fields: object) -> str:
    references = await upload_pair(store, target=clip.read_bytes())  # noqa: ASYNC240 -- a small file
    return await announce(store, {**references, "process_type": "single-video", **fields})


@asynccontextmanager
async def sharing(
    store: ObjectStore,
    engine: Any = ReelEngine,  # noqa: ANN401 -- as `running` takes it
    *,
    consumers: int = 1,
    **settings: object,
) -> AsyncIterator[list[Consumer]]:
    """Consumers of one bucket that share out long videos."""
    async with AsyncExitStack() as stack:
        yield [
            await stack.enter_async_context(running(store, engine, executor="bucket", **settings))
            for _ in range(consumers)
        ]


async def frames_shown(store: ObjectStore, status: Status, path: Path) -> list[Any]:
    assert status.result is not None, status.error
    path.write_bytes(await body_of(store, status.result.key))  # noqa: ASYNC240 -- small
    return shown(path)


def rests(status: Status) -> bool:
    """Whether a job waits for its parts."""
    return (status.status, status.stage) == ("pending", "swap")


async def parts_announced(store: ObjectStore, job: str) -> list[str]:
    return await keys_below(store, keys.INBOX + keys.parts_of(job))


async def parts_run(store: ObjectStore, job: str) -> None:
    """Wait until a part has made a segment."""
    await reached(store, job, rests)
    for key in await parts_announced(store, job):
        part = key.removeprefix(keys.INBOX).removesuffix(".json")
        await reached(store, part, lambda status: status.has_advanced or status.terminal)
        return


async def left_of(store: ObjectStore, job: str) -> list[str]:
    """What lies in the bucket that is neither an upload, nor the job's record and result."""
    own = (keys.UPLOADS, keys.status(job), keys.result_folder(job), keys.AUDIT)
    return [key for key in await keys_below(store, "") if not key.startswith(own)]


async def test_a_shared_video_has_the_frames_of_one_that_was_not_and_leaves_nothing_behind(
    clip: Path, tmp_path: Path
) -> None:
    store = MemoryStore()
    alone = await drop(store, clip)
    async with running(store, ReelEngine):
        whole = await frames_shown(store, await ended(store, alone), tmp_path / "whole.mp4")
    job = await drop(store, clip)
    async with sharing(store, consumers=3, audit=True, max_in_flight=1) as consumers:
        status = await ended(store, job)
        await inbox_empty(store)
        workers = [consumer for consumer in consumers if consumer.metrics.ended["completed"]]
    assert await frames_shown(store, status, tmp_path / "shared.mp4") == whole
    assert len(workers) > 1
    assert status.progress.segments == Segments(done=SEGMENTS, total=SEGMENTS, reused=SEGMENTS)
    # The claim that shared it out did not count, and nobody claimed it until its parts were made.
    assert (status.attempt, status.max_attempts, status.error) == (2, 4, None)
    left = await left_of(store, job)
    assert [key for key in left if key != keys.status(alone) and alone not in key] == []
    bodies = [await body_of(store, key) for key in await keys_below(store, keys.AUDIT)]
    assert b"".join(bodies).count(b"\n") == 1


async def test_one_consumer_alone_makes_all_parts_and_tells_how_far_they_are(
    clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.parts._TELL_EVERY_S", 0.0)
    memory = MemoryStore()
    store = CountingStore(memory)
    job = await drop(store, clip)

    def tells(status: Status) -> bool:
        segments = status.progress.segments
        return status.status == "pending" and segments is not None and 0 < segments.done < SEGMENTS

    async with sharing(store, lambda: ReelEngine(swap_s=0.002)):
        told = await reached(memory, job, tells)
        assert (told.stage, told.progress.total, told.attempt) == ("swap", SEGMENTS, 1)
        assert told.lease is None
        assert (await ended(memory, job)).status == "completed"
        await inbox_empty(memory)
    assert await left_of(memory, job) == []
    calls = Counter(
        (op, key.rpartition(".")[2]) for op, key in store.calls if key.startswith(keys.SCRATCH) and "." in key
    )
    people, parts = 1, SEGMENTS // LEAST_SEGMENTS
    assert calls == {
        # Each segment is written once and read once,
        ("put_file", "mp4"): SEGMENTS,
        ("stream", "mp4"): SEGMENTS,
        # as are the facts about it; the people are looked for once, and read by each part and in the end.
        ("put", "json"): SEGMENTS + people,
        ("get", "json"): SEGMENTS + people + parts + 1,
        ("put_file", "cast"): 1,
        ("stream", "cast"): parts + 1,
    }
    entries = Counter(op for op, key in store.calls if key.startswith(keys.INBOX + keys.parts_of(job)))
    assert (entries["put"], entries["get"], entries["delete"]) == (parts, parts, parts)


async def test_every_part_hides_the_id_that_the_whole_video_tells(tmp_path: Path) -> None:
    clip = reel(tmp_path / "clip.mp4", {0: still(8, 8)}, frames=SEGMENTS * FRAMES, size=(320, 180))
    store = MemoryStore()
    job = await drop(store, clip, options={"video_quality": 5})
    async with sharing(store, watermarker=watermarker(tmp_path)):
        status = await ended(store, job)
    assert status.result is not None, status.error
    assert status.progress.segments == Segments(done=SEGMENTS, total=SEGMENTS, reused=SEGMENTS)
    marks = status.result.marks
    assert marks is not None
    assert marks.watermark is not None
    frames = frames_of(await body_of(store, status.result.key), tmp_path)
    found = [hidden(frames[number], tmp_path) for number in range(0, SEGMENTS * FRAMES, FRAMES)]
    assert found == [marks.watermark[1:]] * SEGMENTS


async def test_a_short_video_is_not_shared_out(clip: Path) -> None:
    store = CountingStore(MemoryStore())
    job = await drop(store, clip, options={"trim": {"end": SEGMENTS * 0.5 - 0.5}})
    async with sharing(store):
        status = await ended(store, job)
    assert (status.status, status.attempt) == ("completed", 1)
    assert not [key for op, key in store.calls if op == "put" and "-part-" in key]


def test_a_long_video_has_no_more_than_so_many_parts_which_are_about_equal() -> None:
    numbers = [number for number in range(1000) if number != 500]
    found = list(runs(numbers))
    assert len(found) == MOST_PARTS
    assert [number for first, end in found for number in numbers if first <= number < end] == numbers
    sizes = {sum(first <= number < end for number in numbers) for first, end in found}
    assert max(sizes) - min(sizes) <= 1
    assert list(runs(range(2 * LEAST_SEGMENTS))) == [
        (0, LEAST_SEGMENTS),
        (LEAST_SEGMENTS, 2 * LEAST_SEGMENTS),
    ]


class FailsOnce(ReelEngine):
    """Fails the first face it is to swap, whoever wants it."""

    failed = False

    def __init__(self) -> None:
        super().__init__(on_swap=self._fail)

    def _fail(self) -> None:
        if not FailsOnce.failed:
            FailsOnce.failed = True
            raise OutputInvalid("as was to be expected")


async def test_what_a_part_fails_to_make_its_job_makes_itself(clip: Path) -> None:
    store = MemoryStore()
    job = await drop(store, clip)
    FailsOnce.failed = False
    async with sharing(store, FailsOnce, max_attempts=1) as (consumer,):
        status = await ended(store, job)
        await inbox_empty(store)
        assert consumer.metrics.ended["failed"] == 1
    assert (status.status, status.attempt, status.error) == ("completed", 2, None)
    assert status.progress.segments is not None
    assert status.progress.segments.made > 0
    assert await left_of(store, job) == []  # no dead letter of a part either


class OfAnotherVersion(ReelEngine):
    """An engine whose frames are others, as far as anybody can know."""

    @property
    def info(self) -> EngineInfo:
        return replace(super().info, version="2")


async def test_a_machine_whose_frames_would_be_others_makes_no_part_of_them_and_fails_no_job(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("consumer.faults._LONGEST_RETRY_S", 0.01)
    store = CountingStore(MemoryStore())
    job = await drop(store, clip)
    async with sharing(store, Slow, drain_grace_s=0):
        await reached(store, job, rests)
    [first, *_] = await parts_announced(store, job)
    store.calls.clear()
    async with sharing(store, OfAnotherVersion, max_attempts=1):
        status = await ended(store, job)
        await inbox_empty(store)
    assert len(await frames_shown(store, status, tmp_path / "result.mp4")) == SEGMENTS * FRAMES
    kept = [key for op, key in store.calls if op == "put_file" and key.startswith(keys.SCRATCH)]
    assert not [key for key in kept if key.split("/")[2].startswith(keys.plan_of_part(first))]
    assert await left_of(store, job) == []


async def test_a_cancel_ends_a_job_that_rests_and_its_parts_at_once(clip: Path) -> None:
    store = MemoryStore()
    job = await drop(store, clip)
    async with sharing(store, Slow, consumers=2, lease_ttl_s=3):
        await parts_run(store, job)
        await store.put(keys.cancel(job), b"", content_type="text/plain")
        assert (await ended(store, job)).status == "cancelled"
        await inbox_empty(store)
    assert await left_of(store, job) == []


async def test_a_part_that_begins_after_its_job_has_ended_is_removed(clip: Path) -> None:
    store = MemoryStore()
    job = await drop(store, clip)
    async with sharing(store, Slow, drain_grace_s=0):
        await reached(store, job, rests)
    [late, *_] = [(key, await body_of(store, key)) for key in await parts_announced(store, job)]
    await store.put(keys.cancel(job), b"", content_type="text/plain")
    async with sharing(store):
        await ended(store, job)
        await inbox_empty(store)
        await store.put(late[0], late[1], content_type="application/json")
        await inbox_empty(store)
    assert await left_of(store, job) == []


async def test_a_part_that_asks_for_something_else_than_its_job_is_refused(clip: Path) -> None:
    store = MemoryStore()
    job = await drop(store, clip)
    async with sharing(store, Slow, drain_grace_s=0):
        await reached(store, job, rests)
    [first, *_] = await parts_announced(store, job)
    part = read_manifest(await body_of(store, first))
    plan = "0" * 64
    strange = part.model_copy(
        update={
            "job_id": keys.part(job, plan, 0),
            "part": Part(parent=job, plan=plan, first=0, end=4),
            "options": Options(many_faces=True),
        }
    )
    await announce(store, strange.model_dump(mode="json", exclude_none=True))
    async with sharing(store):
        assert strange.job_id is not None
        status = await ended(store, strange.job_id)
        assert status.error is not None
        assert status.error.code == "invalid_manifest"
        assert (await ended(store, job)).status == "completed"
        await inbox_empty(store)
    assert await left_of(store, job) == []


async def test_a_video_that_was_dropped_as_a_folder_is_shared_out_too(clip: Path) -> None:
    store = CountingStore(MemoryStore())
    references = await upload_pair(store, target=clip.read_bytes())  # noqa: ASYNC240 -- a small file
    for role, key in references.items():
        await store.copy(
            key, f"{keys.inbox_folder('film')}{role}.{'mp4' if role == 'target' else 'png'}", size=0
        )
    async with sharing(store) as (consumer,):
        await until(lambda: consumer.metrics.ended["completed"] == SEGMENTS // LEAST_SEGMENTS + 1)
        await inbox_empty(store)
        assert not consumer.metrics.ended["failed"]
    assert not await keys_below(store, keys.SCRATCH)

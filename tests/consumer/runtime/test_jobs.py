"""Jobs from drop to end with an engine of known result: each outcome, and what is left behind."""

import errno
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
import structlog

from models.errors import DeviceOutOfMemory, ModelUnavailable
from pipeline.errors import OutputInvalid
from pipeline.media.pictures.decode import Limits, Picture, decode
from pipeline.media.writer import PictureWriter
from storage import keys
from storage.errors import StoreUnavailable
from storage.records.status import LeaseInfo, Status
from storage.stores.memory_store import MemoryStore
from storage.stores.port import ObjectStore
from tests.support.engines import FlatEngine, picture, png
from tests.support.jobs import (
    SOURCE_BGR,
    announce,
    drop_job,
    ended,
    inbox_empty,
    reached,
    read_status,
    running,
    start,
    until,
    upload_pair,
)
from tests.support.stores import CountingStore, Fault, FaultStore


async def failing_with(error: BaseException, **settings: object) -> tuple[Status, FlatEngine]:
    """Run one job on an engine that raises `error` once, until the job has ended."""
    errors = [error]

    def raise_once() -> None:
        if errors:
            raise errors.pop()

    store, engine = MemoryStore(), FlatEngine(on_swap=raise_once)
    job = await drop_job(store)
    async with running(store, engine, **settings):
        return await ended(store, job), engine


@contextmanager
def gate() -> Iterator[tuple[threading.Event, threading.Event, FlatEngine]]:
    """An engine that stops within a swap: `begun` says it has, `go` lets it on; the block's end too."""
    begun, go = threading.Event(), threading.Event()

    def wait() -> None:
        begun.set()
        go.wait(30)

    try:
        yield begun, go, FlatEngine(on_swap=wait)
    finally:
        go.set()


async def result_of(store: ObjectStore, status: Status) -> bytes:
    assert status.result is not None
    return (await store.get(status.result.key, max_bytes=1 << 20)).body


async def test_a_manifest_job_ends_completed_with_exactly_the_known_picture() -> None:
    store, expected = MemoryStore(), picture()
    expected[10:34, 20:44] = SOURCE_BGR
    job = await drop_job(store)
    async with running(store, FlatEngine()):
        status = await ended(store, job)
        await inbox_empty(store)
    assert status.status == "completed"
    assert np.array_equal(decode(await result_of(store, status), Limits()).bgr, expected)
    assert status.result is not None
    assert (status.result.width, status.result.height, status.result.faces_swapped) == (64, 48, 1)
    assert status.faces is not None
    assert [(face.face_id, face.box, face.swapped, face.source) for face in status.faces] == [
        ("face_0", (20, 10, 24, 24), True, "source")
    ]
    assert status.faces[0].similarity is not None
    assert status.engine is not None
    assert (status.engine.name, status.engine.provider) == ("flat", "CPUExecutionProvider")
    assert set(status.timings_ms) == {"download", "decode", "detect", "swap", "encode", "upload"}
    assert [warning.code for warning in status.warnings] == ["basic_engine"]


@pytest.mark.parametrize(
    ("folder", "source", "target"),
    [
        ("us", "source.png", "target.png"),
        ("My holiday (2)", "Source (1).PNG", "target"),
        ("Fête", "face", "MEDIA"),
    ],
)
async def test_a_dropped_folder_is_done_and_kept_in_the_archive(
    folder: str, source: str, target: str
) -> None:
    store = MemoryStore()
    for name, body in ((source, png(picture(colour=SOURCE_BGR))), (target, png(picture()))):
        await store.put(f"{keys.INBOX}{folder}/{name}", body, content_type="image/png")
    async with running(store, FlatEngine()):
        await inbox_empty(store)
    [found] = (await store.list(keys.STATUS)).objects
    status = Status.from_bytes((await store.get(found.key, max_bytes=1 << 20)).body)
    assert status.status == "completed"
    archived = (await store.list(f"{keys.ARCHIVE}{status.job_id}/")).objects
    assert [listed.key.rpartition("/")[2] for listed in archived] == sorted([source, target])


BAD_FILES = {
    "no face in the target": ({"target": png(picture(faces=()))}, "no_face_in_target"),
    "no face in the source": ({"source": png(picture(faces=()))}, "no_face_in_source"),
    "a truncated target": ({"target": png(picture())[:-30]}, "media_corrupt"),
    "a text named like a picture": ({"target": b"hello, I am no picture"}, "unsupported_media"),
    "a video as source": ({"source": b"\0\0\0\x18ftypisom\0\0\0\0isomiso2"}, "unsupported_media"),
    "a video as target": ({"target": b"\0\0\0\x18ftypisom\0\0\0\0isomiso2"}, "unsupported_media"),
    "an empty source": ({"source": b""}, "media_corrupt"),
    "too many pixels": ({"target": png(picture(400, 300))}, "input_too_large"),
    "too many bytes": ({"source": bytes(200_000)}, "input_too_large"),
}


@pytest.mark.parametrize(("files", "code"), BAD_FILES.values(), ids=BAD_FILES.keys())
async def test_a_bad_file_fails_its_job_at_once_and_the_next_job_runs(
    files: dict[str, bytes], code: str
) -> None:
    store = MemoryStore()
    bad = await drop_job(store, **files)
    async with running(store, FlatEngine(), max_pixels=100_000, max_input_bytes=100_000):
        failed = await ended(store, bad)
        good = await ended(store, await drop_job(store))
        await inbox_empty(store)
    assert failed.status == "failed"
    assert failed.error is not None
    assert (failed.error.code, failed.attempt) == (code, 1)
    assert failed.error.message.endswith(".")
    assert good.status == "completed"


BAD_MANIFESTS = {
    "an unknown option": ({"options": {"many_facez": True}}, "invalid_manifest", "many_facez"),
    "another kind of job": (
        {"process_type": "colourise"},
        "invalid_manifest",
        "known are `single-image`",
    ),
    "an unknown engine": ({"options": {"engine": "simswap"}}, "model_unavailable", "known are auto, mesh"),
    "the enhancer": ({"options": {"use_face_enhancer": True}}, "model_unavailable", "use_face_enhancer"),
    "a missing file": ({"target": f"uploads/{'0' * 32}.png"}, "input_not_found", "0000"),
    "a foreign key": ({"target": "status/other.json"}, "input_forbidden", "status/other.json"),
    "a private address": ({"target": "https://127.0.0.1/x.png"}, "input_forbidden", "127.0.0.1"),
}


@pytest.mark.parametrize(("changes", "code", "said"), BAD_MANIFESTS.values(), ids=BAD_MANIFESTS.keys())
async def test_a_manifest_that_cannot_be_done_fails_with_a_sentence_that_says_why(
    changes: dict[str, object], code: str, said: str
) -> None:
    store = MemoryStore()
    references: dict[str, object] = {**await upload_pair(store)}
    asked = {key: value for key, value in {**references, **changes}.items() if value is not None}
    job = await announce(store, asked)
    async with running(store, FlatEngine()):
        status = await ended(store, job)
        await inbox_empty(store)
    assert status.error is not None
    assert (status.status, status.error.code) == ("failed", code)
    assert said in status.error.message


async def test_a_manifest_that_is_no_json_still_ends_in_a_status_and_leaves_the_inbox() -> None:
    store = MemoryStore()
    await store.put(f"{keys.INBOX}broken.json", b"{nope", content_type="application/json")
    async with running(store, FlatEngine()):
        await inbox_empty(store)
    [found] = (await store.list(f"{keys.STATUS}broken-")).objects
    status = Status.from_bytes((await store.get(found.key, max_bytes=1 << 20)).body)
    assert status.error is not None
    assert status.error.code == "invalid_manifest"


async def test_options_that_have_no_effect_here_become_warnings() -> None:
    store = MemoryStore()
    job = await drop_job(store, execution_provider="cuda", video_quality=30, keep_audio=True)
    async with running(store, FlatEngine()):
        status = await ended(store, job)
    said = " ".join(warning.message for warning in status.warnings if warning.code == "option_ignored")
    assert status.status == "completed"
    assert "`execution_provider`" in said
    assert "`video_quality`" in said
    assert "`keep_audio`" not in said  # it is the default


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        OSError(errno.ENOSPC, "No space left on device"),
        DeviceOutOfMemory(),
        OutputInvalid(),
        ValueError("/secret/path"),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_a_passing_fault_is_tried_again_and_recorded(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("consumer.faults._FIRST_RETRY_S", 0.01)
    status, engine = await failing_with(error)
    assert (status.status, status.attempt, engine.swaps) == ("completed", 2, 2)
    assert "/secret/path" not in status.model_dump_json()


async def test_a_fault_that_does_not_pass_uses_up_the_attempts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("consumer.faults._FIRST_RETRY_S", 0.01)

    def fail() -> None:
        raise OutputInvalid

    store, engine = MemoryStore(), FlatEngine(on_swap=fail)
    job = await drop_job(store)
    async with running(store, engine, max_attempts=2):
        status = await ended(store, job)
        await inbox_empty(store)
    assert status.error is not None
    assert (status.error.code, engine.swaps) == ("attempts_exhausted", 2)
    assert [attempt.code for attempt in status.error.attempts] == ["output_invalid"] * 2
    assert "tried again" not in status.model_dump_json()
    assert (await store.head(keys.dead_letter(job))).size > 0


async def test_work_that_stands_still_beside_the_device_is_given_up_and_tried_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    go, stuck = threading.Event(), [True]
    plain = PictureWriter.add

    def add(self: PictureWriter, frame: Picture, *, changed: bool) -> None:
        if stuck:
            stuck.pop()
            go.wait(30)
        plain(self, frame, changed=changed)

    monkeypatch.setattr(PictureWriter, "add", add)
    monkeypatch.setattr("consumer.faults._FIRST_RETRY_S", 0.01)
    store = MemoryStore()
    job = await drop_job(store)
    async with running(store, FlatEngine(), stall_timeout_s=1):
        again = await reached(store, job, lambda status: status.error is not None)
        status = await ended(store, job)
        go.set()
    assert again.error is not None
    assert (again.error.code, again.error.retryable, again.status) == ("timeout", True, "pending")
    assert (status.status, status.attempt) == ("completed", 2)


async def test_a_cancel_during_the_swap_ends_the_job_while_the_device_is_still_busy() -> None:
    store = MemoryStore()
    with gate() as (begun, go, engine):
        job = await drop_job(store)
        async with running(store, engine, lease_ttl_s=1) as consumer:
            await until(begun.is_set)
            await store.put(keys.cancel(job), b"", content_type="text/plain")
            status = await ended(store, job)
            assert not go.is_set()
            go.set()
            await inbox_empty(store)
    assert (consumer.metrics.ended["cancelled"], consumer.metrics.ended["abandoned"]) == (
        1,
        0,
    )
    assert (status.status, status.result) == ("cancelled", None)
    assert not (await store.list(keys.CANCEL)).objects


async def test_a_lease_lost_during_the_swap_leaves_no_visible_result() -> None:
    store = MemoryStore()
    with gate() as (begun, go, engine):
        job = await drop_job(store)
        async with running(store, engine) as consumer:
            await until(begun.is_set)
            mine = await reached(store, job, lambda status: status.status == "processing")
            theirs = mine.evolve(now=mine.updated_at, attempt=2, lease=LeaseInfo(owner="other", ttl_s=90))
            await store.put(keys.status(job), theirs.to_bytes(), content_type="application/json")
            go.set()
            await until(lambda: consumer.metrics.ended["abandoned"] == 1)
    assert await read_status(store, job) == theirs
    assert (await store.head(keys.manifest(job))).size > 0  # it is for the new owner to remove


async def test_a_store_that_fails_at_the_end_costs_an_attempt_and_not_the_job(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("consumer.faults._FIRST_RETRY_S", 0.01)
    inner = MemoryStore()
    job = await drop_job(inner)
    store = FaultStore(inner, [Fault(op="put", key=keys.RESULTS, error=StoreUnavailable())])
    async with running(store, FlatEngine()):
        status = await ended(inner, job)
    assert (status.status, status.attempt) == ("completed", 2)


async def test_an_entry_that_cannot_be_removed_is_removed_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("consumer.runtime.runner._CLEAN_UP_AGAIN_S", 0.01)
    inner, engine = MemoryStore(), FlatEngine()
    job = await drop_job(inner)
    async with running(FaultStore(inner, [Fault(op="delete", key=keys.INBOX)]), engine):
        await inbox_empty(inner)
    status = await read_status(inner, job)
    assert status is not None
    assert (status.status, status.attempt, engine.swaps) == ("completed", 1, 1)


async def test_a_missing_model_degrades_the_consumer_and_fails_jobs_with_its_name() -> None:
    def missing() -> FlatEngine:
        raise ModelUnavailable("The model file face.onnx is missing; install it again.")

    store = MemoryStore()
    job = await drop_job(store)
    async with running(store, missing) as consumer:
        status = await ended(store, job)
        health = consumer.health()
    assert status.error is not None
    assert (status.error.code, "face.onnx" in status.error.message) == ("model_unavailable", True)
    assert (health.status, health.engine) == ("degraded", None)
    assert "face.onnx" in health.message


async def test_a_job_done_before_is_only_cleaned_up() -> None:
    store, engine = MemoryStore(), FlatEngine()
    job = await drop_job(store)
    async with running(store, engine):
        first = await ended(store, job)
        await inbox_empty(store)
        assert first.manifest is not None
        await announce(store, dict(first.manifest))
        await inbox_empty(store)
    assert await read_status(store, job) == first
    assert engine.swaps == 1


async def test_one_picture_job_costs_exactly_these_store_calls() -> None:
    inner = MemoryStore()
    store = CountingStore(inner)
    job = await drop_job(inner)
    async with running(store, FlatEngine()):
        await ended(inner, job)
        await inbox_empty(inner)
    calls = [(op, key.partition("/")[0]) for op, key in store.calls if op != "list"]
    assert calls == [
        ("get", "inbox"),
        ("head", "cancel"),
        ("put", "status"),
        ("get", "denylist.json"),
        ("stream", "uploads"),
        ("stream", "uploads"),
        ("put", "results"),
        ("head", "cancel"),
        ("put", "status"),
        ("delete", "inbox"),
    ]


async def test_one_dropped_folder_costs_exactly_these_store_calls() -> None:
    inner = MemoryStore()
    store = CountingStore(inner)
    for role in ("source", "target"):
        await inner.put(f"{keys.INBOX}us/{role}.png", png(picture()), content_type="image/png")
    async with running(store, FlatEngine()):
        await inbox_empty(inner)
    shared = store.calls.count(("list", keys.INBOX))
    assert (store.writes, store.reads - shared) == (6, 6)


async def test_every_attempt_ends_in_one_canonical_line() -> None:
    store = MemoryStore()
    with structlog.testing.capture_logs() as lines:
        async with running(store, FlatEngine()):
            good = await ended(store, await drop_job(store))
            bad = await ended(store, await drop_job(store, target=b"no picture at all"))
            await inbox_empty(store)
    jobs = {line["job_id"]: line for line in lines if line["event"] == "job"}
    assert set(jobs) == {good.job_id, bad.job_id}
    assert sum(line["event"] == "job" for line in lines) == 2
    line = jobs[good.job_id]
    assert (line["status"], line["code"], line["attempt"], line["engine"]) == ("completed", None, 1, "flat")
    assert line["result_bytes"] == good.result.size if good.result else False
    assert line["timings_ms"]["swap"] > 0
    assert jobs[bad.job_id]["code"] == "unsupported_media"
    json.dumps(jobs)


async def test_exit_is_clean_after_a_drain() -> None:
    store = MemoryStore()
    consumer, task = start(store, FlatEngine())
    status = await ended(store, await drop_job(store))
    consumer.stop()
    assert await task == 0
    assert status.status == "completed"

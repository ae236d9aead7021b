"""What a record tells while a job runs, that cancels are heeded anywhere, and what a failed job keeps."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeVar

import pytest

from consumer.jobs.context import JobContext
from consumer.jobs.kinds import KINDS
from storage import keys
from storage.lease.outcome import Output
from storage.records.status import Status
from storage.stores.memory_store import MemoryStore
from storage.stores.port import ObjectStore
from tests.support.engines import FlatEngine, picture, png
from tests.support.jobs import announce, drop_job, ended, reached, running, until
from tests.support.stores import Op, WrappedStore

T = TypeVar("T")
RESULT = Output(body=b"done", extension="txt", content_type="text/plain")
# A lease of one second writes every third of it what a real one writes every two seconds.
QUICK = {"lease_ttl_s": 1}


async def count_to_twenty(context: JobContext) -> Output:
    """Moves on every 0.1 s."""
    for number in range(20):
        context.progress.report("swap" if number < 10 else "encode", number, 20, unit="steps")
        await asyncio.sleep(0.1)
    return RESULT


async def test_the_record_follows_stage_and_progress_while_a_job_runs() -> None:
    store = MemoryStore()
    job = await announce(store, {"process_type": "count", "target": "uploads/none"})
    seen: list[Status] = []

    def note(status: Status) -> bool:
        if status.status == "processing" and (not seen or seen[-1].rev != status.rev):
            seen.append(status)
        return status.terminal

    async with running(store, FlatEngine(), kinds={**KINDS, "count": count_to_twenty}, **QUICK):
        await reached(store, job, note)
    steps = [status.progress.done for status in seen]
    assert len(steps) >= 4
    assert steps == sorted(steps)
    assert {status.stage for status in seen} >= {"swap", "encode"}
    assert seen[-1].progress.percent == 5 * seen[-1].progress.done


class Held:
    """Somewhere a job stands still, until the test ends."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self._go = threading.Event()

    def on_thread(self) -> None:
        self.reached.set()
        self._go.wait(30)

    async def in_task(self) -> None:
        self.reached.set()
        await asyncio.sleep(30)

    def let_go(self) -> None:
        self._go.set()


async def test_a_job_is_queued_until_its_first_turn_on_the_device_and_never_after() -> None:
    store, holds = MemoryStore(), {"first": Held(), "second": Held()}

    async def take_turns(context: JobContext) -> Output:
        held = holds[context.manifest.target.removeprefix("uploads/")]
        context.progress.report("decode")
        context.progress.report("swap", 0, 2)
        await context.on_device(held.on_thread)
        context.progress.report("swap", 1, 2)
        await context.on_device(lambda: None)
        return RESULT

    async def begin(name: str) -> str:
        return await announce(store, {"process_type": "turns", "target": f"uploads/{name}"})

    def shows(stage: str, status: Status) -> bool:
        return (status.status, status.stage) == ("processing", stage) and status.rev > 2

    try:
        async with running(store, FlatEngine(), kinds={**KINDS, "turns": take_turns}, **QUICK):
            first = await begin("first")
            await until(holds["first"].reached.is_set)
            second = await begin("second")
            assert (await reached(store, second, partial(shows, "queued"))).progress.total == 0
            assert (await reached(store, first, lambda status: status.stage == "swap")).progress.total == 2
            holds["first"].let_go()
            assert (await reached(store, second, partial(shows, "swap"))).progress.total == 2
            holds["second"].let_go()
            for job in (first, second):
                assert (await ended(store, job)).status == "completed"
    finally:
        for held in holds.values():
            held.let_go()


class HoldingStore(WrappedStore):
    """Stands still at calls of one kind to keys below one prefix."""

    def __init__(self, inner: ObjectStore, held: Held, op: Op, prefix: str) -> None:
        super().__init__(inner)
        self._held, self._op, self._prefix = held, op, prefix

    async def around(self, op: Op, key: str, call: Callable[[], Awaitable[T]]) -> T:
        if op == self._op and key.startswith(self._prefix):
            await self._held.in_task()
        return await call()


async def _fetch(_held: Held, context: JobContext) -> None:
    await context.fetch(context.manifest.target)


async def _decode(held: Held, context: JobContext) -> None:
    await context.on_cpu(held.on_thread)


async def _swap(held: Held, context: JobContext) -> None:
    await context.on_device(held.on_thread)


async def _wait_for_memory(held: Held, context: JobContext) -> None:
    async with context.memory(1 << 40):
        await held.in_task()


async def _nothing(_held: Held, _context: JobContext) -> None: ...


STAGES: dict[str, tuple[Callable[[Held, JobContext], Awaitable[None]], Op, str]] = {
    "download": (_fetch, "stream", keys.UPLOADS),
    "a CPU thread": (_decode, "stream", "nowhere"),
    "the device": (_swap, "stream", "nowhere"),
    "memory": (_wait_for_memory, "stream", "nowhere"),
    "upload": (_nothing, "put", keys.RESULTS),
}


@pytest.mark.parametrize(("stand", "op", "prefix"), STAGES.values(), ids=STAGES.keys())
async def test_a_cancel_is_heeded_wherever_a_job_stands_still(
    stand: Callable[[Held, JobContext], Awaitable[None]], op: Op, prefix: str
) -> None:
    held, inner = Held(), MemoryStore()

    async def kind(held: Held, context: JobContext) -> Output:
        await stand(held, context)
        return RESULT

    target = keys.new_upload("txt")
    await inner.put(target, b"text", content_type="text/plain")
    job = await announce(inner, {"process_type": "stand", "target": target})
    kinds = {**KINDS, "stand": partial(kind, held)}
    try:
        async with running(HoldingStore(inner, held, op, prefix), FlatEngine(), kinds=kinds, **QUICK):
            await until(held.reached.is_set)
            await inner.put(keys.cancel(job), b"", content_type="text/plain")
            status = await ended(inner, job)
            held.let_go()
    finally:
        held.let_go()
    assert (status.status, status.result) == ("cancelled", None)


async def test_a_job_that_fails_keeps_its_warnings_its_engine_and_the_faces_that_were_found() -> None:
    store, engine = MemoryStore(), FlatEngine()
    nobody = await drop_job(store, target=png(picture(faces=())), execution_provider="cuda", video_quality=30)
    unswappable = await drop_job(store)

    def refuse(*_arguments: object, **_options: object) -> list[bool]:
        return [False]

    async with running(store, engine):
        failed = await ended(store, nobody)
        engine.swap = refuse  # type: ignore[method-assign] # an engine that can do nothing with the face
        left = await ended(store, await announce_again(store, unswappable))
    assert failed.error is not None
    assert failed.error.code == "no_face_in_target"
    assert [warning.code for warning in failed.warnings] == [
        "option_ignored",
        "option_ignored",
        "basic_engine",
    ]
    assert failed.engine is not None
    assert (failed.engine.name, failed.faces) == ("flat", ())
    assert failed.timings_ms["download"] >= 0
    assert left.error is not None
    assert left.faces is not None
    assert [(face.face_id, face.swapped) for face in left.faces] == [("face_0", False)]


async def announce_again(store: MemoryStore, job_id: str) -> str:
    """The job once more under another id."""
    first = await ended(store, job_id)
    return await announce(store, {**(first.manifest or {}), "job_id": keys.new_job_id()})

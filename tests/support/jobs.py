"""Dropping jobs into a store and running consumers on them, all in this process."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from consumer.app import Consumer
from consumer.config.settings import Settings
from consumer.jobs.context import JobKind
from consumer.jobs.kinds import KINDS
from consumer.triggers.queue_port import Queue
from pipeline.content import ContentCheck
from pipeline.engines.base import Engine
from pipeline.swap.minors import MinorCheck
from pipeline.swap.protected import ProtectedPeople
from pipeline.watermark.embed import Watermarker
from storage import keys
from storage.errors import ObjectNotFound
from storage.records.status import Status
from storage.stores.port import ObjectStore
from tests.support.engines import OneEngine, picture, png

SOURCE_BGR = (10, 200, 30)
_PATIENCE_S = 60.0


def quick_settings(**changes: Any) -> Settings:  # noqa: ANN401 -- any setting
    """Settings for a consumer in a test: it looks often and waits for nothing.

    Its engine is often an object of the test, which no other process could have.
    """
    quick = {"poll_min_s": 0.01, "poll_max_s": 0.05, "settle_s": 0, "health_port": 0, "missing_grace_s": 0}
    quick["video_processes"] = 1
    return Settings.model_validate({**quick, **changes})


async def upload_pair(
    store: ObjectStore, *, source: bytes | None = None, target: bytes | None = None
) -> dict[str, str]:
    """Put a source and a target below uploads/ and return their keys as a manifest names them."""
    files = {
        "source": png(picture(colour=SOURCE_BGR)) if source is None else source,
        "target": png(picture()) if target is None else target,
    }
    references = {role: keys.new_upload("png") for role in files}
    for role, body in files.items():
        await store.put(references[role], body, content_type="image/png")
    return references


async def announce(store: ObjectStore, manifest: dict[str, Any]) -> str:
    """Put a manifest into the inbox and return its job's id."""
    job_id = str(manifest.get("job_id") or keys.new_job_id())
    body = json.dumps({"version": 1, "process_type": "single-image", **manifest, "job_id": job_id}).encode()
    await store.put(keys.manifest(job_id), body, content_type="application/json")
    return job_id


async def drop_job(
    store: ObjectStore, *, source: bytes | None = None, target: bytes | None = None, **options: object
) -> str:
    """Upload two pictures and announce their job with `options`; returns its id."""
    references = await upload_pair(store, source=source, target=target)
    return await announce(store, {**references, "options": options})


async def read_status(store: ObjectStore, job_id: str) -> Status | None:
    """A job's record, None before anybody has claimed it."""
    try:
        return Status.from_bytes((await store.get(keys.status(job_id), max_bytes=1 << 20)).body)
    except ObjectNotFound:
        return None


def _pauses() -> Iterator[float]:
    """Seconds to wait before the next look, ever more: a look at a server's store is work for both."""
    pause_s = 0.005
    while True:
        yield pause_s
        pause_s = min(pause_s * 1.25, 0.1)


async def until(condition: Callable[[], bool], *, patience_s: float = _PATIENCE_S) -> None:
    """Wait until `condition` holds; raises TimeoutError."""
    async with asyncio.timeout(patience_s):
        pauses = _pauses()
        while not condition():  # noqa: ASYNC110 -- what is waited for has no event
            await asyncio.sleep(next(pauses))


async def reached(
    store: ObjectStore, job_id: str, wanted: Callable[[Status], bool], *, patience_s: float = _PATIENCE_S
) -> Status:
    """Wait until a job's record is as wanted; raises TimeoutError."""
    async with asyncio.timeout(patience_s):
        for pause_s in _pauses():
            status = await read_status(store, job_id)
            if status is not None and wanted(status):
                return status
            await asyncio.sleep(pause_s)
    raise AssertionError("there is always another pause")


async def ended(store: ObjectStore, job_id: str) -> Status:
    """Wait until a job has ended."""
    return await reached(store, job_id, lambda status: status.terminal)


async def body_of(store: ObjectStore, key: str | None) -> bytes:
    """The bytes below a key, which a record is expected to name."""
    assert key is not None
    return (await store.get(key, max_bytes=10**8)).body


def error_of(status: Status) -> tuple[str, str]:
    """Code and message of what a job died of."""
    assert status.error is not None, status.status
    return status.error.code, status.error.message


async def inbox_empty(store: ObjectStore) -> None:
    """Wait until the inbox is empty; raises TimeoutError."""
    async with asyncio.timeout(_PATIENCE_S):
        for pause_s in _pauses():
            if not (await store.list(keys.INBOX)).objects:
                return
            await asyncio.sleep(pause_s)


@asynccontextmanager
async def running(
    store: ObjectStore,
    engine: Engine[Any] | Callable[[], Engine[Any]] | None,
    /,
    **settings: Any,  # noqa: ANN401 -- as `start` takes it
) -> AsyncIterator[Consumer]:
    """A consumer that works within the block and drains at its end."""
    consumer, task = start(store, engine, **settings)
    try:
        yield consumer
    finally:
        consumer.stop()
        await asyncio.wait_for(task, _PATIENCE_S)


def start(
    store: ObjectStore,
    engine: Engine[Any] | Callable[[], Engine[Any]] | None,
    /,
    *,
    own_queue: Queue | None = None,
    kinds: Mapping[str, JobKind] = KINDS,
    minors: MinorCheck | None = None,
    content: ContentCheck | None = None,
    protected: ProtectedPeople | None = None,
    watermarker: Watermarker | None = None,
    **settings: Any,  # noqa: ANN401 -- any setting
) -> tuple[Consumer, asyncio.Task[int]]:
    """Start a consumer, without `engine` on the ones in the settings; its task returns the exit code."""

    @asynccontextmanager
    async def open_store(_observer: object) -> AsyncIterator[ObjectStore]:
        yield store

    consumer = Consumer(
        quick_settings(**settings),
        open_store=open_store,
        queue=own_queue,
        kinds=kinds,
        registry=None
        if engine is None
        else OneEngine(
            engine if callable(engine) else lambda: engine,
            minors=minors,
            content=content,
            protected=protected,
            watermarker=watermarker,
        ),
    )
    return consumer, asyncio.create_task(consumer.run())

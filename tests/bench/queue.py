"""64 queued picture jobs on a store with 50 ms a call, against the engine alone."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from consumer.app import Consumer
from consumer.settings import Settings
from pipeline.engines.base import Engine, Look
from pipeline.engines.mesh.engine import open_mesh_engine
from pipeline.image_io.decode import Limits
from pipeline.jobs.image import PictureRequest, PictureSwapper, decode
from pipeline.jobs.timing import Timings
from storage.memory_store import MemoryStore
from storage.object_store import ObjectStore
from storage.s3_store import open_s3_store
from tests.bench.report import Row, row
from tests.support.buckets import ASTRONAUT, HOPPER, drop, ended, upload
from tests.support.engines import FlatEngine, picture, png
from tests.support.s3_servers import seaweedfs_server
from tests.support.stores import LatencyStore

JOBS = 64
LATENCY_S = 0.05
DEVICE_S = 0.05  # of the stand-in: a GPU that leaves the processor to everything else

# A source and a target for each engine; the stand-in's faces are red rectangles.
PORTRAITS = (HOPPER, ASTRONAUT)
RECTANGLES = (
    png(picture(512, 512, faces=((200, 100, 120, 140),))),
    png(picture(512, 512, colour=(90, 160, 60), faces=((180, 80, 110, 130),))),
)

OpenStore = Callable[[], AbstractAsyncContextManager[ObjectStore]]
OpenEngine = Callable[[], Engine[Any]]


def queue_rows() -> Iterator[Row]:
    """Throughput on each store with each engine, as a share of what the engine does alone."""
    with seaweedfs_server() as s3:

        @asynccontextmanager
        async def seaweedfs() -> AsyncIterator[ObjectStore]:
            async with open_s3_store(s3) as store:
                yield store

        @asynccontextmanager
        async def memory() -> AsyncIterator[ObjectStore]:
            yield MemoryStore()

        engines: list[tuple[str, OpenEngine, tuple[bytes, bytes]]] = [
            ("stand-in GPU", stand_in, RECTANGLES),
            ("mesh", open_mesh_engine, PORTRAITS),
        ]
        stores: list[tuple[str, OpenStore]] = [("memory", memory), ("SeaweedFS", seaweedfs)]
        for engine_name, open_engine, pictures in engines:
            alone = engine_rate(open_engine(), *pictures)
            for store_name, open_store in stores:
                rate = asyncio.run(queue_rate(open_store, open_engine, *pictures))
                yield row(
                    f"{JOBS} jobs, {LATENCY_S * 1000:.0f} ms a call, {store_name}, {engine_name}",
                    rate,
                    "jobs/s",
                    reference=alone,
                    at_least=0.95,
                )


def stand_in() -> Engine[Any]:
    """A closed-form engine that keeps the device, and only the device, busy."""
    return FlatEngine(swap_s=DEVICE_S)


def engine_rate(engine: Engine[Any], source: bytes, target: bytes) -> float:
    """Jobs a second of the device's work alone, its source prepared once, as in the queue."""
    swapper, busy_s = PictureSwapper(engine), 0.0
    for number in range(JOBS // 2 + 1):
        request = PictureRequest(
            source=source,
            source_sha256="the same",
            target=target,
            many_faces=False,
            look=Look(),
        )
        decoded = decode(request, Limits(), Timings())
        began = time.perf_counter()
        swapper.swap(decoded, lambda _stage, _done, _total: None)
        busy_s += time.perf_counter() - began if number else 0  # the first one prepares the source
    return (JOBS // 2) / busy_s


async def queue_rate(open_store: OpenStore, open_engine: OpenEngine, source: bytes, target: bytes) -> float:
    """Jobs a second between the first and the last end of a queue that was full from the start."""
    async with open_store() as store:
        keys = [await upload(store, body) for body in (source, target)]
        jobs = [await drop(store, *keys) for _ in range(JOBS)]

        @asynccontextmanager
        async def slow(_observer: object) -> AsyncIterator[ObjectStore]:
            yield LatencyStore(store, LATENCY_S)

        consumer = Consumer(Settings(bucket="bench", health_port=0), open_store=slow, open_engine=open_engine)
        running = asyncio.create_task(consumer.run())
        statuses = [await ended(store, job, within_s=300) for job in jobs]
        consumer.stop()
        await running
    if any(status.status != "completed" for status in statuses):
        raise RuntimeError("a job of the queue did not complete")
    ends = sorted(status.finished_at for status in statuses if status.finished_at is not None)
    return (JOBS - 1) / (ends[-1] - ends[0]).total_seconds()

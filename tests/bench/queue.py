"""64 queued picture jobs on a store with 50 ms a call, against the engine alone."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import structlog

from consumer.app import Consumer
from consumer.config.settings import Settings
from pipeline.engines.base import AnyEngine
from pipeline.engines.mesh.engine import open_mesh_engine
from pipeline.media.pictures.decode import Limits
from pipeline.steps import at_once
from pipeline.swap.swapper import Swapper
from pipeline.swap.timing import Timings
from storage.stores.port import ObjectStore
from storage.stores.s3_store import open_s3_store
from tests.bench.report import Row, row
from tests.support.buckets import ASTRONAUT, HOPPER, drop, ended, upload
from tests.support.engines import FlatEngine, OneEngine, picture, png
from tests.support.requests import a_request
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
OpenEngine = Callable[[], AnyEngine]


def queue_rows() -> Iterator[Row]:
    """How much of the device's time a queue behind a slow store leaves unused, and what sharing costs.

    The engine-limited rate is what the device would do without a pause, at the times its jobs took in
    that very run: the rest is the scheduler's and the store's. Jobs take the device longer in the queue
    than alone where it shares a small processor with the store's client and the codecs; the second row
    says by how much.
    """
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    with seaweedfs_server() as s3:

        @asynccontextmanager
        async def seaweedfs() -> AsyncIterator[ObjectStore]:
            async with open_s3_store(s3) as store:
                yield store

        for name, open_engine, pictures in (
            ("stand-in GPU", stand_in, RECTANGLES),
            ("mesh on the CPU", open_mesh_engine, PORTRAITS),
        ):
            alone_ms = device_alone_ms(open_engine(), *pictures)
            rate, device_ms = asyncio.run(queue_rate(seaweedfs, open_engine, *pictures))
            limit = 1000 / device_ms
            title = f"{JOBS} jobs at {LATENCY_S * 1000:.0f} ms a store call, {name}"
            yield row(title, rate, "jobs/s", reference=limit, at_least=0.95)
            yield row(f"… its device time a job, beside alone, {name}", device_ms, "ms", reference=alone_ms)


def stand_in() -> AnyEngine:
    """A closed-form engine that keeps the device, and only the device, busy."""
    return FlatEngine(swap_s=DEVICE_S)


def device_alone_ms(engine: AnyEngine, source: bytes, target: bytes) -> float:
    """Mean milliseconds of the device's work on a job, its source prepared once, as in the queue."""
    swapper, busy_s = Swapper(engine), 0.0
    request = a_request(source, target)
    for number in range(JOBS // 2 + 1):
        run = swapper.open(request, Limits(), Timings())
        for name in run.unprepared:
            at_once(run.prepare(name, run.load(name)))
        frame = run.read_frame()
        began = time.perf_counter()
        run.swap(frame)
        busy_s += time.perf_counter() - began if number else 0  # the first one prepares the source
    return busy_s * 1000 / (JOBS // 2)


async def queue_rate(
    open_store: OpenStore, open_engine: OpenEngine, source: bytes, target: bytes
) -> tuple[float, float]:
    """Jobs a second between the first and the last end, and the mean device time of a job in ms."""
    async with open_store() as store:
        keys = [await upload(store, body) for body in (source, target)]
        jobs = [await drop(store, *keys) for _ in range(JOBS)]

        @asynccontextmanager
        async def slow(_observer: object) -> AsyncIterator[ObjectStore]:
            yield LatencyStore(store, LATENCY_S)

        settings = Settings(bucket="bench", health_port=0)
        consumer = Consumer(settings, open_store=slow, registry=OneEngine(open_engine))
        running = asyncio.create_task(consumer.run())
        statuses = [await ended(store, job, within_s=120) for job in jobs]
        consumer.stop()
        await running
    if any(status.status != "completed" for status in statuses):
        raise RuntimeError("a job of the queue did not complete")
    statuses.sort(key=lambda status: status.finished_at or status.updated_at)
    first, *rest = statuses
    window_s = (rest[-1].updated_at - first.updated_at).total_seconds()
    device_ms = [status.timings_ms["detect"] + status.timings_ms["swap"] for status in rest]
    return len(rest) / window_s, sum(device_ms) / len(rest)

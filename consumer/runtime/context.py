"""The work of one picture job: fetch, decode, use the device, encode; no word to the store of its end."""

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Executor
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from functools import partial
from typing import Any, TypeVar

from consumer.devices.worker import ByteBudget, Device
from consumer.engines.pool import EnginePool
from consumer.jobs.detect_faces import DetectTask
from consumer.jobs.files import fetch_files
from consumer.jobs.kind import Finished, Task
from consumer.jobs.plan import PicturePlan, plan_picture
from consumer.jobs.swap_picture import SwapTask
from pipeline.blend.paste import PasteMode
from pipeline.marks.provenance import Mark
from pipeline.media.pictures.decode import Limits
from pipeline.swap.request import FaceFilter
from pipeline.swap.timing import Timings
from storage.inbox import Announced
from storage.inputs.fetch import InputFetcher
from storage.lease.leases import Lease
from storage.records.status import Progress, Stage

T = TypeVar("T")
AnyTask = Task[Any, Any, Any]

_LOOKS_PER_STALL = 10


@dataclass(kw_only=True)
class JobServices:
    """What all jobs of a consumer share.

    A device without a sign of life for `stall_timeout_s` hangs; `paste` is how crops go back,
    `face_filter` which faces of a target count; `objection` says why a `callback_url` will not
    be called, None if it will.
    """

    pool: EnginePool
    fetcher: InputFetcher
    device: Device
    cpu: Executor
    budget: ByteBudget
    limits: Limits
    face_filter: FaceFilter
    operator: str
    version: str
    stall_timeout_s: float
    paste: PasteMode
    objection: Callable[[str], str | None]


class Place(Enum):
    """Where a job is, as far as the device is concerned."""

    ELSEWHERE = "elsewhere"
    WAITING = "waiting"  # for memory or for its turn, both of which depend on the device
    ON_DEVICE = "on_device"


class Work:
    """One attempt's work; `stage` and `timings_ms` tell how far it came, whatever becomes of it.

    `began` is when its ticket was opened, `ready_s` how long it then took until the device could have
    begun, waits for memory not counted, `device_s` how long the device worked on it.
    """

    def __init__(
        self, services: JobServices, lease: Lease, announced: Announced, *, job_folder: str, began: float
    ) -> None:
        self.began = began
        self.stage: Stage = "download"
        self.place = Place.ELSEWHERE
        self.input_bytes = 0
        self.ready_s = 0.0
        self.device_s = 0.0
        self._services = services
        self._lease = lease
        self._announced = announced
        self._job_folder = job_folder
        self._timings = Timings()

    @property
    def timings_ms(self) -> dict[str, float]:
        """Milliseconds by stage so far."""
        return dict(self._timings.ms)

    async def run(self, on_swapped: Callable[["Work"], None]) -> Finished:
        """Do it all; raises whatever goes wrong, for `consumer.faults.judge`."""
        announced, services = self._announced, self._services
        if announced.error is not None:
            raise announced.error
        if announced.manifest is None:
            raise RuntimeError("an announcement has a manifest or an error")
        plan = plan_picture(
            announced.manifest, services.pool.names, paste=services.paste, objection=services.objection
        )
        task = await self._task(plan)
        asked = await self._fetch(plan, task)
        self._report("decode")
        size_bytes = await self._on_cpu(partial(task.decoded_bytes, asked))
        waited = time.monotonic()
        self.place = Place.WAITING
        async with self._patiently(), services.budget.hold(size_bytes):
            self.place = Place.ELSEWHERE
            waited = time.monotonic() - waited
            decoded = await self._on_cpu(partial(task.decode, asked))
            self.ready_s = time.monotonic() - self.began - waited
            del asked
            unit = task.unit(decoded)
            done = await self._on_device(task, decoded, unit)
            del decoded
            on_swapped(self)
            self._report("encode")
            return await self._on_cpu(
                partial(
                    task.encode,
                    done,
                    self._mark(),
                    lambda stage, done, total: self._report(stage, _progress(done, total, unit)),
                )
            )

    async def _task(self, plan: PicturePlan) -> AnyTask:
        """What to do, with the engine to do it; its first job waits while it is opened."""
        self.place = Place.WAITING
        async with self._patiently():
            loaded = await self._services.pool.load(plan.options.engine, enhance=plan.blend.enhance)
        self.place = Place.ELSEWHERE
        make = SwapTask if plan.sources else DetectTask
        return make(
            plan=plan,
            loaded=loaded,
            limits=self._services.limits,
            face_filter=self._services.face_filter,
            timings=self._timings,
        )

    async def _fetch(self, plan: PicturePlan, task: AnyTask) -> object:
        self._report("download")
        with self._timings.measure("download"):
            files = await fetch_files(
                self._services.fetcher,
                plan,
                job_folder=self._job_folder,
                max_bytes=self._services.limits.max_bytes,
            )
        self.input_bytes = sum(file.size for file in files.values())
        return await self._on_cpu(partial(task.read, files))

    async def _on_device(self, task: AnyTask, decoded: object, unit: str) -> object:
        def progress(stage: Stage, done: int, total: int) -> None:
            self._services.device.beat()
            self._report(stage, _progress(done, total, unit))

        self.place = Place.WAITING
        done = await self._services.device.run_steps(task.work(decoded, progress), within=self._turn)
        self.place = Place.ELSEWHERE
        return done

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """One step on the device, on its thread."""
        self.place = Place.ON_DEVICE
        began = time.monotonic()
        try:
            yield
        finally:
            self.device_s += time.monotonic() - began
            self.place = Place.WAITING

    def _mark(self) -> Mark:
        return Mark(
            output_id=_output_id(self._lease.job_id, self._lease.attempt),
            provider=self._services.operator,
            system="swapdrop",
            version=self._services.version,
            created_at=datetime.now(UTC),
        )

    def _report(self, stage: Stage, progress: Progress | None = None) -> None:
        self.stage = stage
        self._lease.report(stage, progress)

    async def _on_cpu(self, function: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._services.cpu, function)

    @asynccontextmanager
    async def _patiently(self) -> AsyncIterator[None]:
        """Report for a job that waits for the device, as long as that one is alive: it does not hang."""
        limit_s = self._services.stall_timeout_s

        async def watch() -> None:
            while True:
                await asyncio.sleep(limit_s / _LOOKS_PER_STALL)
                if self.place is Place.WAITING and self._services.device.silent_s < limit_s:
                    self._report(self.stage)

        watching = asyncio.create_task(watch())
        try:
            yield
        finally:
            watching.cancel()


def _progress(done: int, total: int, unit: str) -> Progress:
    return Progress(done=done, total=total, unit=unit, percent=100 * done // total if total else 0)


def _output_id(job_id: str, attempt: int) -> str:
    """The id an output carries for all to read: it can be found again from the job, and not the job from it.

    A job's id may hold the name of a folder that a person dropped, which is not for strangers.
    """
    return hashlib.sha256(f"{job_id}/{attempt}".encode()).hexdigest()[:32]

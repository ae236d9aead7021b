"""The work of one picture job: fetch, decode, swap on the device, encode; no word to the store of its end."""

import asyncio
import hashlib
import threading
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Executor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from functools import partial
from typing import TypeVar

from consumer.bench import Bench, Tool
from consumer.device import ByteBudget, Device
from consumer.picture_job import PicturePlan, plan_picture, to_engine_record, to_outcome, to_warnings
from pipeline.image_io.animation import Animation
from pipeline.image_io.decode import Limits
from pipeline.jobs.decode import DecodedPictures, decode, decoded_bytes
from pipeline.jobs.encode import encode
from pipeline.jobs.request import Every, Largest, PictureRequest, SourceFile
from pipeline.jobs.result import SwappedPicture
from pipeline.jobs.swap import PictureSwapper
from pipeline.jobs.timing import Timings
from pipeline.paste import PasteMode
from pipeline.provenance import Mark
from storage.inbox import Announced
from storage.inputs import FetchedInput, InputFetcher
from storage.lease import Lease, Output
from storage.status import (
    EngineRecord,
    FaceOutcome,
    JobWarning,
    Progress,
    Stage,
)

T = TypeVar("T")

_LOOKS_PER_STALL = 10


@dataclass(kw_only=True)
class Workshop:
    """What all jobs of a consumer share.

    A device without a sign of life for `stall_timeout_s` hangs; `paste` is how crops go back.
    """

    bench: Bench
    fetcher: InputFetcher
    device: Device
    cpu: Executor
    budget: ByteBudget
    limits: Limits
    operator: str
    version: str
    stall_timeout_s: float
    paste: PasteMode


class Place(Enum):
    """Where a job is, as far as the device is concerned."""

    ELSEWHERE = "elsewhere"
    WAITING = "waiting"  # for memory or for its turn, both of which depend on the device
    ON_DEVICE = "on_device"


@dataclass(frozen=True, kw_only=True)
class Finished:
    """What a job's work came to."""

    output: Output
    faces: tuple[FaceOutcome, ...]
    warnings: tuple[JobWarning, ...]
    engine: EngineRecord


class Work:
    """One attempt's work; `stage` and `timings_ms` tell how far it came, whatever becomes of it.

    `began` is when its ticket was opened, `ready_s` how long it then took until the device could have
    begun, waits for memory not counted, `device_s` how long the device worked on it.
    """

    def __init__(
        self, shop: Workshop, lease: Lease, announced: Announced, *, job_folder: str, began: float
    ) -> None:
        self.began = began
        self.stage: Stage = "download"
        self.place = Place.ELSEWHERE
        self.input_bytes = 0
        self.ready_s = 0.0
        self.device_s = 0.0
        self._shop = shop
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
        announced, shop = self._announced, self._shop
        if announced.error is not None:
            raise announced.error
        if announced.manifest is None:
            raise RuntimeError("an announcement has a manifest or an error")
        plan = plan_picture(announced.manifest, shop.bench.names, paste=shop.paste)
        tool = await self._tool(plan)
        request = await self._fetch(plan)
        self._report("decode")
        size_bytes = await self._on_cpu(partial(decoded_bytes, request, shop.limits))
        waited = time.monotonic()
        self.place = Place.WAITING
        async with self._patiently(), shop.budget.hold(size_bytes):
            self.place = Place.ELSEWHERE
            waited = time.monotonic() - waited
            decoded = await self._on_cpu(partial(decode, request, shop.limits, self._timings))
            self.ready_s = time.monotonic() - self.began - waited
            del request
            swapped = await self._swap(tool.swapper, decoded)
            on_swapped(self)
            return await self._encode(plan, swapped, tool)

    async def _tool(self, plan: PicturePlan) -> Tool:
        """The engine to work with; its first job waits while it is opened."""
        self.place = Place.WAITING
        async with self._patiently():
            tool = await self._shop.bench.tool(plan.options.engine, enhance=plan.look.enhance)
        self.place = Place.ELSEWHERE
        return tool

    async def _fetch(self, plan: PicturePlan) -> PictureRequest:
        self._report("download")
        with self._timings.measure("download"):
            source, target = await self._fetch_both(plan)
        self.input_bytes = len(source.body) + len(target.body)
        return PictureRequest(
            sources={"source": SourceFile(body=source.body, sha256=source.sha256)},
            target=target.body,
            choice=Every() if plan.options.many_faces else Largest(),
            look=plan.look,
        )

    async def _fetch_both(self, plan: PicturePlan) -> tuple[FetchedInput, FetchedInput]:
        fetch = partial(self._shop.fetcher.fetch, job_folder=self._job_folder)
        try:
            async with asyncio.TaskGroup() as group:
                source, target = (group.create_task(fetch(key)) for key in (plan.source, plan.target))
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from failed
        return source.result(), target.result()

    async def _swap(self, swapper: PictureSwapper, decoded: DecodedPictures) -> SwappedPicture:
        abandoned = threading.Event()

        unit = "frames" if isinstance(decoded.target, Animation) else "faces"

        def progress(stage: Stage, done: int, total: int) -> None:
            if abandoned.is_set():
                raise asyncio.CancelledError
            self._shop.device.beat()
            percent = 100 * done // total if total else 0
            self._report(stage, Progress(done=done, total=total, unit=unit, percent=percent))

        def swap() -> SwappedPicture:
            self.place = Place.ON_DEVICE
            began = time.monotonic()
            try:
                return swapper.swap(decoded, progress)
            finally:
                self.device_s = time.monotonic() - began

        self.place = Place.WAITING
        try:
            swapped = await self._shop.device.run(swap)
        except asyncio.CancelledError:
            # A thread cannot be interrupted: it stops at the next face, and holds the pixels until then.
            abandoned.set()
            raise
        self.place = Place.ELSEWHERE
        return swapped

    async def _encode(self, plan: PicturePlan, swapped: SwappedPicture, tool: Tool) -> Finished:
        self._report("encode")
        mark = Mark(
            output_id=_output_id(self._lease.job_id, self._lease.attempt),
            provider=self._shop.operator,
            system="swapdrop",
            version=self._shop.version,
            created_at=datetime.now(UTC),
        )
        options = plan.options
        encoded = await self._on_cpu(
            partial(
                encode, swapped, requested=options.output_format, quality=options.image_quality, mark=mark
            )
        )
        return Finished(
            output=Output(
                body=encoded.data,
                extension=encoded.media.extension,
                content_type=encoded.media.content_type,
                width=encoded.width,
                height=encoded.height,
                faces_swapped=sum(face.swapped for face in swapped.faces),
            ),
            faces=tuple(to_outcome(face) for face in swapped.faces),
            warnings=(*plan.warnings, *to_warnings((*swapped.notices, *encoded.notices))),
            engine=to_engine_record(swapped.engine, tool.enhancer_models),
        )

    def _report(self, stage: Stage, progress: Progress | None = None) -> None:
        self.stage = stage
        self._lease.report(stage, progress)

    async def _on_cpu(self, function: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._shop.cpu, function)

    @asynccontextmanager
    async def _patiently(self) -> AsyncIterator[None]:
        """Report for a job that waits for the device, as long as that one is alive: it does not hang."""
        limit_s = self._shop.stall_timeout_s

        async def watch() -> None:
            while True:
                await asyncio.sleep(limit_s / _LOOKS_PER_STALL)
                if self.place is Place.WAITING and self._shop.device.silent_s < limit_s:
                    self._report(self.stage)

        watching = asyncio.create_task(watch())
        try:
            yield
        finally:
            watching.cancel()


def _output_id(job_id: str, attempt: int) -> str:
    """The id an output carries for all to read: it can be found again from the job, and not the job from it.

    A job's id may hold the name of a folder that a person dropped, which is not for strangers.
    """
    return hashlib.sha256(f"{job_id}/{attempt}".encode()).hexdigest()[:32]

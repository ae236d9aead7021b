"""Jobs under a lease in virtual time: what was called when, and what a reader saw of the record when."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar

from storage import keys
from storage.errors import ObjectNotFound
from storage.lease.leases import Lease, LeasePolicy, Leases, Output, Stop
from storage.records.status import Progress, Stage, Status
from storage.stores.memory_store import MemoryStore
from storage.stores.port import ObjectStore
from tests.faults.simulation.loop import VirtualLoop
from tests.support.clock import EPOCH
from tests.support.stores import Fault, FaultStore, Op, WrappedStore

T = TypeVar("T")
JOB = "j"
POLICY = LeasePolicy()
OUTPUT = Output(body=b"pixels", extension="png", content_type="image/png")


def in_virtual_time(main: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run `main` on a loop whose time passes only when everybody waits."""
    loop = VirtualLoop(random.Random(0))
    try:
        return loop.run(main())
    finally:
        loop.clear_away()


class TimedStore(WrappedStore):
    """Takes `latency_s` for a call, half of it before it takes effect, and `upload_s` for a result.

    `calls` has every call as (time it was sent, op, kind of object), `writes` when a record was replaced.
    """

    def __init__(self, inner: ObjectStore, *, latency_s: float = 0.0, upload_s: float = 0.0) -> None:
        super().__init__(inner)
        self.calls: list[tuple[float, Op, str]] = []
        self.writes: list[float] = []
        self._latency_s = latency_s
        self._upload_s = upload_s

    async def around(self, op: Op, key: str, call: Callable[[], Awaitable[T]]) -> T:
        now = asyncio.get_running_loop().time
        self.calls.append((now(), op, key.partition("/")[0]))
        await asyncio.sleep(self._upload_s if key.startswith(keys.RESULTS) else self._latency_s / 2)
        result = await call()
        if op == "put" and key.startswith(keys.STATUS):
            self.writes.append(now())
        await asyncio.sleep(self._latency_s / 2)
        return result

    @property
    def counts(self) -> Counter[tuple[Op, str]]:
        """How often what was called."""
        return Counter((op, kind) for _, op, kind in self.calls)


@dataclass(frozen=True, kw_only=True)
class Report:
    """What the work says at a time, in seconds after its claim; without `done` it is a mere sign of life."""

    at_s: float
    stage: Stage = "swap"
    done: int | None = None


def reports(*, every_s: float, until_s: float, moving: bool) -> list[Report]:
    """A report each `every_s`, each a step further, or all of a job that still waits for its turn."""
    return [
        Report(at_s=n * every_s, done=n, stage="swap") if moving else Report(at_s=n * every_s, stage="queued")
        for n in range(1, int(until_s / every_s) + 1)
    ]


@dataclass(kw_only=True)
class JobRun:
    """One job as a consumer works on it: claim, work beside `keep`, finish."""

    work: Sequence[Report] = ()
    lasts_s: float
    latency_s: float = 0.0
    upload_s: float = 0.0
    cancel_at_s: float | None = None
    watch_every_s: float = 0.1
    beats: list[float] = field(default_factory=list)
    seen: list[tuple[float, Status]] = field(default_factory=list)
    ended_s: float = 0.0
    stop: Stop | None = None

    def __post_init__(self) -> None:
        self.bucket = MemoryStore(self.wall)
        self.store = TimedStore(self.bucket, latency_s=self.latency_s, upload_s=self.upload_s)

    def play(self) -> Status:
        """Play it to its end; returns the record that stands then."""
        return in_virtual_time(self.live)

    def wall(self) -> datetime:
        """The store's time, and everybody's."""
        return EPOCH + timedelta(seconds=asyncio.get_running_loop().time())

    def leases(self, owner: str = "a", *, faults: Sequence[Fault] = ()) -> Leases:
        """Leases by the running loop's clock."""
        return Leases(
            FaultStore(self.store, faults),
            owner=owner,
            policy=POLICY,
            monotonic=asyncio.get_running_loop().time,
            wall=self.wall,
            rng=random.Random(0),
        )

    async def held(self, *, faults: Sequence[Fault] = ()) -> Lease:
        """The lease of the job."""
        lease = await self.leases(faults=faults).claim(JOB, None)
        assert isinstance(lease, Lease)
        return lease

    async def beaten(self) -> None:
        """Note a heartbeat."""
        self.beats.append(asyncio.get_running_loop().time())

    async def read(self) -> Status | None:
        """The record as it lies in the bucket; costs no call."""
        try:
            return Status.from_bytes((await self.bucket.get(keys.status(JOB), max_bytes=10**6)).body)
        except ObjectNotFound:
            return None

    async def live(self) -> Status:
        """Do the job in a loop that runs already."""
        beside = [asyncio.create_task(self._watch()), asyncio.create_task(self._cancel())]
        lease = await self.held()
        keeping = asyncio.create_task(lease.keep(self.beaten))
        working = asyncio.create_task(self._work(lease))
        await asyncio.wait({keeping, working}, return_when=asyncio.FIRST_COMPLETED)
        for task in (keeping, working):
            task.cancel()
        await asyncio.wait({keeping, working})
        if working.cancelled():
            self.stop = keeping.result()
            ended = await lease.cancelled() if self.stop is Stop.CANCELLED else lease.status
        else:
            ended = await lease.complete(OUTPUT, on_beat=self.beaten)
        self.ended_s = asyncio.get_running_loop().time()
        for task in beside:
            task.cancel()
        return ended

    async def _work(self, lease: Lease) -> None:
        began = asyncio.get_running_loop().time()
        for report in self.work:
            await asyncio.sleep(max(0, began + report.at_s - asyncio.get_running_loop().time()))
            lease.report(
                report.stage, None if report.done is None else Progress(done=report.done, total=1000)
            )
        await asyncio.sleep(max(0, began + self.lasts_s - asyncio.get_running_loop().time()))

    async def _watch(self) -> None:
        while True:
            if (status := await self.read()) is not None:
                self.seen.append((asyncio.get_running_loop().time(), status))
            await asyncio.sleep(self.watch_every_s)

    async def _cancel(self) -> None:
        if self.cancel_at_s is not None:
            await asyncio.sleep(self.cancel_at_s)
            await self.bucket.put(keys.cancel(JOB), b"", content_type="text/plain")

"""Real consumer processes that end themselves, or stop, before or after a chosen call to the store.

They are forked from a server process that has the imports behind it, so that a hundred of them are quick.
"""

import asyncio
import multiprocessing
import os
import resource
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Literal, TypeVar
from unittest.mock import patch

import structlog

from consumer.app import Consumer
from consumer.config.environment import load_settings
from consumer.telemetry.logs import configure_logging
from pipeline.media.video.segments import plan_segments
from storage.lease.leases import Leases
from storage.stores.port import ObjectStore
from storage.stores.s3_store import Observer, open_s3_store
from tests.support.copying import WITH_COPY
from tests.support.engines import FlatEngine, OneEngine
from tests.support.reels import ReelEngine
from tests.support.stores import Op, WrappedStore

T = TypeVar("T")

_PATIENCE_S = 60
_STRUCK = "failpoint_reached"

_log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True)
class Failpoint:
    """Where a consumer strikes itself: at its `nth` call of `op` on a key that starts with `key`."""

    op: Op
    key: str
    when: Literal["before", "after"]
    nth: int = 1
    do: Literal["kill", "stop"] = "kill"


@dataclass(frozen=True, kw_only=True)
class Conditions:
    """What a consumer process has to live with.

    `swap_s` is how long a swap takes, `wall_offset_s` how wrong its wall clock is, `max_memory_bytes` bounds
    its address space beyond what it has at the start, and without `may_write_files` no file takes a byte.
    With `segment_s` it works on reels, cut into segments of that length.
    """

    failpoint: Failpoint | None = None
    swap_s: float = 0.0
    wall_offset_s: float = 0.0
    may_write_files: bool = True
    max_memory_bytes: int | None = None
    segment_s: float | None = None


class FailpointStore(WrappedStore):
    """Sends its own process the signal of a failpoint."""

    def __init__(self, inner: ObjectStore, failpoint: Failpoint) -> None:
        super().__init__(inner)
        self._failpoint = failpoint
        self._seen = Counter[bool]()

    async def around(self, op: Op, key: str, call: Callable[[], Awaitable[T]]) -> T:
        point = self._failpoint
        fits = op == point.op and key.startswith(point.key)
        self._seen[fits] += 1
        due = fits and self._seen[True] == point.nth
        if due and point.when == "before":
            self._strike()
        try:
            return await call()
        finally:  # "there is no such object" is an answer, too
            if due and point.when == "after":
                self._strike()

    def _strike(self) -> None:
        _log.info(_STRUCK)
        os.kill(os.getpid(), signal.SIGKILL if self._failpoint.do == "kill" else signal.SIGSTOP)


class ForkedConsumer:
    """A consumer process; `log` holds what it printed, `temp` is its own folder for temporary files."""

    def __init__(self, process: BaseProcess, log: Path, temp: Path) -> None:
        self.process = process
        self.log = log
        self.temp = temp

    def send(self, number: signal.Signals) -> None:
        """Send it a signal, if it still lives."""
        if self.process.is_alive() and self.process.pid is not None:
            os.kill(self.process.pid, number)

    async def exit_code(self, within_s: float = _PATIENCE_S) -> int | None:
        """Wait for its end; minus the signal that killed it, None when it still lives."""
        await asyncio.to_thread(self.process.join, within_s)
        return self.process.exitcode

    async def struck(self) -> None:
        """Wait until it has reached its failpoint; raises TimeoutError."""
        async with asyncio.timeout(_PATIENCE_S):
            while _STRUCK not in self.output():  # noqa: ASYNC110 -- another process's file has no event
                await asyncio.sleep(0.02)

    def output(self) -> str:
        """Everything printed so far."""
        return self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""


@contextmanager
def forked_consumer(
    environment: Mapping[str, str], folder: Path, conditions: Conditions | None = None
) -> Iterator[ForkedConsumer]:
    """A consumer process that ends with the block at the latest; `folder` is its own."""
    temp = folder / "temp"
    temp.mkdir(parents=True)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    process = context.Process(
        target=consume,
        args=(dict(environment), str(folder / "log"), str(temp), conditions or Conditions()),
        daemon=True,
    )
    process.start()
    try:
        yield ForkedConsumer(process, folder / "log", temp)
    finally:
        if process.is_alive():
            process.kill()
        process.join(_PATIENCE_S)
        process.close()


def consume(environment: Mapping[str, str], log: str, temp: str, conditions: Conditions) -> None:
    """The process: work until told to stop."""
    with Path(log if conditions.may_write_files else os.devnull).open("ab", buffering=0) as sink:
        os.dup2(sink.fileno(), 1)
        os.dup2(sink.fileno(), 2)
    os.environ["TMPDIR"], tempfile.tempdir = temp, None
    _limit(conditions)
    settings = load_settings(environment)
    configure_logging(settings)
    engine = FlatEngine
    if conditions.segment_s is not None:
        engine = ReelEngine
        patch.dict(plan_segments.__kwdefaults__ or {}, segment_s=conditions.segment_s).start()

    @asynccontextmanager
    async def open_store(observer: Observer) -> AsyncIterator[ObjectStore]:
        async with open_s3_store(settings.s3(), observer) as store:
            point = conditions.failpoint
            yield FailpointStore(store, point) if point else store

    def wall() -> datetime:
        return datetime.now(UTC) + timedelta(seconds=conditions.wall_offset_s)

    with patch.dict(Leases.__init__.__kwdefaults__, wall=wall):
        consumer = Consumer(
            settings,
            open_store=open_store,
            registry=OneEngine(partial(engine, swap_s=conditions.swap_s)),
            kinds=WITH_COPY,
        )
        sys.exit(asyncio.run(consumer.run()))


def _limit(conditions: Conditions) -> None:
    if not conditions.may_write_files:
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    if conditions.max_memory_bytes is not None:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
        limit = pages * resource.getpagesize() + conditions.max_memory_bytes
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))

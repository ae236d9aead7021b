"""A consumer process that stands still at one stage of its first job, for as long as its arguments say.

Arguments: the stage, the seconds, and a file that is made when the stage is reached.
"""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar
from unittest.mock import patch

from consumer.app import Consumer
from consumer.config.environment import load_settings
from consumer.jobs.whereabouts import Whereabouts
from consumer.telemetry.logs import configure_logging
from pipeline.media.writer import PictureWriter
from pipeline.swap.swapper import Swapper
from storage import keys
from storage.inputs.fetch import InputFetcher
from storage.stores.port import ObjectStore
from storage.stores.s3_store import open_s3_store
from tests.support.engines import FlatEngine, OneEngine
from tests.support.stores import Op, WrappedStore

T = TypeVar("T")
STAGES = ("open", "download", "decode", "wait", "swap", "encode", "upload", "finish")


class Hold:
    """Stands still once, at the stage it is for."""

    def __init__(self, stage: str, seconds: float, reached: Path) -> None:
        self._stage = stage
        self._seconds = seconds
        self._reached = reached

    def thread(self, stage: str) -> None:
        """Stand still on this thread."""
        if self._is_due(stage):
            time.sleep(self._seconds)

    async def task(self, stage: str) -> None:
        """Stand still in this task."""
        if self._is_due(stage):
            await asyncio.sleep(self._seconds)

    def _is_due(self, stage: str) -> bool:
        if stage != self._stage or self._reached.exists():
            return False
        self._reached.touch()
        return True


class HoldingStore(WrappedStore):
    """Stands still before a result is written, or the status after it."""

    def __init__(self, inner: ObjectStore, hold: Hold) -> None:
        super().__init__(inner)
        self._hold = hold
        self._uploaded = False

    async def around(self, op: Op, key: str, call: Callable[[], Awaitable[T]]) -> T:
        if op == "put" and key.startswith(keys.RESULTS):
            await self._hold.task("upload")
            self._uploaded = True
        elif op == "put" and self._uploaded:
            await self._hold.task("finish")
        return await call()


def main() -> int:
    """Run it until it is told to stop."""
    stage, seconds, reached = sys.argv[1:]
    hold = Hold(stage, float(seconds), Path(reached))
    settings = load_settings()
    configure_logging(settings)

    def opened() -> FlatEngine:
        hold.thread("open")
        return FlatEngine(on_swap=lambda: hold.thread("swap"))

    @asynccontextmanager
    async def open_store(observer: Any) -> AsyncIterator[ObjectStore]:  # noqa: ANN401 -- passed on
        async with open_s3_store(settings.s3(), observer) as store:
            yield HoldingStore(store, hold)

    with (
        patch.object(InputFetcher, "fetch", after(hold, "download", InputFetcher.fetch)),
        patch.object(Whereabouts, "on_device", after(hold, "wait", Whereabouts.on_device)),
        patch.object(Swapper, "open", on_thread(hold, "decode", Swapper.open)),
        patch.object(PictureWriter, "add", on_thread(hold, "encode", PictureWriter.add)),
    ):
        return asyncio.run(Consumer(settings, open_store=open_store, registry=OneEngine(opened)).run())


def after(hold: Hold, stage: str, call: Callable[..., Awaitable[T]]) -> Callable[..., Awaitable[T]]:
    """The coroutine function `call`, which stands still first."""

    async def held(*arguments: Any, **options: Any) -> T:  # noqa: ANN401 -- passed on
        await hold.task(stage)
        return await call(*arguments, **options)

    return held


def on_thread(hold: Hold, stage: str, call: Callable[..., T]) -> Callable[..., T]:
    """The function `call`, which stands still first."""

    def held(*arguments: Any, **options: Any) -> T:  # noqa: ANN401 -- passed on
        hold.thread(stage)
        return call(*arguments, **options)

    return held


if __name__ == "__main__":
    sys.exit(main())

"""Waiting for model files in the background: those that somebody brings, and those to be downloaded."""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable
from functools import partial

import structlog

from consumer.devices.worker import WorkerThread
from consumer.engines.pool import EnginePool
from models.errors import ModelError
from models.store.download import DownloadProgress
from storage.errors import StoreUnusable

_LONGEST_PAUSE_S = 300.0
_NOTE_EVERY_S = 10.0

_log = structlog.get_logger()


class Stopped(Exception):
    """The download was not wanted any more."""


class ModelDownloader:
    """Sees to it that a consumer gets the engine it should have, however long that takes.

    It looks every `retry_s` whether the files are here, and meanwhile lets `pull` download them; a
    download that failed is tried again after growing pauses. Each distinct reason is logged once.
    """

    def __init__(self, pool: EnginePool, pull: Callable[[DownloadProgress], None], *, retry_s: float) -> None:
        self._pool = pool
        self._pull = pull
        self._retry_s = retry_s
        self._told: set[str] = set()
        self._watch: _Watch | None = None

    @property
    def downloading(self) -> str | None:
        """What is being downloaded, in a sentence; None if nothing is."""
        return self._watch.sentence if self._watch else None

    async def run(self) -> None:
        """Look and download until the engine is there, or until cancelled."""
        thread = WorkerThread(name="model-downloads")
        downloads = asyncio.create_task(self._download(thread))
        try:
            while not self._pool.settled:
                await asyncio.sleep(self._retry_s)
                await self._succeeds(self._pool.look())
        finally:
            downloads.cancel()
            if self._watch is not None:
                self._watch.stop()
            thread.close()

    async def _download(self, thread: WorkerThread) -> None:
        pause_s = self._retry_s
        while True:
            watch = self._watch = _Watch()
            done = await self._succeeds(thread.run(partial(self._pull, watch)))
            self._watch = None
            pause_s = self._retry_s if done else min(2 * pause_s, max(_LONGEST_PAUSE_S, self._retry_s))
            await asyncio.sleep(pause_s)

    async def _succeeds(self, work: Awaitable[None]) -> bool:
        try:
            await work
        except (ModelError, StoreUnusable) as error:
            self._tell(str(error), None)
        except Exception as error:  # noqa: BLE001 -- logged: a download must not end the consumer
            self._tell(repr(error), error)
        else:
            return True
        return False

    def _tell(self, reason: str, error: Exception | None) -> None:
        if reason not in self._told:
            self._told.add(reason)
            _log.warning("model_unavailable", reason=reason, exc_info=error)


class _Watch:
    """Follows one download, from its thread, and ends it when it is not wanted any more."""

    def __init__(self) -> None:
        self.sentence: str | None = None
        self._stopped = threading.Event()
        self._logged = time.monotonic()

    def stop(self) -> None:
        """End the download at its next piece."""
        self._stopped.set()

    def note(self, name: str, sentence: str) -> None:
        """Log what the download says of a file."""
        _log.info("model_download", file=name, note=sentence)

    def advance(self, name: str, done: int, total: int | None) -> None:
        """Count, and raise Stopped if nobody wants the file any more."""
        if self._stopped.is_set():
            raise Stopped
        of = f" of {total / 1e6:.0f}" if total else ""
        self.sentence = f"{name} is being downloaded: {done / 1e6:.0f}{of} MB."
        if time.monotonic() - self._logged >= _NOTE_EVERY_S:
            self._logged = time.monotonic()
            _log.info("model_download", file=name, done_bytes=done, total_bytes=total)

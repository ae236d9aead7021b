"""`swapdrop runpod`: a RunPod Serverless worker; needs the extra `runpod`.

RunPod's SDK has the main thread, with its own event loop and signals; the consumer runs beside it on a loop
of its own, so that neither waits for the other.
"""

import asyncio
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import asdict
from functools import partial
from typing import Any

import runpod  # type: ignore[import-untyped]  # it ships no types
import structlog

from consumer.app import Consumer
from consumer.cli.bucket import faults_told, settings_or_exit
from consumer.logs import configure_logging
from consumer.runpod_handler import RunpodHandler
from consumer.settings import Settings
from consumer.triggers.local_queue import LocalQueue
from storage.s3_store import open_s3_store

_AT_ONCE = 2  # one request on the device, one on its way; more would keep them from other workers
_LINK_S = 3600
_START_S = 60.0
_END_SPARE_S = 20.0

_log = structlog.get_logger()


def run_runpod() -> int:
    """Serve requests until RunPod ends the worker, or the local one of its SDK is ended."""
    settings = settings_or_exit()
    configure_logging(settings)
    with faults_told():
        settings.s3()
    worker = Worker(settings)
    try:
        runpod.serverless.start({"handler": worker.handle, "concurrency_modifier": lambda _: _AT_ONCE})
    finally:
        worker.stop()
    return worker.exit_code


class Worker:
    """The consumer on a thread of its own, and RunPod's door to it."""

    def __init__(self, settings: Settings) -> None:
        self.exit_code = 0
        self._settings = settings
        self._queue = LocalQueue(settings.max_in_flight)
        self._consumer = Consumer(settings, queue=self._queue, listen_to_signals=False)
        self._ended = threading.Event()
        self._ready: Future[tuple[asyncio.AbstractEventLoop, RunpodHandler]] = Future()
        self._thread = threading.Thread(target=self._run, name="consumer", daemon=True)
        self._thread.start()

    async def handle(self, job: Mapping[str, Any]) -> dict[str, Any]:
        """Answer one request; called on the SDK's loop, which is never held up."""
        loop, handler = await asyncio.wait_for(asyncio.wrap_future(self._ready), _START_S)
        tell: Callable[[Mapping[str, Any]], None] = partial(runpod.serverless.progress_update, job)
        try:
            answering = asyncio.run_coroutine_threadsafe(handler.answer(job, tell), loop)
            return await asyncio.wrap_future(answering)
        except (asyncio.CancelledError, RuntimeError):
            if not self._ended.is_set():
                raise
            # The job is given back and ends elsewhere; RunPod replaces this worker.
            return {"error": "This worker cannot go on; the job does.", "refresh_worker": True}

    def stop(self) -> None:
        """Let the consumer drain, and wait for its end."""
        if self._ready.done() and self._thread.is_alive():
            loop, _ = self._ready.result()
            with suppress(RuntimeError):  # its loop has just closed
                loop.call_soon_threadsafe(self._consumer.stop)
        self._thread.join(self._settings.drain_grace_s + _END_SPARE_S)

    def _run(self) -> None:
        self.exit_code = asyncio.run(self._serve())
        if self.exit_code:
            _log.error("consumer_ended", exit_code=self.exit_code)

    async def _serve(self) -> int:
        settings = self._settings
        async with open_s3_store(settings.s3()) as store:
            handler = RunpodHandler(
                store,
                self._queue,
                link=partial(store.link, expires_s=_LINK_S),
                health=lambda: asdict(self._consumer.health()),
                timeout_s=settings.job_timeout_s * settings.max_attempts,
            )
            self._ready.set_result((asyncio.get_running_loop(), handler))
            try:
                return await self._consumer.run()
            finally:
                self._ended.set()

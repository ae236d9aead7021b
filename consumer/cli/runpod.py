"""`swapdrop runpod`: a RunPod Serverless worker; needs the extra `runpod`.

RunPod's SDK has the main thread, with its own event loop and signals; the consumer runs beside it on a loop
of its own, so that neither waits for the other.
"""

import asyncio
import os
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import asdict
from functools import partial
from types import FrameType
from typing import Any

import runpod  # type: ignore[import-untyped]  # it ships no types
import structlog
from runpod.http_client import AsyncClientSession  # type: ignore[import-untyped]
from runpod.serverless.modules.rp_http import send_result  # type: ignore[import-untyped]

from consumer.app import Consumer
from consumer.cli.bucket import faults_told, settings_or_exit
from consumer.config.group import SettingsError
from consumer.config.settings import Settings
from consumer.runpod.handler import RunpodHandler
from consumer.telemetry.logs import configure_logging
from consumer.triggers.local_queue import LocalQueue
from storage.stores.s3_store import open_s3_store

_AT_ONCE = 2  # one request on the device, one on its way; more would keep them from other workers
_LINK_S = 3600
_PATIENCE_S = 600.0  # a job that nobody has touched for this long waits for more than its turn
_START_S = 60.0
_END_SPARE_S = 20.0
_SIGNALS = (signal.SIGTERM, signal.SIGINT)

_log = structlog.get_logger()


def run_runpod() -> int:
    """Serve requests until RunPod ends the worker, or the local one of its SDK is ended."""
    settings = settings_or_exit()
    configure_logging(settings)
    with faults_told():
        worker = Worker(settings)
    # Until the SDK has its own handlers, which is only after its tests of the machine.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with faults_told():
        worker.start()
    try:
        runpod.serverless.start({"handler": worker.handle, "concurrency_modifier": worker.concurrency})
    except SystemExit as leaving:
        if leaving.code:
            raise
    finally:
        worker.stop()
    return worker.exit_code


class Worker:
    """The consumer on a thread of its own, and RunPod's door to it; raises SettingsError without a bucket.

    `exit_code` is 0 once the consumer has drained.
    """

    def __init__(self, settings: Settings) -> None:
        self.exit_code = 1
        self._settings = settings
        self._queue = LocalQueue(settings.max_in_flight)
        self._consumer = Consumer(settings, queue=self._queue, listen_to_signals=False)
        self._told = False
        self._opened: Future[tuple[asyncio.AbstractEventLoop, RunpodHandler]] = Future()
        self._thread = threading.Thread(target=self._run, name="consumer", daemon=True)

    def start(self) -> None:
        """Start the consumer, and wait until it takes requests; raises what keeps it from that."""
        self._thread.start()
        self._loop, self._handler = self._opened.result(_START_S)

    async def handle(self, job: Mapping[str, Any]) -> dict[str, Any]:
        """Answer one request; called on the SDK's loop, which is never held up."""
        answer = self._handler.answer(job, partial(_send_progress, job))
        try:
            answering = asyncio.run_coroutine_threadsafe(answer, self._loop)
        except RuntimeError:  # its loop is closed
            answer.close()
            return {"error": "This worker has ended; send the request again.", "refresh_worker": True}
        return await asyncio.wrap_future(answering)

    def concurrency(self, _now: int) -> int:
        """How many requests to take at once.

        The SDK asks before it takes the first, in the main thread and with its handlers for signals in
        place. Those let its requests end, however long that takes: the consumer must hear of a signal too.
        """
        for number in _SIGNALS:
            theirs = signal.getsignal(number)
            if callable(theirs) and not isinstance(theirs, _Heard):
                signal.signal(number, _Heard(self._drain, theirs))
        return _AT_ONCE

    def stop(self) -> None:
        """Let the consumer drain, and wait for its end."""
        if not self._told:
            self._drain()
        self._thread.join(self._settings.drain_grace_s + _END_SPARE_S)

    def _drain(self) -> None:
        self._told = True
        with suppress(RuntimeError):  # its loop is closed
            self._loop.call_soon_threadsafe(self._consumer.stop)

    def _run(self) -> None:
        try:
            self.exit_code = asyncio.run(self._serve())
        except BaseException as error:  # noqa: BLE001 -- handed to whoever waits for the start
            if self._opened.done() and isinstance(error, SettingsError):
                _log.error("consumer_cannot_run", reason=str(error))
            elif self._opened.done():
                _log.exception("consumer_crashed")
            else:
                self._opened.set_exception(error)
        if self._opened.exception() is None and not self._told:
            _log.error("consumer_ended", exit_code=self.exit_code)
            os.kill(os.getpid(), signal.SIGTERM)  # the SDK must take no more requests

    async def _serve(self) -> int:
        settings = self._settings
        async with open_s3_store(settings.s3()) as store:
            handler = RunpodHandler(
                store,
                self._queue,
                link=partial(store.link, expires_s=_LINK_S),
                health=lambda: asdict(self._consumer.health()),
                patience_s=_PATIENCE_S,
            )
            self._opened.set_result((asyncio.get_running_loop(), handler))
            try:
                return await self._consumer.run()
            finally:
                await handler.close()


async def _send_progress(job: Mapping[str, Any], progress: Mapping[str, Any]) -> None:
    """Send an update and wait until it has arrived, which the SDK's `progress_update` lets nobody do."""
    async with AsyncClientSession() as session:
        await send_result(session, {"status": "IN_PROGRESS", "output": progress}, job)


class _Heard:
    """A handler for a signal that tells the consumer before the SDK."""

    def __init__(self, drain: Callable[[], None], theirs: Callable[[int, FrameType | None], object]) -> None:
        self._drain = drain
        self._theirs = theirs

    def __call__(self, number: int, frame: FrameType | None) -> None:
        self._drain()
        self._theirs(number, frame)

"""How a consumer is, judged from its parts whenever somebody asks."""

import asyncio
import sys
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from importlib import metadata
from typing import TYPE_CHECKING

from consumer.config.settings import Settings
from consumer.devices.worker import WorkerThread
from consumer.engines.downloader import ModelDownloader
from consumer.engines.pool import EnginePool
from consumer.jobs.signer import EXPIRES_SOON
from consumer.telemetry.health import Health
from consumer.telemetry.metrics import Metrics
from models.devices import ORT_NAMES, available_providers
from pipeline.signing.port import ResultSigner

if TYPE_CHECKING:
    from consumer.jobs.workspace import Workspaces
    from consumer.runtime.scheduler import Scheduler
    from consumer.runtime.store_check import StoreCheck
    from consumer.triggers.base import Trigger

_NO_TIME = timedelta(0)
_NEEDED_MODULES = ("cv2", "numpy", "onnxruntime", "aioboto3")


class Condition:
    """What one consumer's health and metrics say; never waits, and changes nothing.

    `check`, `workspaces`, `trigger` and `scheduler` come while the consumer starts: whoever makes one sets it
    here. `keeper` tells of downloads, `stopping` is set once the consumer has been told to stop.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        pool: EnginePool,
        keeper: ModelDownloader,
        device: WorkerThread,
        signer: ResultSigner | None,
        metrics: Metrics,
        stopping: asyncio.Event,
    ) -> None:
        self.check: StoreCheck | None = None
        self.workspaces: Workspaces | None = None
        self.trigger: Trigger | None = None
        self.scheduler: Scheduler | None = None
        self._settings = settings
        self._pool = pool
        self._keeper = keeper
        self._device = device
        self._signer = signer
        self._metrics = metrics
        self._stopping = stopping

    def health(self) -> Health:
        """How the consumer is, computed now."""
        settings, pool, scheduler = self._settings, self._pool, self.scheduler
        problems = tuple(self._problems())
        return Health(
            status="unhealthy" if self._hangs else "degraded" if problems else "healthy",
            message=" ".join(problems) or "Ready.",
            problems=problems,
            warnings=tuple(self._warnings()),
            modules_imported=all(name in sys.modules for name in _NEEDED_MODULES),
            models_directory=str(pool.folder or settings.models_dir or settings.cache_folder / "models"),
            engine=asdict(pool.info) if pool.info is not None else None,
            missing_files=pool.missing,
            providers=available_providers(),
            jobs={"in_flight": scheduler.in_flight if scheduler else 0, **self._metrics.ended},
        )

    def measure(self) -> bytes:
        """The metrics in Prometheus' text format, and among them how the consumer is."""
        info = self._pool.info
        facts = {"version": metadata.version("swapdrop"), "engine": "", "provider": ""}
        if info is not None:
            facts |= {"engine": info.name, "provider": info.provider}
        self._metrics.state(ready=self.health().ready, facts=facts)
        return self._metrics.render()

    @property
    def _hangs(self) -> bool:
        return self._device.silent_s >= self._settings.stall_timeout_s

    def _problems(self) -> Iterator[str]:
        if self._hangs:
            yield f"The device has given no sign of life for {self._device.silent_s:.0f} s."
        if self._stopping.is_set() or (self.scheduler is not None and self.scheduler.draining):
            yield "The consumer is stopping."
        yield from self._engine_problems()
        if self._signer is not None and self._signer.expires_at <= datetime.now(UTC):
            yield f"The certificate of {self._signer.signed_by} has expired: nothing can be signed."
        if self.workspaces is not None and self.workspaces.problem is not None:
            yield f"Files of jobs have no place: {self.workspaces.problem}"
        yield from self._source_problems()

    def _engine_problems(self) -> Iterator[str]:
        pool, wanted = self._pool, self._settings.provider
        if pool.problem is not None:
            yield pool.problem
            if self._keeper.downloading:
                yield self._keeper.downloading
        elif pool.info is not None and pool.info.provider != ORT_NAMES[wanted]:
            yield f"The engine runs on {pool.info.provider}, not on {wanted}."

    def _source_problems(self) -> Iterator[str]:
        check, trigger = self.check, self.trigger
        if check is not None and check.problem:
            yield check.problem
        elif trigger is not None and trigger.problem:
            yield trigger.problem
        elif trigger is None or not trigger.polls:
            yield "Where jobs come from has not answered yet."

    def _warnings(self) -> Iterator[str]:
        """What needs somebody soon, and keeps nothing from being done."""
        signer = self._signer
        if signer is not None and _NO_TIME < signer.expires_at - datetime.now(UTC) < EXPIRES_SOON:
            yield f"The certificate of {signer.signed_by} expires on {signer.expires_at:%Y-%m-%d}; renew it."

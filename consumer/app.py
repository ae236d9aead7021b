"""A consumer put together from its settings: one device, one bucket, one inbox."""

import asyncio
import os
import secrets
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

import structlog

from consumer.config.group import SettingsError
from consumer.config.limits import input_policy
from consumer.config.settings import Settings
from consumer.devices.budget import ByteBudget
from consumer.devices.cpu_threads import CpuThreads
from consumer.devices.worker import WorkerThread
from consumer.engines.downloader import ModelDownloader
from consumer.engines.pool import EnginePool
from consumer.engines.registry import EngineRegistry, open_registry
from consumer.jobs.context import JobKind
from consumer.jobs.denylist import DenylistKeeper
from consumer.jobs.kinds import KINDS
from consumer.jobs.node import open_cluster
from consumer.jobs.opening import open_bucket_services
from consumer.jobs.services import JobServices, job_services, segment_processes
from consumer.jobs.signer import open_signer
from consumer.jobs.workspace import Workspaces
from consumer.runtime.beside import running_beside
from consumer.runtime.condition import Condition
from consumer.runtime.decisions import told_to
from consumer.runtime.rounds import make_rounds
from consumer.runtime.runner import JobRunner
from consumer.runtime.scheduler import Exit, Scheduler
from consumer.runtime.signals import stopped_by_signals
from consumer.runtime.start import kept_from_work, tell_of_start
from consumer.runtime.store_check import StoreCheck
from consumer.runtime.watchdog import watch
from consumer.telemetry.health import Health, HealthServer
from consumer.telemetry.metrics import Metrics
from consumer.telemetry.opening import check_traces, open_tracing
from consumer.telemetry.tracing import Traces
from consumer.triggers.base import Trigger
from consumer.triggers.opening import open_triggers
from consumer.triggers.queue_port import Queue
from consumer.webhooks.opening import open_webhooks
from consumer.webhooks.sender import Webhooks
from models.errors import ModelUnavailable
from storage.audit import AuditLog
from storage.inbox.inbox import Inbox
from storage.inputs.fetch import InputFetcher
from storage.lease.leases import Leases
from storage.parts import Parts
from storage.scratch import BucketScratches
from storage.stores.port import ObjectStore
from storage.stores.s3_settings import S3Settings
from storage.upkeep.rounds import Rounds

if TYPE_CHECKING:
    from storage.stores.s3_store import Observer

EXIT_DRAINED = 0
EXIT_SICK = 1

OpenStore = Callable[["Observer"], AbstractAsyncContextManager[ObjectStore]]

_log = structlog.get_logger()


class Consumer:
    """Works on the jobs of one bucket until told to stop.

    `open_store`, `registry` and `queue` stand in for the configured bucket, engines and queue, `kinds` for
    the kinds of job that are done. Signals are listened to only in the main thread; elsewhere set
    `listen_to_signals` to false. Engines are opened on the device's thread and used on no other. A model that
    cannot be had leaves the consumer degraded: it runs, says what is missing, goes on looking for it, and
    fails only the jobs that need it. Raises SettingsError where no bucket is set, an extra or the file of a
    content filter that is asked for is missing, or results cannot be signed as they are to be.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        open_store: OpenStore | None = None,
        registry: EngineRegistry | None = None,
        kinds: Mapping[str, JobKind] = KINDS,
        queue: Queue | None = None,
        listen_to_signals: bool = True,
    ) -> None:
        self.owner = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
        self.metrics = Metrics()
        self.health_url: str | None = None
        check_traces(settings)
        self._settings = settings
        self._open_store = open_store or partial(_open_s3_store, settings.s3())
        self._signer = open_signer(settings)
        if self._signer is not None:
            self.metrics.signing_until(self._signer.expires_at)
        self._checks_store = open_store is None
        registry = registry or open_registry(settings)
        self._device = WorkerThread(name="device-0")
        try:
            self._pool = EnginePool(registry, self._device, log=_log.info)
        except ModelUnavailable as error:
            raise SettingsError(str(error)) from error
        self._keeper = ModelDownloader(self._pool, registry.pull, retry_s=settings.models_retry_s)
        self._memory = ByteBudget(settings.decoded_budget_bytes)
        self._processes = segment_processes(settings)
        self._queue = queue
        self._kinds = kinds
        self._listening = listen_to_signals
        self._scheduler: Scheduler | None = None
        self._stopping = asyncio.Event()
        self._condition = Condition(
            settings,
            pool=self._pool,
            keeper=self._keeper,
            device=self._device,
            signer=self._signer,
            metrics=self.metrics,
            stopping=self._stopping,
        )

    async def run(self) -> int:
        """Work until `stop`, SIGTERM or SIGINT; a second signal gives jobs in flight back at once.

        Returns 0 after a drain, 1 when this machine is sick and should be replaced.
        """
        settings = self._settings
        async with AsyncExitStack() as stack:
            server = HealthServer(
                self.health, self._condition.measure, host=settings.health_host, port=settings.health_port
            )
            self.health_url = (await stack.enter_async_context(server)).url
            if self._listening:
                stack.enter_context(stopped_by_signals(self.stop))
            stack.callback(self._device.close)
            # The models load on the device's thread while this one prepares the bucket.
            opening = asyncio.create_task(self._pool.start())
            stack.callback(opening.cancel)
            await asyncio.sleep(0)  # without it the models would wait for the loop's first pause
            store = await stack.enter_async_context(self._open_store(self.metrics.store_call))
            checking = asyncio.create_task(self._store_passes(store))
            stack.callback(checking.cancel)
            fetcher = await stack.enter_async_context(InputFetcher(store, policy=input_policy(settings)))
            cpu = CpuThreads(settings.cpu_threads)
            stack.callback(cpu.shutdown, wait=False, cancel_futures=True)
            webhooks = await stack.enter_async_context(
                open_webhooks(settings.webhook_secret, observe=self.metrics.webhook_ended)
            )
            workspaces = self._condition.workspaces = stack.enter_context(
                Workspaces(settings.work_folder, settings.disk_budget_bytes)
            )
            cluster = open_cluster(settings, partial(open_bucket_services, bucket=settings.bucket), stack)
            services = job_services(
                settings,
                kinds=self._kinds,
                pool=self._pool,
                inputs=fetcher,
                device=self._device,
                cpu=cpu,
                memory=self._memory,
                processes=self._processes,
                cluster=cluster,
                workspaces=workspaces,
                scratches=BucketScratches(store),
                parts=Parts(store),
                read_denylist=DenylistKeeper(store, self._pool.protected).refresh,
                signer=self._signer,
            )
            trigger = self._condition.trigger = await stack.enter_async_context(
                open_triggers(settings, store, self.metrics.inbox_seen, self._queue)
            )
            traces = stack.enter_context(open_tracing(settings, owner=self.owner))
            audit = AuditLog(store, self.owner) if settings.audit else None
            self._scheduler = self._schedule(store, services, trigger, webhooks, traces, audit)
            self._condition.scheduler = self._scheduler
            return await self._work(opening, checking, self._scheduler, workspaces, store, audit)

    def stop(self) -> None:
        """Take no more jobs and end when those in flight are done; called again, give them back at once."""
        again = self._stopping.is_set()
        self._stopping.set()
        if self._scheduler is not None:
            (self._scheduler.release if again else self._scheduler.drain)()

    @property
    def decoded_bytes(self) -> int:
        """Memory that decoded pictures hold now."""
        return self._memory.held_bytes

    def health(self) -> Health:
        """How this consumer is, computed now."""
        return self._condition.health()

    async def _work(
        self,
        opening: asyncio.Task[None],
        checking: asyncio.Task[bool],
        scheduler: Scheduler,
        workspaces: Workspaces,
        store: ObjectStore,
        audit: AuditLog | None,
    ) -> int:
        tell_of_start(self._settings, self._pool, owner=self.owner, health_url=self.health_url)
        reason = await kept_from_work(opening, checking, self._stopping)
        if reason is None:
            with running_beside(
                scheduler,
                self._keeper.run(),
                workspaces.keep_asking(),
                watch(scheduler, self._device, self._settings, children=lambda: self._processes.pids),
                make_rounds(self._rounds(store, audit), self.metrics),
            ):
                reason = await scheduler.run()
            _log.info("stopped", reason=reason.value, jobs=dict(self.metrics.ended))
        return EXIT_SICK if reason is Exit.SICK else EXIT_DRAINED

    async def _store_passes(self, store: ObjectStore) -> bool:
        """Whether the configured store may be worked with; one that was handed in is its giver's affair."""
        if not self._checks_store:
            return True
        s3 = self._settings.s3()
        check = self._condition.check = StoreCheck(store, s3.bucket, key_pause_s=s3.key_pause_s)
        return await check.passed()

    def _rounds(self, store: ObjectStore, audit: AuditLog | None) -> Rounds:
        told = told_to(audit, owner=self.owner, on=lambda: self._pool.checks)
        # Each consumer begins elsewhere, so that many are through sooner.
        return Rounds(store, Inbox(store), self._leases(store), start=secrets.token_hex(1), told=told)

    def _leases(self, store: ObjectStore) -> Leases:
        return Leases(store, owner=self.owner, policy=self._settings.lease_policy())

    def _schedule(
        self,
        store: ObjectStore,
        services: JobServices,
        trigger: Trigger,
        webhooks: Webhooks | None,
        traces: Traces,
        audit: AuditLog | None,
    ) -> Scheduler:
        settings = self._settings
        runner = JobRunner(
            leases=self._leases(store),
            services=services,
            metrics=self.metrics,
            owner=self.owner,
            checks=lambda: self._pool.checks,
            audit=audit,
            webhooks=webhooks,
            traces=traces,
        )
        scheduler = Scheduler(
            trigger.tickets,
            runner,
            max_in_flight=settings.max_in_flight,
            drain_grace_s=settings.drain_grace_s,
        )
        self.metrics.watch(in_flight=lambda: scheduler.in_flight, device_busy_s=lambda: self._device.busy_s)
        return scheduler


@asynccontextmanager
async def _open_s3_store(settings: S3Settings, observer: "Observer") -> AsyncIterator[ObjectStore]:
    # Its import takes about as long as opening the engine, which the device's thread does meanwhile.
    from storage.stores.s3_store import open_s3_store  # noqa: PLC0415 - see above

    async with open_s3_store(settings, observer) as store:
        yield store

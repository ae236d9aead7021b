"""The means of jobs opened from the settings, where no consumer is made: on local files, or on a bucket."""

from collections.abc import AsyncIterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, asynccontextmanager
from typing import Final

from consumer.config.group import SettingsError
from consumer.config.limits import input_policy
from consumer.config.settings import Settings
from consumer.devices.budget import ByteBudget
from consumer.devices.worker import WorkerThread
from consumer.engines.pool import EnginePool
from consumer.engines.registry import EngineRegistry, open_registry
from consumer.jobs.context import JobKind
from consumer.jobs.kinds import KINDS
from consumer.jobs.scratch import Scratches
from consumer.jobs.services import Inputs, JobServices, OrderActors, job_services, segment_processes
from consumer.jobs.signer import open_signer
from consumer.jobs.workspace import Workspaces
from pipeline.swap.request import FaceFilter
from storage.inputs.fetch import InputFetcher
from storage.scratch import BucketScratches

_CPU_THREADS: Final = 3  # one decodes, one encodes, and one more for the job beside


@asynccontextmanager
async def open_services(
    settings: Settings,
    *,
    inputs: Inputs,
    scratches: Scratches,
    face_filter: FaceFilter | None = None,
    kinds: Mapping[str, JobKind] = KINDS,
    registry: EngineRegistry | None = None,
    cluster: OrderActors | None = None,
) -> AsyncIterator[JobServices]:
    """Threads, budgets and a work folder; no engine is opened before a job needs it.

    `face_filter` goes before the one in the settings, `registry` stands in for the configured engines.
    Raises as `open_registry`.
    """
    registry = registry or open_registry(settings)
    with ExitStack() as stack:
        device = WorkerThread(name="device-0")
        stack.callback(device.close)
        yield job_services(
            settings,
            kinds=kinds,
            pool=EnginePool(registry, device),
            inputs=inputs,
            device=device,
            cpu=stack.enter_context(ThreadPoolExecutor(_CPU_THREADS, "cpu")),
            memory=ByteBudget(settings.decoded_budget_bytes),
            processes=segment_processes(settings),
            cluster=cluster,
            workspaces=stack.enter_context(Workspaces(settings.work_folder, settings.disk_budget_bytes)),
            scratches=scratches,
            signer=open_signer(settings),
            face_filter=face_filter,
        )


@asynccontextmanager
async def open_bucket_services(
    settings: Settings, *, bucket: str | None, registry: EngineRegistry | None = None
) -> AsyncIterator[JobServices]:
    """... on the bucket that the settings name, which must be `bucket`; raises SettingsError if it is not."""
    if settings.bucket != bucket:
        raise SettingsError(f"SWAPDROP_BUCKET must be {bucket} on all machines of a cluster.")
    from storage.stores.s3_store import open_s3_store  # noqa: PLC0415 -- slow to import

    async with (
        open_s3_store(settings.s3()) as store,
        InputFetcher(store, policy=input_policy(settings)) as inputs,
        open_services(
            settings, inputs=inputs, scratches=BucketScratches(store), registry=registry
        ) as services,
    ):
        yield services

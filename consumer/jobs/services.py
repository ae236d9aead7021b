"""What all jobs of a process share, as far as the settings decide it."""

from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import Executor
from importlib import metadata

from consumer.config.limits import face_filter_of, picture_limits, size_limit, video_limits
from consumer.config.settings import Settings
from consumer.devices.budget import ByteBudget
from consumer.devices.cores import usable_cores
from consumer.devices.processes import Processes
from consumer.devices.worker import WorkerThread
from consumer.engines.pool import EnginePool
from consumer.jobs.context import Inputs, JobKind, JobServices
from consumer.jobs.scratch import Scratches
from consumer.jobs.video.worker import SegmentProcesses, SegmentWorker
from consumer.jobs.workspace import Workspaces
from pipeline.media.video.colour import ToneMapper
from pipeline.media.video.encoders import EncoderTrials
from pipeline.signing.port import ResultSigner
from pipeline.swap.request import FaceFilter


async def _no_list() -> None:
    """Where there is no bucket there is no list."""


def job_services(
    settings: Settings,
    *,
    kinds: Mapping[str, JobKind],
    pool: EnginePool,
    inputs: Inputs,
    device: WorkerThread,
    cpu: Executor,
    memory: ByteBudget,
    processes: SegmentProcesses,
    workspaces: Workspaces,
    scratches: Scratches,
    read_denylist: Callable[[], Awaitable[None]] = _no_list,
    signer: ResultSigner | None = None,
    face_filter: FaceFilter | None = None,
) -> JobServices:
    """Put together what is given and what the settings say; `face_filter` goes before theirs.

    Without `read_denylist` nobody is protected.
    """
    return JobServices(
        kinds=kinds,
        pool=pool,
        inputs=inputs,
        device=device,
        cpu=cpu,
        memory=memory,
        processes=processes,
        workspaces=workspaces,
        scratches=scratches,
        limits=picture_limits(settings),
        video_limits=video_limits(settings),
        segment_timeout_s=settings.segment_timeout_s,
        tone_mapper=ToneMapper(),
        encoder_trials=EncoderTrials(),
        size_limit=size_limit(settings),
        face_filter=face_filter or face_filter_of(settings),
        read_denylist=read_denylist,
        paste=settings.paste,
        max_pixel_boost=settings.max_pixel_boost,
        require_consent=settings.require_consent,
        signer=signer,
        operator=settings.operator,
        version=metadata.version("swapdrop"),
        stall_timeout_s=settings.stall_timeout_s,
    )


def segment_processes(settings: Settings) -> SegmentProcesses:
    """What makes segments of videos beside this process; none of them is started yet."""
    return Processes(SegmentWorker, most=settings.video_processes or usable_cores())

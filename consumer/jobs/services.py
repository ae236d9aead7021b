"""What all jobs of a process share, put together from what is given and what the settings say."""

from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from importlib import metadata
from typing import TYPE_CHECKING, Any, Literal, Protocol

from consumer.cluster.actors import RayActor, RayActors
from consumer.config.limits import face_filter_of, picture_limits, size_limit, video_limits
from consumer.config.settings import Settings
from consumer.devices.budget import ByteBudget
from consumer.devices.memory import processes_for_segments
from consumer.devices.processes import Processes
from consumer.devices.worker import WorkerThread
from consumer.engines.pool import EnginePool
from consumer.jobs.scratch import Scratches
from consumer.jobs.video.worker import SegmentProcesses, SegmentWorker
from consumer.jobs.workspace import Workspaces
from pipeline.blend.paste import PasteMode
from pipeline.label.label import Label
from pipeline.media.pictures.decode import Limits
from pipeline.media.video.colour import ToneMapper
from pipeline.media.video.encoders import EncoderTrials
from pipeline.media.video.limits import VideoLimits
from pipeline.signing.port import ResultSigner
from pipeline.swap.request import FaceFilter
from storage.inputs.arrival import OnBytes, SizeLimit
from storage.inputs.fetch import FetchedInput
from storage.inputs.spool import Spool
from storage.parts import Parts

if TYPE_CHECKING:
    from consumer.jobs.context import JobKind

OrderActor = RayActor[Any, Any, int]
OrderActors = RayActors[Any, Any, int]
"""Actors that carry out orders of `consumer.jobs.node`."""


class Inputs(Protocol):
    """Where a job's files come from."""

    async def fetch(
        self,
        reference: str,
        *,
        job_folder: str | None,
        max_bytes: int | SizeLimit,
        spool: Spool,
        on_bytes: OnBytes,
    ) -> FetchedInput:
        """Fetch one file whole, to memory or to the spool's disk; raises StorageError."""
        ...


@dataclass(kw_only=True)
class JobServices:
    """What all jobs of a process share."""

    #: The kinds of job that are done here, by `process_type`.
    kinds: Mapping[str, "JobKind"]
    pool: EnginePool
    inputs: Inputs
    #: The thread that may use the device.
    device: WorkerThread
    #: Threads that decode and encode.
    cpu: Executor
    #: Memory for pixels.
    memory: ByteBudget
    #: What makes segments of videos, where that is not done on the device's thread.
    processes: SegmentProcesses
    #: What makes them on other machines; None where they are made on this one.
    cluster: OrderActors | None
    workspaces: Workspaces
    #: What attempts leave for one another.
    scratches: Scratches
    #: Jobs that parts of one job are, None where there is no bucket; and who makes the segments of videos.
    parts: Parts | None
    executor: Literal["local", "bucket", "ray"]
    #: The largest picture and the largest video that are decoded.
    limits: Limits
    video_limits: VideoLimits
    #: Seconds within which a segment of a video must be done, waits for the device included.
    segment_timeout_s: float
    #: What brings HDR frames to ordinary ones.
    tone_mapper: ToneMapper
    #: Which video encoders work on this machine.
    encoder_trials: EncoderTrials
    #: The largest file that is fetched, by its kind of media.
    size_limit: SizeLimit
    #: Which faces of a target count.
    face_filter: FaceFilter
    #: Sees to it that the engines know who is never put in: reads the bucket's list again, if it is time.
    #: Raises DenylistUnreadable, StoreUnavailable.
    read_denylist: Callable[[], Awaitable[None]]
    #: How swapped crops go back; the operator's choice.
    paste: PasteMode
    #: The most that a job's `pixel_boost` may be; the operator's choice too.
    max_pixel_boost: int
    #: Whether a face is put onto another only where all who are shown are said to agree; likewise.
    require_consent: bool
    #: What is painted onto results, None where nothing is.
    label: Label | None
    #: Who signs results, None where they are not signed.
    signer: ResultSigner | None
    #: Who runs this service, and which version of it, as marks in results say.
    operator: str
    version: str
    #: Seconds without a sign of life after which the device counts as hanging.
    stall_timeout_s: float


async def _no_list() -> None:
    """Where there is no bucket there is no list."""


def job_services(
    settings: Settings,
    *,
    kinds: Mapping[str, "JobKind"],
    pool: EnginePool,
    inputs: Inputs,
    device: WorkerThread,
    cpu: Executor,
    memory: ByteBudget,
    processes: SegmentProcesses,
    cluster: OrderActors | None = None,
    workspaces: Workspaces,
    scratches: Scratches,
    parts: Parts | None = None,
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
        cluster=cluster,
        workspaces=workspaces,
        scratches=scratches,
        parts=parts,
        executor=settings.executor,
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
        label=settings.painted_label(),
        signer=signer,
        operator=settings.operator,
        version=metadata.version("swapdrop"),
        stall_timeout_s=settings.stall_timeout_s,
    )


def segment_processes(settings: Settings) -> SegmentProcesses:
    """What makes segments of videos beside this process; none of them is started yet."""
    return Processes(SegmentWorker, most=processes_for_segments(settings))

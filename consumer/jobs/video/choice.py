"""Who makes the segments of a video: this process, processes beside it, or actors of a cluster."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from consumer.engines.pool import LoadedEngine
from consumer.jobs.context import JobContext
from consumer.jobs.video.errands import ClusterMaker
from consumer.jobs.video.frames import frame_bytes
from consumer.jobs.video.makers import OtherProcesses, OwnThreads, SegmentMaker
from consumer.jobs.video.render import VideoWork
from consumer.jobs.whereabouts import entering
from models.devices import ORT_NAMES
from pipeline.media.video.probe import VideoFile


def segment_maker(
    context: JobContext, loaded: LoadedEngine, work: VideoWork, *, segments: int
) -> SegmentMaker:
    """Choose who makes so many segments; within `makers_kept`."""
    cluster = context.services.cluster
    if cluster is not None:
        return ClusterMaker(context, cluster, loaded, work, segments=segments)
    at_once = _processes(context, loaded, work.video, segments)
    return OtherProcesses(context, loaded, work, at_once) if at_once else OwnThreads(context, loaded, work)


@asynccontextmanager
async def makers_ahead(
    context: JobContext, loaded: LoadedEngine, video: VideoFile, *, segments: int
) -> AsyncIterator[None]:
    """Have the processes or actors start that will make so many segments, and keep them within the block.

    One takes a second and more until it can work: it may as well do that while people are looked for.
    """
    services = context.services
    async with makers_kept(context):
        if services.cluster is not None:
            await services.cluster.prepare(segments)
        else:
            await services.processes.prepare(_processes(context, loaded, video, segments))
        yield


def makers_kept(context: JobContext) -> AbstractAsyncContextManager[None]:
    """Keep whoever makes segments, once started, within the block; raises ClusterUnavailable."""
    services = context.services
    if services.cluster is None:
        return services.processes.kept()
    return entering(services.cluster.kept(), context.unmeasured())  # as long as a cluster takes to start


def _processes(context: JobContext, loaded: LoadedEngine, video: VideoFile, segments: int) -> int:
    """How many processes make so many segments; 0 where this one does.

    They are for engines on the CPU, which one interpreter does not keep busy; a GPU is used by one. There
    are no more of them than their frames have memory for.
    """
    services = context.services
    at_once = min(segments, services.processes.most, services.memory.places(frame_bytes(video)))
    is_gain = at_once > 1 and loaded.engine.info.provider == ORT_NAMES["cpu"]
    return at_once if is_gain else 0

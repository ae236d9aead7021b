"""Segments made on other machines: where their files lie is what travels, and what is done to them.

An actor fetches the target of a job once, by its name in the manifest, makes one segment after the other with
its own machine's engine, and keeps each where this machine finds it: in the job's scratch.
"""

import socket
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from consumer.engines.pool import LoadedEngine
from consumer.jobs.context import JobContext
from consumer.jobs.node import Node
from consumer.jobs.pixels import Finish
from consumer.jobs.services import JobServices, OrderActors
from consumer.jobs.video.files import GrowingFile, guess_bytes, keep_segment, on_disk
from consumer.jobs.video.makers import OwnThreads
from consumer.jobs.video.means import FrameCount
from consumer.jobs.video.render import VideoWork
from pipeline.errors import PipelineError
from pipeline.media.video.encode import EXTENSION
from pipeline.media.video.segments import Segment
from pipeline.swap.timing import Timings
from storage.errors import InputNotFound
from storage.records.manifest import Manifest


class MachineDiffers(PipelineError):
    """A machine of the cluster has other files than the one that gave the order."""

    @property
    def for_sender(self) -> str:
        """Without what only whoever runs the machines can mend."""
        return "A part of the video could not be made."


@dataclass(frozen=True, kw_only=True, eq=False)
class SegmentErrand:
    """A segment to be made on another machine and kept; an `Order`, whose answer is milliseconds by stage."""

    manifest: Manifest
    job_id: str
    job_folder: str | None
    #: The sha256 of the target, and what the engine is, as `identity` says.
    target: str
    engine: Mapping[str, object]
    work: VideoWork
    segment: Segment

    async def __call__(self, node: Node) -> Mapping[str, float]:
        """Make it there; raises MachineDiffers, InputNotFound, and as `render` and `JobContext.engine`."""
        plan = await node.plan(self.job_id, self.work.plan_id, partial(self._context, node))
        context = plan.context
        context.timings = Timings()
        async with context.living():
            loaded = await self._engine(context)
            plan.target = plan.target or await self._target(context)
            video = replace(self.work.video, path=plan.target)
            work = replace(self.work, video=video, finish=self._finish(context))
            await self._make_and_keep(context, OwnThreads(context, loaded, work), node.count)
        return context.timings.ms

    async def _make_and_keep(self, context: JobContext, maker: OwnThreads, count: FrameCount) -> None:
        room = GrowingFile(context, guess_bytes(self.work.plan, self.segment))
        await room.hold()
        path = context.workspace.path(f"segment-{self.segment.number}.{EXTENSION}")
        scratch = context.scratch(self.work.plan_id)
        try:
            async with maker.memory():
                written, facts = await maker.make(self.segment, path, count)
            await room.settle(written.size_bytes)
            await keep_segment(context, scratch, self.segment.number, path, facts)
        finally:  # the context goes on to other segments
            path.unlink(missing_ok=True)
            await room.settle(0)

    def _context(self, node: Node, services: JobServices) -> JobContext:
        return JobContext(
            services,
            self.manifest,
            job_id=self.job_id,
            output_id="",
            report=node.show_life,
            job_folder=self.job_folder,
        )

    async def _engine(self, context: JobContext) -> LoadedEngine:
        options = self.manifest.options
        with context.unmeasured():
            loaded = await context.engine(options.engine, enhance=options.use_face_enhancer)
        if identity(loaded) != self.engine:
            raise MachineDiffers(
                f"{socket.gethostname()} would do it with {identity(loaded)}, and this machine with "
                f"{self.engine}. All machines of a cluster need the same model files."
            )
        return loaded

    def _finish(self, context: JobContext) -> Finish:
        """What is done to frames in the end, by that machine's own network."""
        finish, hider = self.work.finish, context.services.pool.watermarker
        if finish.watermark is None:
            return finish
        if hider is None or hider.model != finish.watermark.hider.model:
            raise MachineDiffers(
                f"{socket.gethostname()} does not have the watermark's file that this machine has. All "
                "machines of a cluster need the same model files."
            )
        return replace(finish, watermark=replace(finish.watermark, hider=hider))

    async def _target(self, context: JobContext) -> Path:
        """Where the target lies on that machine; fetched with the first segment of a plan."""
        name, here = self.manifest.target, socket.gethostname()
        try:
            fetched = (await context.fetch(name))[name]
        except InputNotFound as error:
            raise InputNotFound(
                f"{error} So says {here}; all machines of a cluster must see the same files."
            ) from error
        if fetched.sha256 != self.target:
            raise MachineDiffers(f"The target is another one on {here}, or was replaced meanwhile.")
        return await on_disk(context, fetched)


class ClusterMaker:
    """Makes them by the actors of a cluster, which other jobs may have some of."""

    keeps = True

    def __init__(
        self,
        context: JobContext,
        cluster: OrderActors,
        loaded: LoadedEngine,
        work: VideoWork,
        *,
        segments: int,
    ) -> None:
        self.at_once = max(1, min(segments, cluster.most + 1))  # while one is fetched, others are made
        self._context, self._cluster = context, cluster
        manifest = context.manifest
        self._errand = partial(
            SegmentErrand,
            manifest=manifest,
            job_id=context.job_id,
            job_folder=context.job_folder,
            target=context.files.hashes[manifest.target],
            engine=identity(loaded),
            work=work,
        )

    def memory(self) -> AbstractAsyncContextManager[None]:
        """None of this machine's."""
        return nullcontext()

    async def make(self, segment: Segment, path: Path, count: FrameCount) -> None:
        """Have one made and kept; see `SegmentErrand`. Raises ActorLost and ClusterUnavailable, too."""
        del path
        told = 0

        def tell(frames: int) -> None:
            nonlocal told
            count.add(frames - told)  # fewer than before where the actor had to begin again
            told = frames

        async with self._context.actor(self._cluster) as actor:
            self._context.timings.add(await actor.do(self._errand(segment=segment), tell))


def identity(loaded: LoadedEngine) -> Mapping[str, object]:
    """What of an engine its pixels depend on, wherever it runs."""
    info, hands = loaded.engine.info, loaded.swapper.hands
    return {
        "engine": info.name,
        "version": info.version,
        "models": {**info.models, **loaded.enhancer_models, **(hands.models if hands else {})},
    }

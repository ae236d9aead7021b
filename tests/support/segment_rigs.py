"""Each executor of a video's segments with a video of its own, for the tests that all of them must pass."""

import os
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal
from unittest.mock import patch

import pytest

from consumer.client.local import LocalJobs, open_local_jobs
from consumer.config.settings import Settings
from consumer.engines.pool import LoadedEngine
from consumer.jobs.context import JobContext
from consumer.jobs.parts import PartMade, SharedOut
from consumer.jobs.pixels import Finish, Watermark
from consumer.jobs.video.render import VideoWork
from consumer.jobs.video.segments import LocalSegments, SegmentDone, SegmentExecutor
from consumer.jobs.video.shared import PartOfSegments, SharedSegments
from pipeline.engines.base import AnyEngine
from pipeline.errors import OutputInvalid, PipelineError
from pipeline.label.label import label_in
from pipeline.media.video.encoders import encoder_line
from pipeline.media.video.probe import open_video
from pipeline.media.video.segments import plan_segments
from storage import keys
from storage.parts import Parts
from storage.records.manifest import read_manifest
from storage.records.status import Progress
from storage.stores.memory_store import MemoryStore
from tests.support.engines import OneEngine
from tests.support.reels import ReelEngine, across, reel, reel_swap, seen, still
from tests.support.standins.watermark import watermarker
from tests.support.videos import LIMITS

Kind = Literal["own threads", "processes", "bucket", "ray"]
LOCAL_KINDS: tuple[Kind, ...] = ("own threads", "processes", "bucket")
KINDS: tuple[Kind, ...] = (*LOCAL_KINDS, "ray")
LEFT_BY_RAY = pytest.mark.filterwarnings("ignore:subprocess .* is still running:ResourceWarning")
"""On a busy machine: a start that Ray gives up leaves processes unheard, which end by themselves."""
PLAN = "0" * 64
KEPT = f"work/segments/job/{PLAN}"
"""Where segments lie for later attempts, below the folder of a rig."""
SEGMENTS = 5
FRAMES = 20
"""Of each segment."""


@dataclass(kw_only=True)
class Rig:
    """An executor, and the job that it works for."""

    context: JobContext
    executor: SegmentExecutor
    work: VideoWork
    #: What was told of the job.
    told: list[Progress] = field(default_factory=list)
    #: Who makes its segments: the job itself, and its parts.
    makers: list[JobContext] = field(default_factory=list)

    @property
    def stages(self) -> set[str]:
        """The stages whose time was measured."""
        return {stage for maker in self.makers for stage in maker.timings.ms}

    @property
    def pids(self) -> tuple[int, ...]:
        """The processes that there are beside this one."""
        services = self.context.services
        return (services.processes if services.cluster is None else services.cluster).pids


class ByParts:
    """Shares segments out, and makes the parts one after the other, as consumers of the bucket would."""

    def __init__(self, jobs: LocalJobs, rig: Rig, loaded: LoadedEngine) -> None:
        self._jobs, self._rig, self._loaded = jobs, rig, loaded
        self._store = MemoryStore()
        self._parent = SharedSegments(rig.context, loaded, Parts(self._store))

    async def run(self, work: VideoWork) -> Sequence[SegmentDone]:
        """Share them out, make the parts, and go on with the job."""
        with suppress(SharedOut):
            return await self._parent.run(work)
        for entry in (await self._store.list(keys.INBOX)).objects:
            manifest = read_manifest((await self._store.get(entry.key, max_bytes=1 << 20)).body)
            assert manifest.part is not None
            context = self._jobs.context(manifest, output_id="part", report=self._tell)
            self._rig.makers.append(context)
            async with context:
                with suppress(PartMade, PipelineError):
                    await PartOfSegments(context, self._loaded, manifest.part).run(work)
            await self._store.delete([entry.key])
        return await self._parent.run(work)

    def _tell(self, _stage: str, progress: Progress) -> None:
        self._rig.told.append(progress)


@asynccontextmanager
async def open_rig(
    kind: Kind,
    folder: Path,
    engine: Callable[[], AnyEngine] = ReelEngine,
    **settings: Any,  # noqa: ANN401 -- any setting
) -> AsyncIterator[Rig]:
    """A job on a reel of five segments; `folder` keeps what attempts leave for one another."""
    clip = folder / "clip.mp4"
    if not clip.exists():
        reel(clip, {0: across(), 2: seen(still(100, 60), 76, 90)}, frames=SEGMENTS * FRAMES)
    video = open_video(clip, LIMITS)
    hider = watermarker(folder)
    work = VideoWork(
        video=video,
        plan=plan_segments(video, encoder_line("libx264", 18), segment_s=1.0),
        plan_id=PLAN,
        swap=reel_swap(chosen=(0, 1)),
        finish=Finish(
            label=label_in("en", "bottom-right"), watermark=Watermark(mark_id="0123abcd", hider=hider)
        ),
    )
    if kind == "ray" and find_spec("ray") is None:
        (pytest.fail if "CI" in os.environ else pytest.skip)("Ray is not installed")
    chosen = Settings(
        work_dir=folder / "work",
        executor="ray" if kind == "ray" else "local",
        video_processes=1 if kind in {"own threads", "bucket"} else 2,
        **settings,
    )
    manifest = read_manifest({"process_type": "single-video", "source": str(clip), "target": str(clip)})
    told: list[Progress] = []
    async with (
        open_local_jobs(chosen, registry=OneEngine(engine, watermarker=hider)) as jobs,
        jobs.context(
            manifest, output_id="job", report=lambda _stage, progress: told.append(progress)
        ) as context,
    ):
        await context.fetch(manifest.target)
        if jobs.services.cluster is not None:
            async with jobs.services.cluster.kept():
                pass  # a Ray takes longer to start than tests wait for frames
        told.clear()
        loaded = await context.engine("auto")
        rig = Rig(context=context, executor=LocalSegments(context, loaded), work=work, told=told)
        rig.makers.append(context)
        if kind == "bucket":
            rig.executor = ByParts(jobs, rig, loaded)
        with patch("consumer.jobs.video.shared.LEAST_SEGMENTS", 2):  # so that five segments are two parts
            yield rig


class Marked(ReelEngine):
    """An engine that fails in the fourth segment, where the second person comes, once others were made."""

    def __init__(self, folder: Path, after: Iterable[int] = ()) -> None:
        super().__init__(on_swap=self._look)
        self._awaited = [folder / f"{KEPT}/{number}.json" for number in after]
        self._faces = 0

    def find_faces(self, picture: Any) -> Any:  # noqa: ANN401 -- see ReelEngine
        faces = super().find_faces(picture)
        self._faces = max(self._faces, len(faces))
        return faces

    def _look(self) -> None:
        if self._faces > 1:
            while not all(path.exists() for path in self._awaited):
                time.sleep(0.01)
            self.fail()

    def fail(self) -> None:
        raise OutputInvalid("as was to be expected")


class Killed(Marked):
    """... by being killed."""

    def fail(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)


class KilledOnce(Killed):
    """... the first time."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._mark = folder / "killed"

    def fail(self) -> None:
        if not self._mark.exists():
            self._mark.touch()
            super().fail()


class Slow(ReelEngine):
    """An engine that takes a tenth of a second for a face."""

    def __init__(self) -> None:
        super().__init__(swap_s=0.1)

"""Send clips through whole video jobs, each in a process of its own, and tell how they ended.

Run as `python -m tests.corpus.clips.judge FOLDER`: reads the clips of a folder, whose names say which job is
meant (`NUMBER.JOB.ENGINE.EXTENSION`), and prints one JSON line for each.
"""

import asyncio
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np

from consumer.client.local import LocalJobs, open_local_jobs
from consumer.config.settings import Settings
from consumer.jobs.video.frames import frame_bytes
from models.errors import ModelError
from pipeline.engines.base import AnyEngine
from pipeline.engines.mesh.engine import open_mesh_engine
from pipeline.errors import InputError
from pipeline.face import Array, Bgr, Face
from pipeline.media.video.limits import VideoLimits
from pipeline.media.video.probe import open_video
from storage.errors import StorageError
from storage.records.detection import read_detection
from storage.records.manifest import Manifest, read_manifest
from tests.corpus.clips.look import Seen, look
from tests.corpus.forks import Verdict, judge_in_forks
from tests.corpus.item import RESULT
from tests.support.engines import FlatEngine, OneEngine, picture, png
from tests.support.faces import hopper

LIMITS = VideoLimits(max_bytes=20_000_000, max_pixels=1_000_000, max_frames=2000, max_seconds=3600)
TIMEOUT_S = 60
SOURCE_BGR = (10, 200, 30)
_SHARE = 3
"""A face is a third as wide and as high as the picture in whose middle it is."""
_JOB = "job"


@dataclass(frozen=True, kw_only=True)
class ClipVerdict(Verdict):
    """How a clip's job ended.

    Attributes:
        seen: what its result shows.
        told: how many frames and faces its record tells of.
        left: the files that the job has left behind.
    """

    seen: Seen | None = None
    told: tuple[int | None, int | None] = None, None
    left: tuple[str, ...] = ()


class AnywhereEngine(FlatEngine):
    """Finds one face in the middle of any picture, and keeps it where it is."""

    def find_faces(self, picture: Bgr) -> list[Face]:
        height, width = picture.shape[:2]
        left, top = width // _SHARE, height // _SHARE
        right, bottom = max(left + 1, width - left), max(top + 1, height - top)
        bbox = np.array((left, top, right, bottom), np.float32)
        kps = np.array(((0.3, 0.4), (0.7, 0.4), (0.5, 0.6), (0.35, 0.8), (0.65, 0.8)), np.float32)
        return [Face(bbox=bbox, score=0.9, kps=kps * (right - left, bottom - top) + (left, top))]

    def glance(self, picture: Bgr) -> Array:
        return np.array([(*face.bbox, face.score) for face in self.find_faces(picture)], np.float32)

    def refine(self, picture: Bgr, face: Face) -> Face | None:  # noqa: ARG002 -- the port's
        return face


def run_job(clip: Path) -> ClipVerdict:
    """Do a clip's job and tell how it ended; anything but an error that has a code passes."""
    _, job, engine, _ = clip.name.split(".")
    with tempfile.TemporaryDirectory() as folder:
        work, source = Path(folder, "work"), Path(folder, "source.png")
        source.write_bytes(png(hopper() if engine == "mesh" else picture(colour=SOURCE_BGR)))
        verdict = asyncio.run(_ended(clip, _manifest(clip, source, job), work, _OPEN[engine]))
        left = tuple(sorted(path.name for path in work.rglob("*") if path.is_file() and path.name != ".lock"))
    return replace(verdict, left=left, reckoned_bytes=_reckoned(clip))


_OPEN: Final[Mapping[str, Callable[[], AnyEngine]]] = {"anywhere": AnywhereEngine, "mesh": open_mesh_engine}


def _manifest(clip: Path, source: Path, job: str) -> Manifest:
    asked = {"version": 1, "process_type": job, "target": str(clip)}
    return read_manifest(asked if job == "detect-faces" else {**asked, "source": str(source)})


async def _ended(clip: Path, manifest: Manifest, work: Path, opened: Callable[[], AnyEngine]) -> ClipVerdict:
    async with _jobs(work, opened) as jobs:
        try:
            async with jobs.context(manifest, output_id=_JOB) as context:
                output = await context.run()
                if output.path is not None:
                    told = output.frames, output.faces_swapped
                    size, seen = (output.width or 0, output.height or 0), look(output.path, SOURCE_BGR)
                    return ClipVerdict(name=clip.name, end=RESULT, size=size, seen=seen, told=told)
                record = read_detection(output.body or b"")
                size, told = (
                    (record.media.width, record.media.height),
                    (record.media.frames, record.total_faces),
                )
                return ClipVerdict(name=clip.name, end=RESULT, size=size, told=told)
        except (ModelError, StorageError) as error:
            return ClipVerdict(name=clip.name, end=error.code, message=error.for_sender)
        finally:
            await jobs.forget(_JOB)


@asynccontextmanager
async def _jobs(work: Path, opened: Callable[[], AnyEngine]) -> AsyncIterator[LocalJobs]:
    """What `swapdrop swap` does jobs with, on an engine of our own."""
    settings = Settings(
        work_dir=work,
        video_processes=1,  # time and memory of this one are measured
        max_video_bytes=LIMITS.max_bytes,
        max_video_pixels=LIMITS.max_pixels,
        max_video_frames=LIMITS.max_frames,
        max_video_seconds=LIMITS.max_seconds,
    )
    async with open_local_jobs(settings, registry=OneEngine(opened)) as jobs:
        yield jobs


def _reckoned(clip: Path) -> int:
    try:
        return frame_bytes(open_video(clip, LIMITS))
    except InputError:
        return 0


if __name__ == "__main__":
    judge_in_forks(Path(sys.argv[1]).iterdir(), run_job, timeout_s=TIMEOUT_S)

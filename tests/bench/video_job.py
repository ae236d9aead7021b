"""One job on a video in a process of its own: its memory and processor time are the job's alone.

Those of the processes that it starts count.
"""

import asyncio
import json
import os
import re
import resource
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import consumer.samples
from consumer.client.local import open_local_jobs
from consumer.config.settings import Settings
from storage.records.manifest import read_manifest
from storage.records.status import Progress, Stage

SOURCE: Final = Path(consumer.samples.__file__).with_name("astronaut.png")
_TICKS_S: Final = os.sysconf("SC_CLK_TCK")
_STAT: Final = Path("/proc/stat")


@dataclass(frozen=True, kw_only=True)
class JobCost:
    """What a job took.

    Attributes:
        frames: how many the result has.
        segments_fps: frames a second from the first one that a segment told of to the last.
        wall_s: from the manifest to the result, the engine being open.
        cpu_s: processor time of all threads within that, in all of its processes.
        free_cores: processors that nothing else on the machine used meanwhile.
        peak_bytes: the most memory that the process had.
        beside_bytes: ... and the largest of those that it has started; 0 where it has started none.
    """

    frames: int
    segments_fps: float
    wall_s: float
    cpu_s: float
    free_cores: float
    peak_bytes: int
    beside_bytes: int


def measured(clip: Path, work: Path, *, processes: int) -> JobCost:
    """Swap the face of a clip with the embedded engine, in a new process; `work` is an empty folder.

    `processes` is SWAPDROP_VIDEO_PROCESSES.
    """
    command = [sys.executable, "-m", "tests.bench.video_job", str(clip), str(work), str(processes)]
    return JobCost(**json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout))


async def _run(clip: Path, work: Path, processes: int) -> JobCost:
    options = {"engine": "mesh"}
    manifest = read_manifest(
        {"process_type": "single-video", "source": str(SOURCE), "target": str(clip), "options": options}
    )
    marks: list[tuple[float, int]] = []

    def mark(stage: Stage, progress: Progress) -> None:
        if stage == "swap":
            marks.append((time.perf_counter(), progress.done))

    async with open_local_jobs(Settings(work_dir=work, video_processes=processes)) as jobs:
        await jobs.load_engine(manifest)
        began, cpu_s, others_s = time.perf_counter(), _own_s(), _busy_s()
        async with jobs.context(manifest, output_id="bench", report=mark) as context:
            output = await context.run()
        wall_s, cpu_s = time.perf_counter() - began, _own_s() - cpu_s
        others_s = max(0.0, _busy_s() - others_s - cpu_s)
    (first_s, first), (last_s, last) = marks[0], marks[-1]
    return JobCost(
        frames=output.frames or 0,
        segments_fps=(last - first) / (last_s - first_s),
        wall_s=wall_s,
        cpu_s=cpu_s,
        free_cores=(os.cpu_count() or 1) - others_s / wall_s,
        peak_bytes=_peak_bytes(),
        beside_bytes=resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024,
    )


def _own_s() -> float:
    """Processor time of this process and of those that it has started and that have ended."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + ended.ru_utime + ended.ru_stime


def _peak_bytes() -> int:
    """The most memory that this process had since it began: getrusage(2) goes on with its parent's."""
    [line] = re.findall(r"^VmHWM:\s+(\d+) kB$", Path("/proc/self/status").read_text(), re.MULTILINE)
    return int(line) * 1024


def _busy_s() -> float:
    """Processor time of everything on the machine since its start, from proc_stat(5)."""
    user, nice, system, _idle, _wait, *interrupts = map(int, _STAT.read_text().split("\n", 1)[0].split()[1:8])
    return (user + nice + system + sum(interrupts)) / _TICKS_S


if __name__ == "__main__":
    _clip, _work, _processes = sys.argv[1:]
    _cost = asyncio.run(_run(Path(_clip), Path(_work), int(_processes)))
    print(json.dumps(asdict(_cost)))  # noqa: T201 -- what the parent reads

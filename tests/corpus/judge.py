"""Send files through a whole picture job, each in a process of its own, and tell how it ended.

Run as `python -m tests.corpus.judge FOLDER`: reads the files of a folder and prints one JSON line for each.
Every file is judged in a fork of a process that has imported everything and decoded nothing, so that its
memory and its death are its own.
"""

import json
import os
import resource
import signal
import sys
import tempfile
import time
import traceback
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

import numpy as np

from pipeline.errors import InputError
from pipeline.face import Bgr, Face
from pipeline.media.pictures.decode import Limits
from pipeline.media.pictures.encode import OutputFormat
from pipeline.swap.request import Every, SwapRequest
from pipeline.swap.swapper import Swapper
from pipeline.swap.timing import Timings
from pipeline.swap.whole import SwappedFile, swap_file
from tests.corpus.item import RESULT
from tests.support.engines import FlatEngine, picture, png
from tests.support.requests import MARK, a_request

LIMITS = Limits(max_pixels=4_000_000, max_bytes=20_000_000, max_frames=200, max_animation_pixels=16_000_000)
TIMEOUT_S = 20
_AT_ONCE = 2
_ADDRESS_SPACE = 6 << 30  # a net below the measured bound: libraries reserve far more than they use


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """How a file ended.

    Attributes:
        name: the file's.
        end: RESULT, an error's code, or `exit <status>` where the process died or raised anything else.
        message: the error's sentence, or the traceback's last line.
        size: (width, height) of the result.
        reckoned_bytes: memory that the job was reckoned to take, 0 where it was refused before.
        base_bytes: memory that the process began with.
        peak_bytes: most memory that it had beside that.
        seconds: how long it took.
    """

    name: str
    end: str
    message: str = ""
    size: tuple[int, int] | None = None
    reckoned_bytes: int = 0
    base_bytes: int = 0
    peak_bytes: int = 0
    seconds: float = 0.0


class AnywhereEngine(FlatEngine):
    """Finds one face in the middle of any picture."""

    def find_faces(self, picture: Bgr) -> list[Face]:
        height, width = picture.shape[:2]
        left, top = width // 4, height // 4
        bbox = np.array((left, top, max(left + 1, width * 3 // 4), max(top + 1, height * 3 // 4)), np.float32)
        kps = np.full((5, 2), (width / 2, height / 2), np.float32)
        return [Face(bbox=bbox, score=0.9, kps=kps)]


def request_for(target: bytes) -> SwapRequest:
    """Ask for a swap of the face that `AnywhereEngine` finds in a target."""
    return a_request(png(picture()), target, choice=Every())


def swap(request: SwapRequest, requested: OutputFormat | None = None) -> SwappedFile:
    """Do a whole job: decode, swap, encode."""
    return swap_file(Swapper(AnywhereEngine()), request, LIMITS, requested=requested, quality=90, mark=MARK)


def run_job(name: str, data: bytes) -> Verdict:
    """Do a target's job and tell how it ended; anything but an InputError passes."""
    reckoned = 0
    try:
        request = request_for(data)
        reckoned = Swapper(AnywhereEngine()).open(request, LIMITS, Timings()).memory_bytes()
        written = swap(request).written
    except InputError as error:
        return Verdict(name=name, end=error.code, message=str(error), reckoned_bytes=reckoned)
    return Verdict(name=name, end=RESULT, size=(written.width, written.height), reckoned_bytes=reckoned)


def judge(folder: Path) -> None:
    """Judge every file of a folder, a few at a time, and print the verdicts."""
    waiting = sorted(folder.iterdir())
    running: dict[int, _Running] = {}
    while waiting or running:
        while waiting and len(running) < _AT_ONCE:
            started = _fork(waiting.pop())
            running[started.pid] = started
        pid, status, usage = os.wait4(-1, 0)
        ended = running.pop(pid)
        ended.said.seek(0)
        said = ended.said.read().decode(errors="replace")
        ended.said.close()
        verdict = json.loads(said.rpartition("\n")[2]) if status == 0 else {}
        verdict = verdict or asdict(Verdict(name=ended.name, end=f"exit {status}", message=said[-2000:]))
        verdict["peak_bytes"] = max(0, usage.ru_maxrss * 1024 - verdict["base_bytes"])
        verdict["seconds"] = time.monotonic() - ended.began
        sys.stdout.write(json.dumps(verdict) + "\n")


@dataclass(frozen=True, kw_only=True)
class _Running:
    pid: int
    name: str
    said: IO[bytes]
    began: float


def _fork(path: Path) -> _Running:
    """Start judging a file; its output, and that of the libraries in C, goes to a file of its own."""
    said = tempfile.TemporaryFile()  # noqa: SIM115 -- closed once it was read
    began = time.monotonic()
    sys.stdout.flush()
    pid = os.fork()
    if pid:
        return _Running(pid=pid, name=path.name, said=said, began=began)
    os.dup2(said.fileno(), 1)
    os.dup2(said.fileno(), 2)
    resource.setrlimit(resource.RLIMIT_AS, (_ADDRESS_SPACE, _ADDRESS_SPACE))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.alarm(TIMEOUT_S)
    base_bytes = _resident_bytes()  # a fork begins with less than its parent: mapped files come back at need
    try:
        verdict = run_job(path.name, path.read_bytes())
    except BaseException:  # noqa: BLE001 -- whatever it is, it is told
        os.write(1, traceback.format_exc().encode())
        os._exit(1)
    os.write(1, b"\n" + json.dumps({**asdict(verdict), "base_bytes": base_bytes}).encode())
    os._exit(0)


def _resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize()


if __name__ == "__main__":
    judge(Path(sys.argv[1]))

"""Judge files each in a fork of a process that has imported everything and decoded nothing.

So a file's memory and its death are its own, and nothing is imported twice.
"""

import json
import os
import resource
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

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


@dataclass(frozen=True, kw_only=True)
class _Running:
    pid: int
    name: str
    said: IO[bytes]
    began: float


def judge_in_forks(paths: Iterable[Path], run: Callable[[Path], Verdict], *, timeout_s: int) -> None:
    """Judge files by `run`, a few at a time, and print one JSON line for each."""
    waiting = sorted(paths)
    running: dict[int, _Running] = {}
    while waiting or running:
        while waiting and len(running) < _AT_ONCE:
            started = _fork(waiting.pop(), run, timeout_s)
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


def _fork(path: Path, run: Callable[[Path], Verdict], timeout_s: int) -> _Running:
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
    signal.alarm(timeout_s)
    base_bytes = _resident_bytes()  # a fork begins with less than its parent: mapped files come back at need
    try:
        verdict = run(path)
    except BaseException:  # noqa: BLE001 -- whatever it is, it is told
        os.write(1, traceback.format_exc().encode())
        os._exit(1)
    os.write(1, b"\n" + json.dumps({**asdict(verdict), "base_bytes": base_bytes}).encode())
    os._exit(0)


def _resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize()

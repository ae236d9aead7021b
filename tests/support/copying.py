"""A kind of job for tests: its result is its target, which goes through files and never through memory."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import BinaryIO, Final

from consumer.jobs.context import JobContext, JobKind
from consumer.jobs.kinds import KINDS
from storage.lease.outcome import Output

_PIECE: Final = 1 << 20
_MOST: Final = 1 << 40


async def copy(context: JobContext) -> Output:
    """Copy the target a piece at a time, in steps of the device that others may come between."""
    target = context.manifest.target
    file = (await context.fetch(target, limit=_MOST))[target]
    await context.disk(file.size)
    path, done = context.workspace.new_path(), 0
    with file.open() as source, path.open("wb") as sink:
        while moved := await context.on_device(partial(_move_piece, source, sink)):
            done += moved
            context.progress.report("swap", done, file.size, unit="bytes")
    context.leave_device()
    return Output(path=path, extension="bin", content_type="application/octet-stream")


WITH_COPY: Final[Mapping[str, JobKind]] = {**KINDS, "copy": copy}


def _move_piece(source: BinaryIO, sink: BinaryIO) -> int:
    return sink.write(source.read(_PIECE))


def files_below(folder: Path) -> list[Path]:
    """What lies there, but for the locks by which processes tell which of them live."""
    return [path for path in folder.rglob("*") if path.is_file() and path.name not in {"lock", ".lock"}]

"""Temporary folders of jobs: private, bounded together by a disk budget, and always gone in the end."""

import asyncio
import fcntl
import itertools
import os
import shutil
import tempfile
import threading
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import IO, Final, Self

import structlog

from consumer.jobs.disk_budget import DiskBudget

_PREFIX: Final = "consumer-"  # of the folders below the root that may be removed
_LOCK: Final = "lock"
_ROOT_LOCK: Final = ".lock"

_log = structlog.get_logger()


class Workspaces:
    """The folders of one consumer process, below `root`, which several processes may share.

    Each process has a folder with a lock file that it holds as long as it lives: the kernel frees it also
    after `kill -9`, and the next start removes the folder. A context manager, for the process' lifetime.

    A disk that takes nothing keeps no process from jobs that need none: the folder is asked for again with
    each job that does.
    """

    def __init__(self, root: Path, budget_bytes: int) -> None:
        self._root = root
        self._budget = DiskBudget(budget_bytes)
        self._stack = ExitStack()
        self._own: Path | None = None
        self._making = threading.Lock()
        self._entered = False

    def __enter__(self) -> Self:
        """Remove what dead processes have left and make this one's folder, if that can be done."""
        self._entered = True
        try:
            self.folder()
        except OSError as error:
            _log.warning("work_folder_unusable", folder=str(self._root), reason=str(error))
        return self

    def folder(self) -> Path:
        """The process' own folder, made if need be; raises OSError. For any thread."""
        with self._making:
            if not self._entered:
                raise RuntimeError("use Workspaces as a context manager")
            if self._own is None:
                self._own = self._make()
            return self._own

    def _make(self) -> Path:
        self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self._root.stat().st_uid not in {0, os.getuid()}:
            # Its owner could put another folder in the place of ours and read what people have sent.
            raise PermissionError(f"{self._root} belongs to another user; set SWAPDROP_WORK_DIR.")
        with (self._root / _ROOT_LOCK).open("a") as starting:
            # One start at a time: a folder whose process has not locked it yet looks like a dead one's.
            fcntl.flock(starting, fcntl.LOCK_EX)
            self._sweep()
            own = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=self._root))
            lock = self._stack.enter_context((own / _LOCK).open("a"))
            fcntl.flock(lock, fcntl.LOCK_EX)
        return own

    def __exit__(self, *_: object) -> None:
        self._entered = False
        if self._own is not None:
            _remove(self._own)
        self._stack.close()

    @property
    def held_bytes(self) -> int:
        """Bytes that are reserved now."""
        return self._budget.held_bytes

    def open(self) -> "Workspace":
        """A folder for one job, which is to close it: by its method or as an async context manager."""
        return Workspace(self.folder, self._budget)

    def _sweep(self) -> None:
        for folder in self._root.glob(f"{_PREFIX}*"):
            try:
                lock: IO[str] = (folder / _LOCK).open("a")
            except OSError:  # half made or half removed by a process that died over it
                _remove(folder)
                continue
            with lock:
                if _taken(lock):
                    _log.info("left_files_removed", folder=str(folder))
                    _remove(folder)


class Workspace:
    """One job's private folder, made when it is first needed, and its share of the disk budget.

    Satisfies `storage.inputs.spool.Disk`. Reserve before taking anything else that jobs wait for (memory,
    the device): jobs that hold one and wait for the other would wait for each other.
    """

    def __init__(self, parent: Callable[[], Path], budget: DiskBudget) -> None:
        self._parent = parent
        self._budget = budget
        self._folder: Path | None = None
        self._closed = False
        self._making = threading.Lock()
        self._numbers = itertools.count()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Remove the folder, also from under a thread that still writes, and then give its bytes back.

        Who is cancelled meanwhile need not call it again.
        """
        await asyncio.shield(asyncio.ensure_future(self._end()))

    @property
    def folder(self) -> Path:
        """The folder, of mode 0700; raises OSError, also once the job has ended. For any thread."""
        with self._making:
            if self._closed:
                raise FileNotFoundError("the job has ended, and its folder is gone")
            if self._folder is None:
                self._folder = Path(tempfile.mkdtemp(prefix="job-", dir=self._parent()))
            return self._folder

    @property
    def held_bytes(self) -> int:
        """Bytes reserved for this job."""
        return self._budget.held_by(self)

    def path(self, name: str) -> Path:
        """A path in the folder by its name, which must be no other's; raises as `folder`. For any thread."""
        return self.folder / name

    def new_path(self, suffix: str = "") -> Path:
        """A path in the folder that no other call gets; raises as `folder`. For any thread."""
        return self.path(f"{next(self._numbers)}{suffix}")

    def has_room(self, size_bytes: int) -> bool:
        """Whether the job may have so many more bytes on the disk now."""
        return self._budget.has_room(size_bytes)

    async def reserve(self, size_bytes: int) -> None:
        """Wait until the job may have so many more bytes on the disk, and hold them until it ends.

        Raises InputTooLarge where it would have more than the whole budget, DiskFull where it would wait
        for jobs that wait for it.
        """
        await self._budget.reserve(self, size_bytes)

    def release(self, size_bytes: int) -> None:
        """Give back reserved bytes before the end, whose files are gone."""
        self._budget.release(self, size_bytes)

    async def _end(self) -> None:
        with self._making:
            self._closed = True
        try:
            if self._folder is not None:
                await asyncio.to_thread(_remove, self._folder)
        finally:
            self._budget.release(self, self.held_bytes)


def _taken(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _remove(folder: Path) -> None:
    """Remove a folder for good.

    It is renamed first: a thread that is still at work finds no folder any more to make files in.
    """
    gone = folder.with_name(f"{folder.name}.gone")
    try:
        folder.replace(gone)
        while gone.exists():
            # A thread that renames or removes its own file meanwhile makes this stop half way.
            with suppress(FileNotFoundError):
                shutil.rmtree(gone)
    except FileNotFoundError:
        return
    except OSError as error:  # another user's file in it, a disk that fails: the job has ended all the same
        _log.warning("files_not_removed", folder=str(gone), reason=str(error))

"""Temporary folders of jobs: private, bounded together by a disk budget, and always gone in the end."""

import asyncio
import itertools
import tempfile
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Final, Self

import structlog

from consumer.devices.process_folder import ProcessFolder, remove_folder
from consumer.faults import DISK_FULL
from consumer.jobs.disk_budget import DiskBudget
from storage.errors import StorageError

WORK_DIR: Final = "SWAPDROP_WORK_DIR"
_AGAIN_S = 5.0

_log = structlog.get_logger()


class WorkFolderUnusable(StorageError):
    """No folder can be made for the files of jobs; the message says where and why."""

    kind = "machine"

    @property
    def for_sender(self) -> str:
        """Without the folder, which is no business of a sender."""
        return "The machine has no place for the files of this job."


class Workspaces:
    """The folders of one consumer process, below `root`, which several processes may share.

    A context manager, for the process' lifetime. A disk that takes nothing keeps no process from jobs that
    need none: `problem` tells of it, and the folder is asked for again with each job that does.
    """

    def __init__(self, root: Path, budget_bytes: int) -> None:
        self._own = ProcessFolder(root, chosen_by=WORK_DIR)
        self.root = root
        self._budget = DiskBudget(budget_bytes)
        self._entered = False
        #: Why the process has no folder, in a sentence for the operator.
        self.problem: str | None = None

    def __enter__(self) -> Self:
        """Remove what dead processes have left and make this one's folder, if that can be done."""
        self._entered = True
        self._try()
        return self

    def folder(self) -> Path:
        """The process' own folder, made if need be; for any thread.

        Raises:
            WorkFolderUnusable: it cannot be made.
            OSError: the disk is full.
        """
        if not self._entered:
            raise RuntimeError("use Workspaces as a context manager")
        try:
            folder = self._own.path()
        except OSError as error:
            self.problem = why_unusable(error, self.root)
            raise _fault_of(error, self.root) from error
        self.problem = None
        return folder

    async def keep_asking(self) -> None:
        """Ask for the folder until it is there, so that `problem` ends also where no job needs one."""
        while self.problem is not None:
            await asyncio.sleep(_AGAIN_S)
            await asyncio.to_thread(self._try)

    def _try(self) -> None:
        before = self.problem
        try:
            self.folder()
        except (OSError, WorkFolderUnusable):
            if self.problem != before:
                _log.warning("work_folder_unusable", folder=str(self.root), reason=self.problem)

    def __exit__(self, *_: object) -> None:
        self._entered = False
        self._own.close()

    @property
    def held_bytes(self) -> int:
        """Bytes that are reserved now."""
        return self._budget.held_bytes

    def open(self) -> "Workspace":
        """A folder for one job, which is to close it: by its method or as an async context manager."""
        return Workspace(self.folder, self._budget)


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
        """The folder, of mode 0700; for any thread.

        Raises:
            WorkFolderUnusable: it cannot be made.
            OSError: the disk is full, or the job has ended.
        """
        with self._making:
            if self._closed:
                raise FileNotFoundError("the job has ended, and its folder is gone")
            if self._folder is None:
                parent = self._parent()
                try:
                    self._folder = Path(tempfile.mkdtemp(prefix="job-", dir=parent))
                except OSError as error:
                    raise _fault_of(error, parent) from error
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
                await asyncio.to_thread(remove_folder, self._folder)
        finally:
            self._budget.release(self, self.held_bytes)


def try_root(root: Path) -> None:
    """Write below `root` as `Workspaces` would, and leave nothing behind; raises OSError.

    A folder that is not there is not made: it would belong to whoever tries.
    """
    if not root.is_dir():
        with tempfile.TemporaryFile(dir=there(root)) as file:
            file.write(b"tried")
        return
    with closing(ProcessFolder(root, chosen_by=WORK_DIR)) as own:
        (own.path() / "tried").write_bytes(b"tried")


def there(folder: Path) -> Path:
    """The folder itself, or of those above it the first that is there."""
    return next(place for place in (folder.absolute(), *folder.absolute().parents) if place.exists())


def why_unusable(error: OSError, folder: Path) -> str:
    """Why there can be no folder for the files of jobs, and what to set."""
    if error.strerror is None:  # a sentence of our own
        return str(error)
    return f"{folder}: {error.strerror}; set {WORK_DIR} to a folder that can be written."


def _fault_of(error: OSError, folder: Path) -> Exception:
    """What to raise: a disk that is full has room again once another job has ended."""
    return error if error.errno in DISK_FULL else WorkFolderUnusable(why_unusable(error, folder))

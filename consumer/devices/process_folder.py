"""A folder of this process alone, which goes in the end, also where the process is killed."""

import fcntl
import os
import shutil
import tempfile
import threading
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import IO, Final

import structlog

_PREFIX: Final = "consumer-"  # of the folders below the root that may be removed
_LOCK: Final = "lock"
_ROOT_LOCK: Final = ".lock"

_log = structlog.get_logger()


class ProcessFolder:
    """A folder of mode 0700 below `root`, which several processes may share, each with one of its own.

    In it is a lock file that is held as long as the process lives: the kernel frees it also after
    `kill -9`, and whoever makes the next folder below `root` removes this one. `chosen_by` is the variable
    that names another root. For any thread.
    """

    def __init__(self, root: Path, *, chosen_by: str) -> None:
        self._root = root
        self._chosen_by = chosen_by
        self._held = ExitStack()
        self._own: Path | None = None
        self._making = threading.Lock()

    def path(self) -> Path:
        """The folder, made if need be, after what dead processes have left is removed; raises OSError."""
        with self._making:
            if self._own is None:
                self._own = self._make()
            return self._own

    def close(self) -> None:
        """Remove the folder, if there is one."""
        with self._making:
            own, self._own = self._own, None
            if own is not None:
                remove_folder(own)
            self._held.close()

    def _make(self) -> Path:
        self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self._root.stat().st_uid not in {0, os.getuid()}:
            # Its owner could put another folder in the place of ours and read what people have sent.
            raise PermissionError(f"{self._root} belongs to another user; set {self._chosen_by}.")
        with (self._root / _ROOT_LOCK).open("a") as starting:
            # One start at a time: a folder whose process has not locked it yet looks like a dead one's.
            fcntl.flock(starting, fcntl.LOCK_EX)
            self._sweep()
            own = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=self._root))
            lock = self._held.enter_context((own / _LOCK).open("a"))
            fcntl.flock(lock, fcntl.LOCK_EX)
        return own

    def _sweep(self) -> None:
        for folder in self._root.glob(f"{_PREFIX}*"):
            try:
                lock: IO[str] = (folder / _LOCK).open("a")
            except OSError:  # half made or half removed by a process that died over it
                remove_folder(folder)
                continue
            with lock:
                if _taken(lock):
                    _log.info("left_files_removed", folder=str(folder))
                    remove_folder(folder)


def _taken(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def remove_folder(folder: Path) -> None:
    """Remove a folder for good; one that cannot be is told in the log.

    It is renamed first: a thread or process that is still at work finds no folder any more to make files in.
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

"""One process at a time: a lock that the system frees when its holder dies."""

import fcntl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

_LOOK_AGAIN_S: Final = 0.2


@contextmanager
def exclusive(path: Path, waiting: Callable[[], None]) -> Iterator[None]:
    """Hold the lock file at `path`, which stays; `waiting` is called at every look while another holds it."""
    with path.open("a") as file:
        while not _taken(file.fileno()):
            waiting()
            time.sleep(_LOOK_AGAIN_S)
        yield


def _taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True

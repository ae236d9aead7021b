"""`swapdrop` and `python -m consumer`."""

import os
import signal
import sys
from pathlib import Path
from typing import NoReturn

_WORKING = ("run", "runpod")


def main() -> None:
    """Run the command line.

    A consumer that is told to stop while it is still being imported has no job to give back and ends at once,
    with 0 as after a drain; its own handlers take over as soon as it runs.
    """
    if sys.argv[1:] and sys.argv[1] in _WORKING:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: os._exit(0))
    from consumer.cli.app import app  # noqa: PLC0415 -- imports take the time in which a signal may come

    try:
        app()
    except OSError as error:
        if sys.argv[1:] and sys.argv[1] in _WORKING:  # its log is for people who can read a traceback
            raise
        _end(error)


def _end(error: OSError) -> NoReturn:
    """End a command that a disk, a folder or a file has stopped: with 1, and a sentence that names it."""
    from consumer.cli.bucket import fail  # noqa: PLC0415 -- slow to import
    from consumer.client.files import describe_os_error  # noqa: PLC0415 -- slow to import

    try:
        sys.stdout.flush()
    except OSError as full:  # what it still holds has no place to go, nor when Python ends
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        error = OSError(full.errno, full.strerror, "standard output")
    sys.exit(fail(describe_os_error(error)).exit_code)


def _leave_the_current_folder() -> None:
    """Take the folder that `python -m` puts first off the search path, unless it is the one we came from.

    Somebody's `models.py` there would pass for our package.
    """
    ours = Path(__file__).resolve().parents[1]
    if not sys.flags.safe_path and Path(sys.path[0]).resolve() == Path.cwd() != ours:
        del sys.path[0]


if __name__ == "__main__":
    _leave_the_current_folder()
    main()

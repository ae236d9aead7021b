"""`swapdrop` and `python -m consumer`."""

import os
import signal
import sys

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

    app()


if __name__ == "__main__":
    main()

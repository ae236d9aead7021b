"""`make crowd`: ten, a hundred and a thousand consumers, with all jobs there at first, and as they come."""

import argparse
import sys
import time

from tests.scale.crowd.crowd import Plan, count

_CROWDS = (10, 100, 1000)
_LOADS = (None, 0.8)


def main() -> int:
    """Count what the command line says, a line for each crowd."""
    parser = argparse.ArgumentParser(prog="python -m tests.scale.crowd")
    parser.add_argument("--consumers", type=int, nargs="*", default=_CROWDS)
    parser.add_argument("--jobs", type=int, help="in all; 30 a consumer if not said")
    for consumers in (told := parser.parse_args()).consumers:
        for load in _LOADS:
            began = time.monotonic()
            jobs = told.jobs or 30 * consumers
            counted = count(Plan(consumers=consumers, jobs=jobs, load=load), _tell)
            sys.stdout.write(
                f"{consumers:5} consumers, {jobs} jobs, {'at once' if load is None else f'load {load}'}: "
                f"{counted.steady_calls:.1f} calls a job in the middle half, "
                f"{counted.steady_writes:.1f} of them writes or listings ({counted.calls:.1f} calls in all), "
                f"{counted.vain:.1f} tries in vain, devices busy {counted.steady_busy:.0%}, "
                f"waited {counted.waited_s:.1f} s, 99 of 100 at most {counted.waited_99_s:.1f} s, all "
                f"{counted.waited_most_s:.1f} s, overtaken by at most {counted.overtaken_most}, "
                f"{time.monotonic() - began:.0f} s real\n"
            )
            sys.stdout.flush()
    return 0


def _tell(percent: int) -> None:
    """Show that it goes on: a million jobs take an hour."""
    sys.stderr.write(f"{percent} % of the jobs claimed\n")


if __name__ == "__main__":
    sys.exit(main())

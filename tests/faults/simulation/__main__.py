"""`make simulate`: many runs on all cores, or one run's trace with `--show`."""

import argparse
import multiprocessing
import os
import sys
import time
from functools import partial

from tests.faults.simulation.bugs import BUGS, plant
from tests.faults.simulation.run import outcome, simulate


def main() -> int:
    """Run what the command line says; 1 if a run has failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.simulation")
    parser.add_argument("--first", type=int, default=0, help="seed of the first run")
    parser.add_argument("--runs", type=int, default=20_000)
    parser.add_argument("--bug", choices=sorted(BUGS), help="a bug to plant")
    parser.add_argument("--show", type=int, metavar="SEED", help="show the trace of one run")
    arguments = parser.parse_args()
    if arguments.show is not None:
        with plant(arguments.bug):
            say("\n".join(simulate(arguments.show).trace))
        return 0
    return many(range(arguments.first, arguments.first + arguments.runs), arguments.bug)


def many(seeds: range, bug: str | None) -> int:
    """Play all runs and say how many failed; each failure is said with its trace."""
    began, failed, calls = time.monotonic(), [], 0
    with multiprocessing.get_context("spawn").Pool(os.cpu_count()) as pool:
        for seed, done, failure in pool.imap_unordered(partial(outcome, bug=bug), seeds, chunksize=20):
            calls += done
            if failure:
                failed.append(seed)
                say(failure)
    took = time.monotonic() - began
    say(f"{len(seeds)} runs, {calls} store calls, {took:.0f} s, {len(seeds) / took:.0f} runs/s")
    say(f"failed: {sorted(failed)}" if failed else "no promise was broken")
    return 1 if failed else 0


def say(text: str) -> None:
    """Write a line for the person who runs this."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())

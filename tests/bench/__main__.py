"""`make bench`: all measurements of the project or some (ONLY=video), as a table and as build/bench.json."""

import argparse
import sys
from itertools import chain
from pathlib import Path

from tests.bench.calls import call_rows
from tests.bench.executors import executor_rows
from tests.bench.inswapper import inswapper_rows
from tests.bench.picture import picture_rows
from tests.bench.queue import queue_rows
from tests.bench.report import publish
from tests.bench.signing import signing_rows
from tests.bench.startup import startup_rows
from tests.bench.video import video_rows

PARTS = {
    "startup": startup_rows,
    "picture": picture_rows,
    "signing": signing_rows,
    "video": video_rows,
    "executors": executor_rows,
    "inswapper": inswapper_rows,
    "queue": queue_rows,
    "calls": call_rows,
}


def main() -> int:
    """Measure what was asked for; 0 only if every promise was kept."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"all, or some of: {', '.join(PARTS)}")
    wanted = parser.parse_args().parts or list(PARTS)
    if unknown := set(wanted) - set(PARTS):
        parser.error(f"there is no {', '.join(sorted(unknown))}")
    rows = chain.from_iterable(PARTS[name]() for name in wanted)
    return publish(rows, Path("build/bench.json"))


if __name__ == "__main__":
    sys.exit(main())

"""`make bench`: every measurement of the project, as a table and as build/bench.json."""

import sys
from pathlib import Path

from tests.bench.inswapper import inswapper_rows
from tests.bench.picture import picture_rows
from tests.bench.queue import queue_rows
from tests.bench.report import publish
from tests.bench.startup import startup_rows
from tests.bench.video import video_rows

if __name__ == "__main__":
    rows = [*startup_rows(), *picture_rows(), *video_rows(), *inswapper_rows(), *queue_rows()]
    sys.exit(publish(rows, Path("build/bench.json")))

"""`make quality`: every figure in build/quality.json, every picture in build/quality/sheet.html."""

import sys
from pathlib import Path

from tests.bench.report import publish
from tests.quality.report import measure

if __name__ == "__main__":
    rows = measure(Path("build/quality"))
    sys.exit(publish(rows, Path("build/quality.json")))

"""`make quality`: build/quality.json, pictures in build/quality/sheet.html, films in build/video-*.jpg."""

import sys
from pathlib import Path

from tests.bench.report import publish
from tests.quality.content import content_rows
from tests.quality.film_sheets import film_rows
from tests.quality.report import measure

if __name__ == "__main__":
    rows = [*measure(Path("build/quality")), *film_rows(Path("build")), *content_rows()]
    sys.exit(publish(rows, Path("build/quality.json")))

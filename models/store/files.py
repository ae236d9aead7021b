"""Writing small files so that a reader sees the old content or the new one, never half of it."""

import os
import tempfile
from pathlib import Path


def replace_text(path: Path, text: str) -> None:
    """Give `path` new content, making its folder if need be; on an OSError nothing is left behind."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    fresh = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)

"""What ExifTool says of a file: a reader of metadata that is nobody's of ours."""

import json
import subprocess
from pathlib import Path
from typing import Any

from tests.support.local_stack import needs_tools


def said(path: Path) -> dict[str, Any]:
    """Every tag of a file by its plain name; skips the test where `exiftool` is missing, in CI fails it."""
    needs_tools("exiftool")
    # -u: what its version has no name for, such as the newest of IPTC; -struct: lists of properties as such.
    command = ["exiftool", "-json", "-struct", "-u", "-n", str(path)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    [tags] = json.loads(done.stdout)
    return dict(tags)

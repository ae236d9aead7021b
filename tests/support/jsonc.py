"""JSON with comments, as wrangler's configuration is written."""

import json
import re
from pathlib import Path
from typing import Any

_STRING_OR_COMMENT = re.compile(r'("(?:\\.|[^"\\])*")|//[^\n]*|/\*.*?\*/', re.DOTALL)


def read_jsonc(path: Path) -> Any:  # noqa: ANN401 - as json.loads
    """Read a file, leaving its comments out."""
    return json.loads(_STRING_OR_COMMENT.sub(lambda found: found[1] or "", path.read_text(encoding="utf-8")))

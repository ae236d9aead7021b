"""Knowing a result again that an earlier run of the same command has made."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from pipeline.marks.provenance import is_marked
from pipeline.swap.request import Choice, FaceFilter, Recognised
from storage.records.manifest import Manifest

SYSTEM: Final = "swapdrop"
"""What results call the system that made them."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What is done to every picture; `sources` are those of `manifest` by name, as in PictureRequest."""

    manifest: Manifest
    sources: Mapping[str, Path]
    choice: Choice
    face_filter: FaceFilter


class ResultFingerprint:
    """What is done to every picture, as ids that results carry in their marks; raises OSError."""

    def __init__(self, asked: Asked) -> None:
        choice = asked.choice
        content = {
            "sources": {name: _digest(path.read_bytes()) for name, path in sorted(asked.sources.items())},
            "choice": type(choice).__name__,
            "reference": _digest(choice.reference) if isinstance(choice, Recognised) else None,
            "options": asked.manifest.options.model_dump(mode="json", exclude_defaults=True),
            "floor": asdict(asked.face_filter),
        }
        self._content = json.dumps(content, sort_keys=True)

    def output_id(self, target: bytes) -> str:
        """The id of what is made of a target's file."""
        return _digest(f"{self._content} {_digest(target)}".encode())[:32]

    def has_made(self, output: Path, target: Path) -> bool:
        """Whether a file is what is made of a target; raises OSError."""
        return self.output_id(target.read_bytes()).encode() in output.read_bytes()


def is_result(path: Path) -> bool:
    """Whether a file is the result of any swap, by its mark; raises OSError."""
    return is_marked(path.read_bytes(), SYSTEM)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()

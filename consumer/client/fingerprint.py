"""Knowing a result again that an earlier run of the same command has made."""

import hashlib
import json
import mmap
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from consumer.jobs.context import SYSTEM
from pipeline.label.label import Label
from pipeline.marks.provenance import has_id, is_marked
from pipeline.signing.manifest import ASSERTION
from pipeline.swap.request import FaceFilter
from storage.records.manifest import Manifest


@dataclass(frozen=True, kw_only=True)
class BatchRequest:
    """What is done to every picture of a batch."""

    #: The job of the first picture; the others' differ in `target` alone.
    manifest: Manifest
    #: The files of the manifest's sources, by name.
    sources: Mapping[str, Path]
    #: A picture of the person whose face is changed, where one is named so.
    reference: Path | None
    #: Which faces of the targets count.
    face_filter: FaceFilter
    #: What is painted onto the results.
    label: Label | None = None
    #: Whether an id has to be hidden in them.
    watermarked: bool = False


class ResultFingerprint:
    """What is done to every picture, as ids that results carry in their marks; raises OSError."""

    def __init__(self, request: BatchRequest) -> None:
        reference = request.reference
        # The words are those of the first results, so that they are still known again.
        content: dict[str, object] = {
            "sources": {name: _digest(path.read_bytes()) for name, path in sorted(request.sources.items())},
            "choice": _choice(request),
            "reference": _digest(reference.read_bytes()) if reference else None,
            "options": request.manifest.options.model_dump(mode="json", exclude_defaults=True),
            "floor": {"side_px": request.face_filter.min_size_px, "score": request.face_filter.min_score},
        }
        if request.label is not None:
            content["label"] = asdict(request.label)
        if request.watermarked:
            content["watermarked"] = True
        self._content = json.dumps(content, sort_keys=True)

    def output_id(self, target: Path) -> str:
        """The id of what is made of a target's file; raises OSError."""
        with target.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        return _digest(f"{self._content} {digest}".encode())[:32]

    def has_made(self, output: Path, target: Path) -> bool:
        """Whether a file is what is made of a target; raises OSError."""
        with _mapped(output) as body:
            return has_id(body, self.output_id(target))


def is_result(path: Path) -> bool:
    """Whether a file is the result of any swap, by its mark; raises OSError."""
    with _mapped(path) as body:
        return is_marked(body, SYSTEM)


def is_manifest(path: Path) -> bool:
    """Whether a file is the signed manifest of a result, kept beside it; raises OSError."""
    with _mapped(path) as body:
        return body.find(ASSERTION.encode()) >= 0


@contextmanager
def _mapped(path: Path) -> Iterator[bytes | mmap.mmap]:
    """The bytes of a file that may be larger than memory."""
    with path.open("rb") as file:
        if not path.stat().st_size:  # nothing can be mapped
            yield b""
            return
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as body:
            yield body


def _choice(request: BatchRequest) -> str:
    if request.manifest.face_mappings is not None:
        return "Mapped"
    if request.reference is not None:
        return "Recognised"
    return "Every" if request.manifest.options.many_faces else "Largest"


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()

"""A file on its way: it grows beside its place under another name and takes the place when it is whole."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from models.store.verify import Digests, sha256_of


@dataclass(frozen=True, kw_only=True)
class DownloadOrigin:
    """Where the first bytes came from; with the same validator the rest can be asked for."""

    address: str
    validator: str | None


class Partial:
    """The unfinished file of `target`; only the holder of the lock may touch it."""

    def __init__(self, target: Path) -> None:
        self.target = target
        self.path = target.with_name(f".{target.name}.part")
        self._note = target.with_name(f".{target.name}.part.json")

    @property
    def size(self) -> int:
        """Bytes so far."""
        try:
            return self.path.stat().st_size
        except FileNotFoundError:
            return 0

    def sha256(self) -> str:
        """Hash what is there; raises OSError."""
        return sha256_of(self.path)

    def origin(self) -> DownloadOrigin | None:
        """Where it came from; None where nobody knows."""
        try:
            return DownloadOrigin(**json.loads(self._note.read_bytes()))
        except (OSError, ValueError, TypeError):
            return None

    def begin(self, origin: DownloadOrigin) -> None:
        """Start from zero; raises OSError."""
        self.discard()
        self.path.touch()
        self._note.write_text(json.dumps(asdict(origin)))

    def finish(self, digest: str, digests: Digests) -> None:
        """Put the verified file in its place, whole and on the disk; raises OSError."""
        with self.path.open("rb") as file:
            os.fsync(file.fileno())
        self.path.replace(self.target)
        folder = os.open(self.target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        digests.remember(self.target, digest)
        self.discard()

    def discard(self) -> None:
        """Remove what there is of it; raises OSError."""
        self.path.unlink(missing_ok=True)
        self._note.unlink(missing_ok=True)

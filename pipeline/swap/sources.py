"""Source faces that were made ready for one engine, kept for the jobs to come."""

import threading
from collections import OrderedDict
from dataclasses import dataclass

from pipeline.face import Notice, Source


@dataclass(frozen=True, kw_only=True, eq=False)
class PreparedSource:
    """A source face ready to be put in, and what its sender should know of the picture it came from."""

    source: Source
    notices: tuple[Notice, ...]


class KeptSources:
    """The `most` last used prepared sources by the hash of their files; safe on any thread."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._sources: OrderedDict[str, PreparedSource] = OrderedDict()
        self._lock = threading.Lock()

    def find(self, sha256: str) -> PreparedSource | None:
        """The source of a file, which thereby counts as used; None if it is not kept."""
        with self._lock:
            if sha256 in self._sources:
                self._sources.move_to_end(sha256)
            return self._sources.get(sha256)

    def keep(self, sha256: str, prepared: PreparedSource) -> None:
        """Keep the source of a file; the one that was used longest ago may have to go."""
        with self._lock:
            self._sources[sha256] = prepared
            self._sources.move_to_end(sha256)
            while len(self._sources) > self._most:
                self._sources.popitem(last=False)

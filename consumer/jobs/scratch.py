"""Where a job leaves finished pieces of its work for later attempts; the port, as of a bucket or a folder."""

from pathlib import Path
from typing import Protocol

from storage.scratch import Piece


class Scratch(Protocol):
    """The pieces of one plan of a job, by number."""

    async def found(self) -> frozenset[int]:
        """The numbers of the pieces that are there, as far as can be told without reading them."""
        ...

    async def fetch(self, number: int, path: Path, *, extension: str) -> Piece | None:
        """Write a piece to `path`; None where it is not there or not whole."""
        ...

    async def keep(self, number: int, path: Path, piece: Piece, *, extension: str, content_type: str) -> None:
        """Keep a piece, whose file stays where it is as well."""
        ...


class Scratches(Protocol):
    """The pieces of all jobs."""

    def of(self, job_id: str, plan: str) -> Scratch:
        """Those of one plan of a job."""
        ...

    async def clear(self, job_id: str) -> None:
        """Remove those of a job, all its plans."""
        ...

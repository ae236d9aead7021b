"""What jobs on local files leave for the same command given again: finished pieces, in a private folder."""

import asyncio
import os
import shutil
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from consumer.client.files import write_whole
from storage.scratch import Piece, describe_piece

_FACTS: Final = ".json"
_KEPT_S: Final = 24 * 3600.0
"""As long as a bucket keeps them (infra/cloudflare/lifecycle.json)."""


class FolderScratch:
    """The pieces of one plan of a job, `<n>.<extension>` and `<n>.json` in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def found(self) -> frozenset[int]:
        """The numbers of the pieces that are there."""
        names = await asyncio.to_thread(lambda: [path.stem for path in self._folder.glob(f"*{_FACTS}")])
        return frozenset(int(name) for name in names if name.isdecimal())

    async def fetch(self, number: int, path: Path, *, extension: str) -> Piece | None:
        """Write a piece to `path`; None where it is not there or not whole. Raises OSError."""
        return await asyncio.to_thread(self._fetch, number, path, extension)

    async def keep(self, number: int, path: Path, piece: Piece, *, extension: str, content_type: str) -> None:  # noqa: ARG002 -- the port's
        """Keep a piece; raises OSError."""
        await asyncio.to_thread(self._keep, number, path, piece, extension)

    def _fetch(self, number: int, path: Path, extension: str) -> Piece | None:
        kept = self._folder / f"{number}.{extension}"
        try:
            piece = Piece.from_bytes(kept.with_suffix(_FACTS).read_bytes())
            if piece is None or describe_piece(kept, piece.facts) != piece:
                return None
        except FileNotFoundError:
            return None
        _link(kept, path)
        return piece

    def _keep(self, number: int, path: Path, piece: Piece, extension: str) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _link(path, self._folder / f"{number}.{extension}")
        write_whole(self._folder / f"{number}{_FACTS}", piece.to_bytes())


class FolderScratches:
    """The pieces of all jobs on local files, below `root`; those of a day ago go when it is opened."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def of(self, job_id: str, plan: str) -> FolderScratch:
        """Those of one plan of a job."""
        return FolderScratch(self._root / job_id / plan)

    async def clear(self, job_id: str) -> None:
        """Remove those of a job."""
        await asyncio.to_thread(shutil.rmtree, self._root / job_id, ignore_errors=True)

    def sweep(self) -> None:
        """Remove what nobody has come back for."""
        for folder in self._root.glob("*"):
            with suppress(FileNotFoundError):
                if time.time() - folder.stat().st_mtime > _KEPT_S:
                    shutil.rmtree(folder, ignore_errors=True)


def _link(source: Path, target: Path) -> None:
    """Let two names lead to one file, which neither changes; a copy where the disk cannot."""
    target.unlink(missing_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)

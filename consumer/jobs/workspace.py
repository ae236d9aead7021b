"""STUB until the storage branch lands."""

import shutil
import tempfile
from pathlib import Path
from typing import Self


class Workspace:
    def __init__(self, root: Path) -> None:
        self._folder: Path | None = None
        self._root = root

    def path(self, name: str) -> Path:
        if self._folder is None:
            self._root.mkdir(parents=True, exist_ok=True)
            self._folder = Path(tempfile.mkdtemp(dir=self._root))
        return self._folder / name

    def new_path(self) -> Path:
        import secrets

        return self.path(secrets.token_hex(4))

    async def reserve(self, size_bytes: int) -> None:
        pass

    def release(self, size_bytes: int) -> None:
        pass

    async def close(self) -> None:
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)


class Workspaces:
    def __init__(self, root: Path, budget_bytes: int) -> None:
        self._root = root

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def open(self) -> Workspace:
        return Workspace(self._root)

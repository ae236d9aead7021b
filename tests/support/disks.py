"""A disk that says what was reserved on it."""

import asyncio
from pathlib import Path


class CountingDisk:
    """Holds any number of bytes in `folder`; `reserved` lists every reservation, `held` what is held now.

    With `open` cleared, reservations wait.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.reserved: list[int] = []
        self.held = 0
        self.open = asyncio.Event()
        self.open.set()
        self._names = iter(range(1000))

    def new_path(self) -> Path:
        self.folder.mkdir(exist_ok=True)
        return self.folder / f"input-{next(self._names)}"

    async def reserve(self, size_bytes: int) -> None:
        await self.open.wait()
        self.reserved.append(size_bytes)
        self.held += size_bytes

    def release(self, size_bytes: int) -> None:
        self.held -= size_bytes

    @property
    def files(self) -> list[str]:
        return sorted(path.name for path in self.folder.iterdir()) if self.folder.exists() else []

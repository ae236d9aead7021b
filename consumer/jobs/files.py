"""The files of a job: fetched several at once and each only once, within bounds, and where they may lie."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import partial
from pathlib import Path

from consumer.jobs.progress import JobProgress
from consumer.jobs.services import JobServices
from consumer.jobs.together import together
from consumer.jobs.whereabouts import Whereabouts
from consumer.jobs.workspace import Workspace
from storage.errors import InputTooLarge
from storage.inputs.arrival import SizeLimit
from storage.inputs.fetch import FetchedInput
from storage.inputs.spool import Spool

_AT_ONCE = 4
_ALL_TO_ONE = 4  # how much larger the files of a job in memory may be together than any one of them


class JobDisk:
    """A job's workspace, opened when it is first asked for; a job that waits for space in it does not hang.

    Satisfies `storage.inputs.spool.Disk`.
    """

    def __init__(self, services: JobServices, whereabouts: Whereabouts) -> None:
        self._services = services
        self._whereabouts = whereabouts
        self._workspace: Workspace | None = None

    @property
    def workspace(self) -> Workspace:
        """The workspace itself."""
        if self._workspace is None:
            self._workspace = self._services.workspaces.open()
        return self._workspace

    def new_path(self) -> Path:
        """See `Workspace.new_path`."""
        return self.workspace.new_path()

    async def reserve(self, size_bytes: int) -> None:
        """See `Workspace.reserve`."""
        with self._whereabouts.waiting():
            await self.workspace.reserve(size_bytes)

    def release(self, size_bytes: int) -> None:
        """See `Workspace.release`."""
        self.workspace.release(size_bytes)

    async def close(self) -> None:
        """Remove the workspace, if there is one; see `Workspace.close`."""
        if self._workspace is not None:
            await self._workspace.close()


class JobFiles:
    """Fetches what a job refers to, and tells how much of it has arrived.

    `folder` is where names are looked for first; see `JobContext.job_folder`.
    """

    def __init__(
        self, services: JobServices, disk: JobDisk, progress: JobProgress, *, folder: str | None
    ) -> None:
        #: sha256 of the files that were fetched, by what the manifest calls them.
        self.hashes: dict[str, str] = {}
        #: Bytes of all inputs.
        self.input_bytes = 0
        self._services = services
        self._disk = disk
        self._progress = progress
        self._folder = folder

    async def fetch(
        self, references: Iterable[str], limit: int | SizeLimit | None = None
    ) -> Mapping[str, FetchedInput]:
        """Fetch files; see `JobContext.fetch`."""
        received: dict[str, tuple[int, int | None]] = {}

        def on_bytes(reference: str, done: int, total: int | None) -> None:
            received[reference] = done, total
            arrived = sum(size for size, _ in received.values())
            self._progress.report(
                "download", arrived, sum(size or 0 for _, size in received.values()), unit="bytes"
            )

        async def fetch_one(reference: str) -> FetchedInput:
            return await self._services.inputs.fetch(
                reference,
                job_folder=self._folder,
                max_bytes=limit or self._services.size_limit,
                spool=Spool(disk=self._disk, memory_bytes=max_bytes),
                on_bytes=partial(on_bytes, reference),
            )

        max_bytes = self._services.limits.max_bytes
        self._progress.report("download")
        files = await fetch_all(fetch_one, references, max_bytes=max_bytes)
        self.hashes.update({reference: file.sha256 for reference, file in files.items()})
        self.input_bytes += sum(file.size for file in files.values())
        return files


async def fetch_all(
    fetch: Callable[[str], Awaitable[FetchedInput]], references: Iterable[str], *, max_bytes: int
) -> Mapping[str, FetchedInput]:
    """Fetch what is referred to, by reference.

    `max_bytes` is what one file in memory may have; all of a job may have four times that together.

    Raises:
        InputTooLarge: they have more together.
        StorageError: a file cannot be had; the first to fail ends the others.
    """
    gate = asyncio.Semaphore(_AT_ONCE)
    fetched: dict[str, FetchedInput] = {}

    async def fetch_one(reference: str) -> None:
        async with gate:
            fetched[reference] = await fetch(reference)
        in_memory = sum(file.size for file in fetched.values() if file.path is None)
        if in_memory > _ALL_TO_ONE * max_bytes:
            raise InputTooLarge(
                f"The pictures of this job have more than {_ALL_TO_ONE * max_bytes / 1e6:.1f} MB together; "
                "send smaller ones."
            )

    async with together() as group:
        for reference in dict.fromkeys(references):
            group.create_task(fetch_one(reference))
    return fetched

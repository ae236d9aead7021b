"""Jobs on files of this machine, without a bucket: the same code, with local files behind it."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

from consumer.client.local_scratch import FolderScratches
from consumer.config.settings import Settings
from consumer.engines.registry import EngineRegistry
from consumer.faults import DISK_FULL
from consumer.jobs.context import JobContext, JobKind
from consumer.jobs.kinds import KINDS
from consumer.jobs.node import open_cluster
from consumer.jobs.opening import open_services
from consumer.jobs.services import JobServices
from pipeline.swap.request import FaceFilter
from storage.errors import InputNotFound, InputTooLarge
from storage.inputs.arrival import HEAD_BYTES, OnBytes, SizeLimit
from storage.inputs.fetch import FetchedInput
from storage.inputs.spool import Spool
from storage.lease.outcome import Output
from storage.records.manifest import Manifest
from storage.records.status import Progress, Stage


class LocalInputs:
    """A job's files as paths, those of a manifest file relative to its folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def fetch(
        self,
        reference: str,
        *,
        job_folder: str | None,  # noqa: ARG002 -- the port's
        max_bytes: int | SizeLimit,
        spool: Spool,
        on_bytes: OnBytes,
    ) -> FetchedInput:
        """Read a file whole, or use it where it is if it is large; raises OSError, InputTooLarge."""
        path = self._folder / reference
        if not path.is_file():
            raise InputNotFound(f"{path} is not a file.")
        size = path.stat().st_size
        with path.open("rb") as file:
            most = max_bytes if isinstance(max_bytes, int) else max_bytes(file.read(HEAD_BYTES))
            if size > most:
                raise InputTooLarge(
                    f"{path}: The file has {size / 1e6:.1f} MB; at most {most / 1e6:.1f} MB are accepted."
                )
            file.seek(0)
            digest = await asyncio.to_thread(hashlib.file_digest, file, "sha256")
        on_bytes(size, size)
        # A large file is used where it lies.
        body = await asyncio.to_thread(path.read_bytes) if size <= spool.memory_bytes else None
        return FetchedInput(
            body=body,
            path=path if body is None else None,
            size=size,
            sha256=digest.hexdigest(),
            etag=None,
            origin="inline",
        )


class LocalJobs:
    """Makes contexts for jobs on local files; from `open_local_jobs`."""

    def __init__(self, services: JobServices) -> None:
        self.services = services

    async def load_engine(self, manifest: Manifest) -> None:
        """Open what a job needs, before the same fault is told of a thousand; raises ModelError."""
        options = manifest.options
        await self.services.pool.load(options.engine, enhance=options.use_face_enhancer)

    async def run(self, context: JobContext) -> Output:
        """Do the job of a context; raises as that does.

        Of a full disk that nobody names it tells where that is: in the folder where jobs work.
        """
        try:
            return await context.run()
        except OSError as error:
            if error.errno not in DISK_FULL or error.filename is not None:
                raise
            raise OSError(error.errno, error.strerror, str(self.services.workspaces.root)) from error

    async def forget(self, output_id: str) -> None:
        """Remove what a job that is done has left for the same job done again."""
        await self.services.scratches.clear(output_id)

    def context(
        self,
        manifest: Manifest,
        *,
        output_id: str,
        reference: Path | None = None,
        report: Callable[[Stage, Progress], None] = lambda _stage, _progress: None,
    ) -> JobContext:
        """A context whose `run` does the job of a manifest; see JobContext for its arguments."""
        return JobContext(
            self.services,
            manifest,
            job_id=output_id or "job",
            output_id=output_id,
            report=report,
            reference=None if reference is None else str(reference),
        )


@asynccontextmanager
async def open_local_jobs(
    settings: Settings,
    *,
    folder: Path = Path(),
    face_filter: FaceFilter | None = None,
    kinds: Mapping[str, JobKind] = KINDS,
    registry: EngineRegistry | None = None,
) -> AsyncIterator[LocalJobs]:
    """Be ready for jobs on local files; nothing is opened before the first job needs it.

    `folder` is what paths in manifests are relative to; see `open_services` for the rest. Raises as that, and
    SettingsError where Ray is to make segments and is not installed.
    """
    opener = partial(
        open_local_services,
        folder=absolute(folder),
        segments=absolute(settings.work_folder / "segments"),
        face_filter=face_filter,
        kinds=kinds,
        registry=registry,
    )
    async with AsyncExitStack() as stack:
        cluster = open_cluster(settings, opener, stack)
        yield LocalJobs(await stack.enter_async_context(opener(settings, cluster=cluster)))


def absolute(path: Path) -> Path:
    """A path that means the same in processes that work in another folder."""
    return path.absolute()


@asynccontextmanager
async def open_local_services(
    settings: Settings,
    *,
    folder: Path,
    segments: Path,
    **given: Any,  # noqa: ANN401 -- see `open_services`
) -> AsyncIterator[JobServices]:
    """The means of jobs on local files, in whatever process; `segments` is where those of videos are kept."""
    scratches = FolderScratches(segments)
    scratches.sweep()
    async with open_services(settings, inputs=LocalInputs(folder), scratches=scratches, **given) as services:
        yield services

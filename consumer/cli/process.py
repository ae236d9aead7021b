"""`swapdrop process`: the job of a manifest right here, whatever its kind, without a bucket."""

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path

import typer

from consumer.cli.bucket import fail, faults_told, settings_or_exit
from consumer.cli.destination import Destination, read_destination, write_to_stdout
from consumer.cli.progress import ProgressReporter, describe_progress, print_warnings, reporting
from consumer.client.files import beside, body_of, describe_os_error, keep_whole
from consumer.client.local import open_local_jobs
from consumer.client.results import (
    DETECTION,
    FileInTheWay,
    check_place,
    expected_extension,
    is_signed_beside,
    refuse_overwriting,
)
from consumer.client.submission import WrongWords
from consumer.config.limits import picture_limits
from consumer.config.settings import Settings
from consumer.jobs.context import JobContext, output_id
from models.errors import ModelError
from storage.errors import InputNotFound, StorageError
from storage.records.manifest import Manifest, read_manifest, references
from storage.records.status import Progress, Stage

_ATTEMPT = 1


def run_process(path: Path, output: str, *, force: bool) -> int:
    """Do the job and save its result; 0 if it was done. `force` replaces whatever is in its place."""
    settings = settings_or_exit()
    try:
        manifest = read_manifest(path.read_bytes())
        placed = partial(_placed, settings, manifest, path, read_destination(output), force=force)
        expected = _expected(settings, manifest, path)
        if expected is not None:
            placed(expected)  # before the work, which may take hours
        with reporting(settings) as reporter, faults_told():
            context, saved = asyncio.run(_process(settings, manifest, path, placed, reporter))
    except WrongWords as error:
        raise fail(str(error)) from None
    except (FileInTheWay, ModelError, StorageError) as error:
        raise fail(f"{error} ({error.code})") from None
    except OSError as error:
        raise fail(describe_os_error(error)) from None
    print_warnings(context.known.warnings)
    if saved is not None:
        typer.echo(saved)
    return 0


def _placed(
    settings: Settings, manifest: Manifest, path: Path, place: Destination, extension: str, *, force: bool
) -> Path | None:
    """Where a result with this extension goes, None for standard output.

    Raises WrongWords, FileInTheWay, OSError.
    """
    file, has_sidecar = place.file(f"{path.stem}.{extension}"), is_signed_beside(settings, extension)
    if file is not None:
        inputs = (path.parent / word for word in references(manifest).values())
        refuse_overwriting([file, *([beside(file)] if has_sidecar else [])], [path, *inputs])
    check_place(file, extension, has_sidecar=has_sidecar, force=force)
    return file


def _expected(settings: Settings, manifest: Manifest, path: Path) -> str | None:
    """The extension of the result; None where the target is no picture nor video, and so there is none.

    Raises InputNotFound, OSError.
    """
    if manifest.process_type == "detect-faces":
        return DETECTION
    target = path.parent / manifest.target
    if not target.is_file():
        raise InputNotFound(f"{target} is not a file.")
    return expected_extension(target, manifest.options, picture_limits(settings))


async def _process(
    settings: Settings,
    manifest: Manifest,
    path: Path,
    placed: Callable[[str], Path | None],
    reporter: ProgressReporter,
) -> tuple[JobContext, Path | None]:
    def report(stage: Stage, progress: Progress) -> None:
        reporter.move(describe_progress(stage, progress), done=progress.done, total=progress.total)

    name = output_id(manifest.job_id or path.name, _ATTEMPT)
    async with (
        open_local_jobs(settings, folder=path.parent) as jobs,
        jobs.context(manifest, output_id=name, report=report) as context,
    ):
        output = await jobs.run(context)
        saved = placed(output.extension)
        if saved is None:
            await asyncio.to_thread(write_to_stdout, body_of(output))
        else:
            await asyncio.to_thread(keep_whole, saved, output)
        await jobs.forget(name)  # after: what could not be written is soon done again
        return context, saved

"""`swapdrop process`: the job of a manifest right here, whatever its kind, without a bucket."""

import asyncio
from pathlib import Path

import typer

from consumer.cli.bucket import fail, faults_told, settings_or_exit
from consumer.cli.destination import Destination, read_destination, write_to_stdout
from consumer.cli.progress import ProgressReporter, describe_progress, print_warnings, reporting
from consumer.client.files import body_of, describe_os_error, keep_whole
from consumer.client.local import open_local_jobs
from consumer.config.settings import Settings
from consumer.jobs.context import JobContext, output_id
from models.errors import ModelError
from storage.errors import StorageError
from storage.records.manifest import Manifest, read_manifest
from storage.records.status import Progress, Stage

_ATTEMPT = 1


def run_process(path: Path, output: str) -> int:
    """Do the job and save its result; 0 if it was done."""
    settings = settings_or_exit()
    try:
        place = read_destination(output)
        manifest = read_manifest(path.read_bytes())
        with reporting(settings) as reporter, faults_told():
            context, saved = asyncio.run(_process(settings, manifest, path, place, reporter))
    except (ModelError, StorageError) as error:
        raise fail(f"{error} ({error.code})") from None
    except OSError as error:
        raise fail(describe_os_error(error)) from None
    print_warnings(context.known.warnings)
    if saved is not None:
        typer.echo(saved)
    return 0


async def _process(
    settings: Settings, manifest: Manifest, path: Path, place: Destination, reporter: ProgressReporter
) -> tuple[JobContext, Path | None]:
    def report(stage: Stage, progress: Progress) -> None:
        reporter.move(describe_progress(stage, progress), done=progress.done, total=progress.total)

    name = output_id(manifest.job_id or path.name, _ATTEMPT)
    async with (
        open_local_jobs(settings, folder=path.parent) as jobs,
        jobs.context(manifest, output_id=name, report=report) as context,
    ):
        output = await context.run()
        await jobs.forget(name)
        saved = place.file(f"{path.stem}.{output.extension}")
        if saved is None:
            await asyncio.to_thread(write_to_stdout, body_of(output))
        else:
            await asyncio.to_thread(keep_whole, saved, output)
        return context, saved

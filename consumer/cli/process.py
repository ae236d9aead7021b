"""`swapdrop process`: the job of a manifest right here, whatever its kind, without a bucket."""

import asyncio
from pathlib import Path

import typer

from consumer.cli.bucket import fail, settings_or_exit
from consumer.cli.progress import ProgressReporter, reporting
from consumer.client.files import describe_os_error, keep_whole
from consumer.client.local import open_local_jobs
from consumer.config.settings import Settings
from consumer.jobs.context import JobContext, output_id
from models.errors import ModelError
from storage.errors import StorageError
from storage.records.manifest import Manifest, read_manifest
from storage.records.status import Progress, Stage

_ATTEMPT = 1


def run_process(path: Path, output: Path) -> int:
    """Do the job and save its result; 0 if it was done."""
    settings = settings_or_exit()
    try:
        manifest = read_manifest(path.read_bytes())
        with reporting(settings) as reporter:
            context = asyncio.run(_process(settings, manifest, path.parent, output, reporter))
    except (ModelError, StorageError) as error:
        raise fail(f"{error} ({error.code})") from None
    except OSError as error:
        raise fail(describe_os_error(error)) from None
    for warning in context.known.warnings:
        typer.secho(f"{warning.code} {warning.message}", err=True, fg=typer.colors.YELLOW)
    typer.echo(output)
    return 0


async def _process(
    settings: Settings, manifest: Manifest, folder: Path, output: Path, reporter: ProgressReporter
) -> JobContext:
    def report(stage: Stage, progress: Progress | None) -> None:
        if progress is not None:
            reporter.move(stage, done=progress.done, total=progress.total)

    name = output_id(manifest.job_id or output.name, _ATTEMPT)
    async with (
        open_local_jobs(settings, folder=folder) as jobs,
        jobs.context(manifest, output_id=name, report=report) as context,
    ):
        await asyncio.to_thread(keep_whole, output, await context.run())
        return context

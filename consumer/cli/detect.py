"""`swapdrop detect`: the faces of a local picture or video, by the numbers that --face takes."""

import asyncio
from pathlib import Path

import typer
from rich.table import Table

from consumer.cli.bucket import fail, faults_told, settings_or_exit
from consumer.cli.progress import ProgressReporter, describe_progress, print_warnings, reporting
from consumer.cli.tables import print_table, standard_output
from consumer.client.local import open_local_jobs
from consumer.client.submission import describe, read_local
from consumer.config.limits import face_filter_of
from consumer.config.settings import Settings
from consumer.jobs.context import JobContext
from consumer.telemetry.logs import configure_logging
from models.errors import ModelError
from storage.errors import StorageError
from storage.records.detection import Detection, read_detection
from storage.records.manifest import Manifest
from storage.records.status import Progress, Stage


def run_detect(target: Path, engine: str, *, min_face_px: float | None, as_json: bool) -> int:
    """Print what was found; 0 only if there is a face."""
    settings = settings_or_exit()
    configure_logging(settings)
    if not target.is_file():
        raise fail(f"{target} is not a file.")
    try:
        manifest = read_local(describe(None, str(target), {}, options={"engine": engine}))
        with reporting(settings) as reporter, faults_told():
            context, body = asyncio.run(_detect(settings, manifest, min_face_px, reporter))
    except (ModelError, StorageError) as error:
        raise fail(f"{error} ({error.code})") from None
    found = read_detection(body)
    if as_json:
        with standard_output():
            typer.echo(body)
    elif found.faces:
        _print_table(found)
    print_warnings(context.known.warnings)
    if not found.faces:
        raise fail(f"No face was found in {target}{_of_what_size(min_face_px)}.")
    return 0 if found.faces else 1


async def _detect(
    settings: Settings, manifest: Manifest, min_face_px: float | None, reporter: ProgressReporter
) -> tuple[JobContext, bytes]:
    def report(stage: Stage, progress: Progress) -> None:
        reporter.move(describe_progress(stage, progress), done=progress.done, total=progress.total)

    counting = face_filter_of(settings, min_size_px=min_face_px)
    async with (
        open_local_jobs(settings, face_filter=counting) as jobs,
        jobs.context(manifest, output_id="", report=report) as context,
    ):
        output = await jobs.run(context)
        return context, output.body or b""


def _of_what_size(min_face_px: float | None) -> str:
    return f" that is at least {min_face_px:g} pixels wide and high" if min_face_px else ""


def _print_table(found: Detection) -> None:
    table = Table(box=None, padding=(0, 2, 0, 0))
    seen = ("from", "to") if found.media.kind == "video" else ()
    for title in ("face", "where", "x", "y", "width", "height", "score", *seen):
        table.add_column(title, justify="left" if title in {"face", "where"} else "right", no_wrap=True)
    for face in found.faces:
        numbers = [f"{value:.0f}" for value in (face.x, face.y, face.width, face.height)]
        times = [f"{face.track.first_s:.1f} s", f"{face.track.last_s:.1f} s"] if seen and face.track else []
        table.add_row(
            face.face_id.removeprefix("face_"),
            face.position_description,
            *numbers,
            f"{face.confidence:.2f}",
            *times,
        )
    print_table(table)

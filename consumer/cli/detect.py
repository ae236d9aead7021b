"""`swapdrop detect`: the faces of a local picture, by the numbers that --face takes."""

from pathlib import Path

import typer
from rich.console import Console
from rich.table import Table

from consumer.cli.bucket import fail, settings_or_exit
from consumer.config.limits import face_filter_of, picture_limits
from consumer.engines.registry import open_registry
from consumer.jobs.detection_record import to_record
from models.errors import ModelError
from pipeline.swap.decode import decode_target
from pipeline.swap.detect import DetectedFaces, detect_steps
from pipeline.swap.steps import run_through
from pipeline.swap.timing import Timings


def run_detect(target: Path, engine: str, *, min_face_px: float | None, as_json: bool) -> int:
    """Print what was found; 0 only if there is a face."""
    settings = settings_or_exit()
    face_filter = face_filter_of(settings, side_px=min_face_px)
    if not target.is_file():
        raise fail(f"{target} is not a file.")
    try:
        media = decode_target(target.read_bytes(), picture_limits(settings))
        opened = open_registry(settings).find(engine).open()
        found = run_through(detect_steps(opened, media, face_filter, Timings(), _no_progress))
    except ModelError as error:
        raise fail(f"{error} ({error.code})") from None
    if as_json:
        typer.echo(to_record(found).to_bytes())
    else:
        _print_table(found)
    return 0 if found.faces else 1


def _no_progress(_done: int, _total: int) -> None:
    """A picture takes a moment, and an animation rarely more than a frame."""


def _print_table(found: DetectedFaces) -> None:
    table = Table(box=None, padding=(0, 2, 0, 0))
    for title in ("face", "where", "x", "y", "width", "height", "score"):
        table.add_column(title, justify="left" if title in {"face", "where"} else "right")
    for face in found.faces:
        x, y = face.face.bbox[:2]
        width, height = face.face.size
        numbers = (f"{value:.0f}" for value in (x, y, width, height))
        table.add_row(face.face_id.removeprefix("face_"), face.position, *numbers, f"{face.face.score:.2f}")
    Console(highlight=False).print(table)
    for notice in found.notices:
        typer.secho(f"{notice.code} {notice.message}", err=True, fg=typer.colors.YELLOW)

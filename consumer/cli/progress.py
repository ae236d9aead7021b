"""How a command that does many things tells of them: a bar on a terminal, log lines elsewhere.

Results go to standard output, all talk to standard error. Both may be one terminal, so the bar goes away
while something else is written.
"""

import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final, TextIO, cast

import structlog
import typer
from rich.console import Console
from rich.file_proxy import FileProxy
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from consumer.config.settings import Settings
from consumer.telemetry.logs import configure_logging
from storage.records.status import JobWarning, Stage
from storage.records.status import Progress as JobProgress

_NAMED: Final = 3


def describe_progress(stage: Stage, progress: JobProgress) -> str:
    """How far a job is, in a few words: `swap 120 of 900 frames, 31.2 a second, 0:25 left`."""
    if not progress.total:
        return stage
    said = f"{stage} {progress.done} of {progress.total} {progress.unit}"
    if progress.fps is not None:
        said += f", {progress.fps:g} a second"
    if progress.left_s is not None:
        minutes, seconds = divmod(round(progress.left_s), 60)
        said += f", {minutes}:{seconds:02} left"
    return said


class ProgressReporter:
    """Tells people how far it is, and programs what happened."""

    def __init__(self, console: Console, progress: Progress, task: TaskID) -> None:
        self.console = console
        self._progress = progress
        self._task = task
        self._log = structlog.get_logger()

    def move(self, description: str, *, done: float, total: float) -> None:
        """Move the bar, which only a terminal has."""
        self._progress.update(self._task, description=escape(description), completed=done, total=total)

    def event(self, name: str, **fields: object) -> None:
        """Write a log line, except on a terminal, where the bar says enough."""
        if not self.console.is_terminal:
            self._log.info(name, **fields)

    def fault(self, what: str, message: str, code: str) -> None:
        """Say at once that something failed, and why."""
        if self.console.is_terminal:
            self.console.print(f"[red]{escape(what)}[/red]  {escape(message)} [dim]({escape(code)})[/dim]")
        else:
            self._log.error("failed", what=what, code=code, message=message)

    def result(self, line: str) -> None:
        """Write a line to standard output, with no part of the bar in it."""
        with self._without_bar():
            typer.echo(line)

    @contextmanager
    def _without_bar(self) -> Iterator[None]:
        if self._progress.disable or not sys.stdout.isatty():
            yield
            return
        self._progress.stop()
        yield
        self._progress.start()


@contextmanager
def reporting(settings: Settings) -> Iterator[ProgressReporter]:
    """Tell on standard error while the block runs; the bar leaves nothing behind."""
    console = Console(stderr=True, highlight=False)
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    progress = Progress(
        *columns,
        console=console,
        transient=True,
        disable=not console.is_terminal,
        redirect_stdout=False,  # or results would be written to standard error
        redirect_stderr=False,
    )
    # Log lines go above the bar.
    above = cast("TextIO", FileProxy(console, sys.stderr)) if console.is_terminal else None
    configure_logging(settings, above)
    try:
        with progress:
            yield ProgressReporter(console, progress, progress.add_task("", total=None))
    finally:
        configure_logging(settings)


def print_counts(tally: Counter[str], *, good: frozenset[str]) -> None:
    """Print how many things ended how, the `good` ends in green; nothing if there was but one good one."""
    if tally.total() == 1 and good.issuperset(tally):
        return
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(justify="right")
    table.add_column()
    for name, count in tally.most_common():
        colour = "green" if name in good else "red"
        table.add_row(str(count), f"[{colour}]{escape(name)}[/{colour}]")
    Console(stderr=True, highlight=False).print(table)


def print_warnings(warnings: Iterable[JobWarning]) -> None:
    """Print each warning of one job once on standard error."""
    _print_warnings(dict.fromkeys(warnings, ()))


def print_warnings_of(warned: Iterable[tuple[str, JobWarning]]) -> None:
    """Print each warning once on standard error, with the names of what it is about, of many the first."""
    names: dict[JobWarning, list[str]] = {}
    for name, warning in warned:
        names.setdefault(warning, []).append(name)
    _print_warnings(names)


def _print_warnings(names: Mapping[JobWarning, Sequence[str]]) -> None:
    console = Console(stderr=True, highlight=False)
    for warning, about in names.items():
        more = f" and {len(about) - _NAMED} more" if len(about) > _NAMED else ""
        where = f" ({escape(', '.join(about[:_NAMED]))}{more})" if about else ""
        console.print(f"[yellow]{escape(warning.code)}[/yellow]{where} {escape(warning.message)}")

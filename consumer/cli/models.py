"""`swapdrop models`: what there is, getting it, checking it, where it lies, removing it."""

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import structlog
import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TransferSpeedColumn
from rich.table import Table

from consumer.cli.bucket import fail, faults_told, settings_or_exit
from consumer.config.settings import Settings
from consumer.engines.model_files import model_fetchers, open_model_store
from consumer.telemetry.logs import configure_logging
from models.catalogue import Catalogue, Licence, ModelFile
from models.errors import ModelMissing, ModelUnavailable
from models.store import download
from models.store.model_store import Found, Missing, ModelStore
from models.store.places import reason

_BY_DEFAULT: Final = "inswapper_128_fp16"
_UNCHECKED: Final = "figures from a third party, not checked by us"
_LOG_STEP_PERCENT: Final = 10


def list_models(*, as_json: bool) -> int:
    """Print the files of the catalogue with their state, and which engines are complete."""
    store, _ = _opened()
    files = [file for file in store.catalogue.files.values() if not store.catalogue.members(file.name)]
    located = {file.name: store.locate(file.name) for file in files}
    if as_json:
        rows = {name: _described(found, store.catalogue) for name, found in located.items()}
        typer.echo(json.dumps(rows, indent=2))
        return 0
    table = Table(box=None, pad_edge=False)
    for heading in ("file", "MB", "licence", "state"):
        table.add_column(heading, overflow="fold", no_wrap=heading != "state")
    for name, found in located.items():
        size = found.file.largest_bytes
        table.add_row(name, f"{size / 1e6:.0f}" if size else "?", found.file.licence.id, _state(found))
    engines = Table("engine", "kind", "state", box=None, pad_edge=False)
    for engine in store.catalogue.engines.values():
        engines.add_row(
            engine.name, engine.kind, _engine_state([located[f.name] for f in engine.files.values()])
        )
    licences = Table("licence", "what it says", box=None, pad_edge=False)
    for licence in store.catalogue.licences.values():
        licences.add_row(licence.id, licence.title)
    console = Console()
    console.print(table, "", engines, "", licences)
    return 0


def pull_models(names: Sequence[str], *, accept_license: bool) -> int:
    """Fetch what is missing of the files and engines named; 0 only if all of it is here in the end."""
    store, settings = _opened()
    files = _selected(store, names or [_BY_DEFAULT])
    missing = [file for file in files if isinstance(store.locate(file.name), Missing)]
    _show_licences(store, missing, accept=accept_license)
    with faults_told():
        fetchers = [] if settings.offline else model_fetchers(settings)
    failures = []
    with _progress(settings) as progress:
        for file in files:
            try:
                found = store.pull(file.name, fetchers, progress)
            except ModelMissing as error:
                failures.append("\n  ".join([str(error), *error.where]))
            except ModelUnavailable as error:
                failures.append(str(error))
            else:
                typer.echo(str(found.path))
    if failures:
        raise fail("\n".join(failures))
    return 0


def verify_models(names: Sequence[str], *, as_json: bool) -> int:
    """Hash anew what is here, or what is named; 0 only if none is bad and none named is missing."""
    store, _ = _opened()
    files = _selected(store, names) if names else tuple(store.catalogue.files.values())
    looked = [store.locate(file.name, afresh=True) for file in files]
    shown = looked if names else [one for one in looked if isinstance(one, Found) or one.bad]
    good = all(isinstance(one, Found) for one in shown)
    if as_json:
        rows = {one.file.name: _described(one, store.catalogue) for one in shown}
        typer.echo(json.dumps(rows, indent=2))
        return 0 if good else 1
    for one in shown:
        if isinstance(one, Found):
            note = "" if one.version.checked else f" ({_UNCHECKED})"
            typer.echo(f"good     {one.file.name}: {one.path}, {one.version.revision}{note}")
        else:
            typer.echo(f"{_code(one):8} {one.file.name}")
            _echo_all(f"         {candidate}" for candidate in one.candidates if names or candidate.bad)
    if not shown:
        typer.echo("No model file is here; `swapdrop models pull` gets them.")
    return 0 if good else 1


def where_models(name: str | None) -> int:
    """Print the path of a file, or the folders that are searched; 1 if it is nowhere."""
    store, _ = _opened()
    if name is None:
        _echo_all(str(place.folder) for place in store.places)
        return 0
    paths, failures = [], []
    for file in _selected(store, [name]):
        found = store.locate(file.name)
        if isinstance(found, Found):
            paths.append(str(found.path))
        else:
            failures.append("\n  ".join([f"{file.name} is nowhere:", *map(str, found.candidates)]))
    _echo_all(paths)
    if failures:
        raise fail("\n".join(failures))
    return 0


def remove_models(names: Sequence[str]) -> int:
    """Delete every copy of the files named; 0 only if there was one of each."""
    store, _ = _opened()
    untouched = []
    for file in _selected(store, names):
        try:
            removed = store.remove(file.name)
        except OSError as error:
            raise fail(f"{error.filename or file.name} could not be removed: {reason(error)}.") from None
        _echo_all(f"removed {path}" for path in removed)
        untouched += [] if removed else [file.name]
    if untouched:
        raise fail(f"There was nothing to remove of {', '.join(untouched)}.")
    return 0


def _opened() -> tuple[ModelStore, Settings]:
    settings = settings_or_exit()
    try:
        return open_model_store(settings), settings
    except ValueError as error:
        raise fail(str(error), code=2) from None


def _selected(store: ModelStore, names: Sequence[str]) -> tuple[ModelFile, ...]:
    try:
        return store.catalogue.select(names)
    except ValueError as error:
        raise fail(str(error), code=2) from None


def _engines(file: ModelFile, catalogue: Catalogue) -> list[str]:
    return [engine.name for engine in catalogue.engines.values() if file in engine.files.values()]


def _state(found: Found | Missing) -> str:
    if isinstance(found, Found):
        return "here" if found.version.checked else "here; figures not checked by us"
    if not found.file.verifiable:
        return ": ".join(filter(None, ("no checksum is known", found.file.note)))
    return "here, but not the right file" if found.bad else "missing"


def _engine_state(located: Sequence[Found | Missing]) -> str:
    unknown = [one.file.name for one in located if not one.file.verifiable]
    if unknown:
        return f"cannot be had: no checksum of {' and '.join(unknown)} is known"
    lacking = sum(isinstance(one, Missing) for one in located)
    return f"lacks {lacking} of {len(located)} files" if lacking else "complete"


def _described(found: Found | Missing, catalogue: Catalogue) -> dict[str, Any]:
    """What programs get to know of a file."""
    described: dict[str, Any] = {
        "state": _code(found),
        "verifiable": found.file.verifiable,
        "note": found.file.note,
        "licence": found.file.licence.id,
        "engines": _engines(found.file, catalogue),
        "candidates": [{"folder": str(one.folder), "reason": one.reason} for one in found.candidates],
    }
    if isinstance(found, Found):
        described |= {
            "path": str(found.path),
            "sha256": found.sha256,
            "revision": found.version.revision,
            "checked": found.version.checked,
        }
    return described


def _code(found: Found | Missing) -> str:
    if isinstance(found, Found):
        return "good"
    return "bad" if found.bad else "missing"


def _show_licences(store: ModelStore, files: Iterable[ModelFile], *, accept: bool) -> None:
    """Show what still has to be accepted, and accept it if that was asked for; else end with exit code 1."""
    open_ones: dict[str, Licence] = {
        file.licence.id: file.licence for file in files if not store.licences.allows(file.licence)
    }
    if not open_ones:
        return
    for licence in open_ones.values():
        typer.echo(f"{licence.title}\n  {licence.url}", err=True)
    if not accept:
        setting = f"SWAPDROP_ACCEPT_LICENSES={','.join(open_ones)}"
        raise fail(f"These licences have to be accepted once: add --accept-license, or set {setting}.")
    try:
        store.licences.accept(open_ones.values())
    except OSError as error:
        typer.echo(f"This could not be recorded ({reason(error)}); next time it is asked again.", err=True)


@contextmanager
def _progress(settings: Settings) -> Iterator[download.DownloadProgress]:
    """A bar on a terminal, log lines elsewhere."""
    console = Console(stderr=True)
    if not console.is_terminal:
        configure_logging(settings)
        yield _Lines()
        return
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=console, transient=True) as bars:
        yield _Bars(bars)


class _Bars:
    """One bar a file."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}

    def note(self, name: str, sentence: str) -> None:
        self._bars.console.print(f"{name}: {sentence}", highlight=False, markup=False)

    def advance(self, name: str, done: int, total: int | None) -> None:
        if name not in self._tasks:
            self._tasks[name] = self._bars.add_task(name, total=total)
        self._bars.update(self._tasks[name], completed=done, total=total)


class _Lines:
    """One line a tenth of a file."""

    def __init__(self) -> None:
        self._log = structlog.get_logger()
        self._shown: dict[str, int] = {}

    def note(self, name: str, sentence: str) -> None:
        self._log.info("model", file=name, note=sentence)

    def advance(self, name: str, done: int, total: int | None) -> None:
        step = 100 * done // total // _LOG_STEP_PERCENT if total else done // 2**26
        if step != self._shown.get(name):
            self._shown[name] = step
            self._log.info("model", file=name, done_bytes=done, total_bytes=total)


def _echo_all(lines: Iterable[str]) -> None:
    for line in lines:
        typer.echo(line)

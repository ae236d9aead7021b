"""Jobs from a table: one a row, columns named as in the contract."""

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from consumer.client.submission import Submission, SubmittedFiles, check, shows_video
from consumer.client.targets import NoSuchFile
from storage.errors import InvalidManifest
from storage.records.manifest import Options

_FILES = ("source", "target")
_FIELDS = (*_FILES, "detection", "process_type")
_FACE = re.compile(r"face_[0-9]+")
_DELIMITERS = ",;\t"
_MAX_FAULTS = 20


class InvalidTable(ValueError):
    """A table of jobs is not one; the message has a line for each fault."""


def read_table(
    path: Path,
    options: Mapping[str, Any],
    files: SubmittedFiles,
    *,
    consent: Mapping[str, Any] | None = None,
) -> list[Submission]:
    """Read a CSV file, with comma, semicolon or tab; `options` hold where a row does not say otherwise.

    `consent` is that of all jobs.

    Files are looked for beside the table. Empty cells and rows count as not there.

    Raises:
        InvalidTable: names every fault by its row, the first of which is 1, and column.
    """
    columns, rows = _cells(path)
    faults = list(_unknown(columns))
    jobs: list[Submission] = []
    for number, cells in rows if not faults else ():
        filled = {name: cell.strip() for name, cell in zip(columns, cells, strict=False) if cell.strip()}
        if not filled:
            continue
        wrong = [f"Row {number} has more cells than there are columns."] if len(cells) > len(columns) else []
        if filled.pop("", None):
            wrong.append(f"Row {number} has a cell in a column without a name.")
        document, more = _document(filled, path.parent, options, files)
        wrong += [f"Row {number}, {fault}" for fault in more]
        if not wrong:
            try:
                jobs.append(check(filled.get("target", ""), {**document, "consent": consent or None}))
            except InvalidManifest as error:
                wrong = [f"Row {number}: {error}"]
        faults += wrong
    if not jobs and not faults:
        faults = ["The table has no jobs; it needs the columns source and target, and a row for each job."]
    if faults:
        more_faults = [f"And {len(faults) - _MAX_FAULTS} more."] if len(faults) > _MAX_FAULTS else []
        raise InvalidTable("\n".join([*faults[:_MAX_FAULTS], *more_faults]))
    return jobs


def _cells(path: Path) -> tuple[list[str], list[tuple[int, list[str]]]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            first = file.readline()
            file.seek(0)
            delimiter = max(_DELIMITERS, key=first.count)
            rows = list(enumerate(csv.reader(file, delimiter=delimiter, strict=True), start=1))
    except UnicodeDecodeError:
        raise InvalidTable(f"{path} is not UTF-8; save it as CSV UTF-8.") from None
    except csv.Error as error:
        raise InvalidTable(f"{path} is not a CSV file: {error}.") from None
    except OSError as error:
        raise InvalidTable(f"{path} cannot be read: {error.strerror}.") from None
    header = rows[0][1] if rows else []
    return [name.strip().lower().replace("-", "_") for name in header], rows[1:]


def _unknown(columns: Sequence[str]) -> Iterator[str]:
    known = (*_FIELDS, *Options.model_fields)
    for number, name in enumerate(columns, start=1):
        if not name:  # spreadsheets leave some at the end
            continue
        if name in columns[: number - 1]:
            yield f"Column {number}: `{name}` is there twice."
        elif name not in known and not _FACE.fullmatch(name):
            yield f"Column {number}: `{name}` is not known; known are {', '.join(known)}, face_0, face_1…"


def _document(
    filled: Mapping[str, str], folder: Path, options: Mapping[str, Any], files: SubmittedFiles
) -> tuple[dict[str, Any], list[str]]:
    """The manifest that a row stands for, and what is wrong with its cells."""
    faults: list[str] = []
    values: dict[str, Any] = {}
    for name, cell in filled.items():
        try:
            values[name] = _value(name, cell, folder, files)
        except NoSuchFile as error:
            faults.append(f"column {name}: {error}")
        except ValidationError as error:
            message = error.errors()[0]["msg"]
            faults.append(f"column {name}: {message[:1].lower()}{message[1:]} (given: {cell[:40]!r}).")
    faces = {name: values[name] for name in values if _FACE.fullmatch(name)}
    chosen = {name: values[name] for name in values if name in Options.model_fields}
    document = {name: values[name] for name in _FIELDS if name in values}
    kind = "video" if shows_video(filled.get("target", ""), folder) else "image"
    document.setdefault("process_type", f"multi-{kind}" if faces else f"single-{kind}")
    if faces:
        document["face_mappings"] = faces
    return {**document, "options": {**options, **chosen}}, faults


def _value(name: str, cell: str, folder: Path, files: SubmittedFiles) -> object:
    """A cell as the manifest has it; raises NoSuchFile, ValidationError."""
    if name in _FILES or _FACE.fullmatch(name):
        return files.refer(cell, folder)
    if name in _FIELDS:
        return cell
    return getattr(Options.model_validate_strings({name: cell}, strict=False), name)

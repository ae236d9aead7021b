"""What the words of `swapdrop submit` mean: one checked submission for each job."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from consumer.client.csv_jobs import read_table
from consumer.client.submission import (
    SourceWords,
    Submission,
    SubmittedFiles,
    WrongWords,
    check,
    describe,
    is_remote,
    parse_faces,
    shows_video,
    split_sources,
)
from consumer.client.targets import NoSuchFile, find_targets


@dataclass(frozen=True, kw_only=True)
class SubmitCommand:
    """What the command line asks for; see the help texts of `swapdrop submit`."""

    words: Sequence[str]
    options: Mapping[str, Any]
    #: The manifest's consent, empty where nobody attests one.
    consent: Mapping[str, Any] = field(default_factory=dict)
    faces: Sequence[str] = ()
    table: Path | None = None
    detect: bool = False
    detection: str | None = None
    recursive: bool = False
    #: Pictures of one person, or with `each` of several who get a job for every target.
    sources: Sequence[str] = ()
    each: bool = False


def plan(command: SubmitCommand, files: SubmittedFiles) -> list[Submission]:
    """Check everything that is asked for, before anything is sent.

    Raises:
        InvalidManifest, InvalidTable, NoSuchFile, WrongWords: nothing of it can be sent; says why.
    """
    if command.table is not None:
        if command.words or command.faces or command.detect or command.sources or command.each:
            raise WrongWords("Give files or --csv, not both.")
        return read_table(command.table, command.options, files, consent=command.consent)
    faces = parse_faces(command.faces)
    if command.detect and (faces or command.detection):
        raise WrongWords("--detect finds faces; --face and --detection are for swapping them.")
    if command.detect:
        if command.sources or command.each:
            raise WrongWords("--detect finds faces; --source and --each are for swapping them.")
        sources: Sequence[SourceWords] = [None]
        targets = command.words
    else:
        sources, targets = split_sources(command.words, faces, command.sources, each=command.each)
    if not targets:
        raise WrongWords("Give the picture in which to find faces; or several.")
    referred = [_refer(source, files) for source in sources]
    pictures = {name: picture and files.refer(picture) for name, picture in faces.items()}
    fields = {
        "options": command.options,
        "consent": command.consent or None,
        "detection": command.detection,
    }
    return [
        check(
            target,
            describe(source, files.refer(target), pictures, is_video=shows_video(target), **fields),
        )
        for target in _expanded(targets, recursive=command.recursive)
        for source in referred
    ]


def _refer(source: SourceWords, files: SubmittedFiles) -> SourceWords:
    if source is None or isinstance(source, str):
        return source and files.refer(source)
    return tuple(files.refer(one) for one in source)


def _expanded(words: Sequence[str], *, recursive: bool) -> list[str]:
    """Every target by itself: bucket keys and URLs as they are, then the files."""
    remote = [word for word in words if is_remote(word)]
    local = [word for word in words if not is_remote(word)]
    found = find_targets(local, recursive=recursive).files if local else ()
    if not remote and not found:
        raise NoSuchFile(f"There is no picture or video in {', '.join(local)}.")
    return [*remote, *(str(target.path) for target in found)]

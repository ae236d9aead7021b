"""Which pictures and videos a command's words mean, and where each of their results goes."""

import glob
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import NoReturn

from pipeline.media.sniff import SNIFF_BYTES, MediaType, sniff

_WILD = frozenset("*?[")


class NoSuchFile(ValueError):
    """A word of the command is neither a file, a folder nor a pattern that matches one."""


@dataclass(frozen=True, kw_only=True)
class TargetFile:
    """A picture or video to change; `name` is its path below the folder that all targets have in common."""

    path: Path
    name: PurePath


@dataclass(frozen=True, kw_only=True)
class TargetFiles:
    """What was found; `ignored` counts the files in folders that are neither picture nor video."""

    files: tuple[TargetFile, ...]
    ignored: int = 0


def find_targets(
    words: Sequence[str], *, recursive: bool = False, leave_out: Path | None = None
) -> TargetFiles:
    """Find the files that are named, match a pattern, or lie in a folder and are pictures or videos.

    Folders are searched below only if `recursive`; hidden files, and all that patterns and folders hold below
    `leave_out`, stay unseen.
    Each file comes once, in the order given, those of a pattern or folder in the order of their names.

    Raises:
        NoSuchFile: a word leads to nothing.
        OSError: a file or folder cannot be read.
    """
    excluded = None if leave_out is None else leave_out.resolve()
    paths = [path for word in words for path in _expand(word, excluded)]
    common = Path(os.path.commonpath([_whole(path if path.is_dir() else path.parent) for path in paths]))
    found: dict[Path, Path] = {}
    ignored = 0
    for path in paths:
        if not path.is_dir():
            found.setdefault(_whole(path), path)
            continue
        for file in _walk(path, excluded, recursive=recursive):
            if sniff_file(file).kind in {"picture", "video"}:
                found.setdefault(_whole(file), file)
            else:
                ignored += 1
    files = tuple(
        TargetFile(path=path, name=absolute.relative_to(common)) for absolute, path in found.items()
    )
    return TargetFiles(files=files, ignored=ignored)


def check_words(words: Sequence[str]) -> None:
    """Raise NoSuchFile where a word is neither a file, a folder nor a pattern, whatever that matches."""
    for word in words:
        if not (Path(word).exists() or is_pattern(word)):
            raise NoSuchFile(f"{word} is not a file.")


def is_pattern(word: str) -> bool:
    """Whether a word that names no file is to be read as a pattern."""
    return not _WILD.isdisjoint(word)


def sniff_file(path: Path) -> MediaType:
    """Tell what a file is from its first bytes; raises OSError."""
    with path.open("rb") as file:
        return sniff(file.read(SNIFF_BYTES))


def result_names(names: Iterable[tuple[PurePath, str]]) -> list[PurePath]:
    """Name the result of each target, given with the extension of its format.

    A name stays as it is where it fits the format. Where two would meet (`a.jpg` and `a.png`, both to be
    WebP), each keeps its own extension too: `a.jpg.webp`.
    """
    wanted = [(name, _renamed(name, extension), extension) for name, extension in names]
    taken = Counter(_folded(name) for _, name, _ in wanted)
    return [
        renamed if taken[_folded(renamed)] == 1 or renamed == name else name.with_name(f"{name.name}.{ext}")
        for name, renamed, ext in wanted
    ]


def _renamed(name: PurePath, extension: str) -> PurePath:
    given = name.suffix.lower().lstrip(".")
    return name if {"jpeg": "jpg"}.get(given, given) == extension else name.with_suffix(f".{extension}")


def _folded(name: PurePath) -> str:
    """What two names have in common that are one file where case does not count."""
    return str(name).casefold()


def _whole(path: Path) -> Path:
    """The path from the root on without any `..`, which in a result's name would lead out of its folder."""
    return Path(os.path.abspath(path))  # noqa: PTH100 - `resolve` would follow links to files of other names


def _expand(word: str, excluded: Path | None) -> list[Path]:
    check_words([word])
    if Path(word).exists():
        return [Path(word)]
    matches = [Path(match) for match in sorted(glob.glob(word, recursive=True))]  # noqa: PTH207 - takes absolute patterns and `**` alike
    files = [path for path in matches if path.is_file()]
    if files:  # a pattern that matches nothing but what is to be left out means just that
        return [path for path in files if excluded not in path.resolve().parents] or files
    raise NoSuchFile(f"No file matches {word}.")


def _walk(folder: Path, excluded: Path | None, *, recursive: bool) -> Iterator[Path]:
    for parent, folders, files in os.walk(folder, onerror=_raise):
        within = [name for name in sorted(folders) if recursive and not name.startswith(".")]
        folders[:] = [name for name in within if Path(parent, name).resolve() != excluded]
        for name in sorted(files):
            path = Path(parent, name)
            if not name.startswith(".") and path.is_file():
                yield path


def _raise(error: OSError) -> NoReturn:
    """Pass over no folder that cannot be read: nobody would miss what lies there."""
    raise error

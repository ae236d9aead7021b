"""Jobs as a command asks for them: checked, with their local files, before anything is sent."""

import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from consumer.client.targets import NoSuchFile, sniff_file
from storage import keys
from storage.inbox.folders import is_video
from storage.records.manifest import Manifest, read_manifest

SourceWords = str | tuple[str, ...] | None
"""A picture of whom is put in, several of one person, or nobody: faces are only looked for."""

_DIGITS = 12  # 8 would let two of ten thousand pictures called IMG_0001 meet once in a hundred times
_FILES = frozenset({"source", "target", "face_mappings"})
_REMOTE = ("https://", keys.UPLOADS, keys.RESULTS)


class SubmittedFiles:
    """Local files by their content; each is read once, however often it is named."""

    def __init__(self) -> None:
        self._references: dict[Path, str] = {}
        self._paths: dict[str, Path] = {}

    def refer(self, word: str, folder: Path = Path()) -> str:
        """What stands for a file in a submission: `sha256:<hex>`, or a bucket key or URL as it is.

        Raises:
            NoSuchFile: there is no such file in `folder`.
        """
        if is_remote(word):
            return word
        path = (folder / word).absolute()
        if path not in self._references:
            if not path.is_file():
                raise NoSuchFile(
                    f"{word} is not a file; give a file, a key below uploads/ or an https:// URL."
                )
            with path.open("rb") as file:
                reference = f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"
            self._references[path] = reference
            self._paths.setdefault(reference, path)
        return self._references[path]

    def hold(self, path: Path) -> bool:
        """Whether a path leads to one of the files."""
        return path.resolve() in {known.resolve() for known in self._references}

    def path(self, reference: str) -> Path | None:
        """Where the content lies; None for a bucket key or URL."""
        return self._paths.get(reference)


def shows_video(word: str, folder: Path = Path()) -> bool:
    """Whether a target is a video: of a file its first bytes tell, of anything else its name."""
    if is_remote(word):
        return is_video(urlsplit(word).path)
    path = folder / word
    return path.is_file() and sniff_file(path).kind == "video"


def is_remote(word: str) -> bool:
    """Whether a word names something that is not on this machine."""
    return word.startswith(_REMOTE)


@dataclass(frozen=True, kw_only=True)
class Submission:
    """A job ready to be sent.

    `name` is its target as it was given. `document` is its manifest less what is default, with the
    references of LocalFiles.
    """

    name: str
    document: Mapping[str, Any]

    def job_id(self, turn: int = 0) -> str:
        """The job's id: the target's name and 12 digits of all that the job is, so that it is found again.

        A later `turn` is the same job once more, after the one before failed.
        """
        content = [json.dumps(self.document, sort_keys=True), *([f"turn {turn}"] if turn else [])]
        return keys.dropped_job_id(PurePosixPath(urlsplit(self.name).path).stem, content, digits=_DIGITS)


def check(name: str, document: Mapping[str, Any]) -> Submission:
    """Check a manifest that names files by the references of LocalFiles; raises InvalidManifest."""
    manifest = read_manifest(document)
    return Submission(name=name, document=manifest.model_dump(mode="json", exclude_defaults=True))


def read_local(document: Mapping[str, Any]) -> Manifest:
    """Read a manifest whose files are paths of this machine; raises InvalidManifest.

    Their names need not be text: they go into no record. One that is not has a stand-in while it is checked.
    """
    names: dict[str, str] = {}

    def stand_in(word: str) -> str:
        try:
            word.encode()
        except UnicodeEncodeError:
            names[f"\0{len(names)}"] = word  # which no path holds
            return next(reversed(names))
        return word

    checked = read_manifest({**document, **_files(document, stand_in)})
    given = {name: value for name in _FILES if (value := getattr(checked, name)) is not None}
    return checked.model_copy(update=_files(given, lambda name: names.get(name, name)))


def _files(document: Mapping[str, Any], change: Callable[[str], str]) -> dict[str, Any]:
    """The files that a manifest names, each changed."""
    changed: dict[str, Any] = {}
    for name in _FILES & document.keys():
        match document[name]:
            case str(word):
                changed[name] = change(word)
            case list(words):
                changed[name] = [change(word) for word in words]
            case pictures:
                changed[name] = {face: change(word) for face, word in pictures.items()}
    return changed


class WrongWords(ValueError):
    """The words of a command do not go together."""


def parse_faces(words: Sequence[str]) -> dict[str, str | None]:
    """Read `2=ben.jpg` as a face of the target and who goes there, `2` as one for the source to go to.

    Raises:
        WrongWords: a word is neither, or a face is there twice.
    """
    faces: dict[str, str | None] = {}
    for word in words:
        number, equals, picture = word.partition("=")
        name = f"face_{number.removeprefix('face_')}"
        if not re.fullmatch(r"face_(0|[1-9][0-9]{0,3})", name) or bool(equals) != bool(picture):
            raise WrongWords(
                f"--face {word} is not understood; write a face's number in reading order, the first is 0, "
                "and who goes there: --face 0=anna.jpg."
            )
        if name in faces:
            raise WrongWords(f"--face {number} is there twice.")
        faces[name] = picture or None
    return faces


def split_words(words: Sequence[str], faces: Mapping[str, str | None]) -> tuple[str | None, Sequence[str]]:
    """Take the source off the words where one is needed, which it is not if all `faces` have their own.

    Raises:
        WrongWords: there are too few words.
    """
    if faces and all(faces.values()):
        source, targets = None, words
    else:
        source, targets = (words[0] if words else None), words[1:]
    if not targets:
        raise WrongWords("Give the picture with the face to put in, then the picture to change; or several.")
    return source, targets


def split_sources(
    words: Sequence[str], faces: Mapping[str, str | None], sources: Sequence[str], *, each: bool
) -> tuple[Sequence[SourceWords], Sequence[str]]:
    """Who is put in, for each a job, and the targets; `sources` are those of `--source`, if any.

    Raises:
        WrongWords: they do not go together, or there are too few.
    """
    if not sources:
        if each:
            raise WrongWords("--each puts every --source onto every target; give --source several times.")
        source, targets = split_words(words, faces)
        return [source], targets
    if not words:
        raise WrongWords("Give the picture to change after each --source; or several.")
    if faces and (all(faces.values()) or (len(sources) > 1 and not each)):
        raise WrongWords("--face takes one --source, and none where every --face has its own picture.")
    if each or len(sources) == 1:
        return list(dict.fromkeys(sources)), words
    return [tuple(sources)], words


def describe(
    source: SourceWords,
    target: str,
    faces: Mapping[str, str | None],
    *,
    is_video: bool = False,
    **fields: object,
) -> dict[str, Any]:
    """The manifest that puts `source` onto the target, or someone onto each of `faces`."""
    kind = "video" if is_video else "image"
    if faces:
        mappings = {name: picture or source for name, picture in faces.items()}
        return {"process_type": f"multi-{kind}", "target": target, "face_mappings": mappings, **fields}
    if source is None:
        return {"process_type": "detect-faces", "target": target, **fields}
    given = source if isinstance(source, str) else list(source)
    return {"process_type": f"single-{kind}", "source": given, "target": target, **fields}

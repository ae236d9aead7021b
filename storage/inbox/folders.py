"""What the files of a dropped folder are for, and what to tell people where that is not plain.

The names of docs/jobs.md come first. Only where they do not make a job are others looked at: the same names
as people and their programs spell them (`Source (1).PNG`, `face-0.jpg`, `target` without an extension), and
then the one picture that is left over, where all others say what they are.
"""

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

VIDEO_EXTENSIONS = (".mp4", ".mov", ".webm", ".mkv", ".avi", ".m4v")
_PICTURE_EXTENSIONS = (
    *(".jpg", ".jpeg", ".jfif", ".png", ".apng", ".webp", ".avif", ".heic", ".heif", ".tif", ".tiff"),
    *(".bmp", ".gif"),
)
_ROLES = {"target": "target", "media": "target", "source": "source", "face": "source"}
_JSON_FILES = {"options.json": "options", "consent.json": "consent"}
_FACE = re.compile(r"face_([0-9]{1,4})")
_SOURCE = re.compile(r"source_([0-9]{1,2})")  # one of several pictures of one person
_SPELLED_FACE = re.compile(r"face[ _-]*([0-9]{1,4})")
# What browsers and desktops add to a second copy: `source (1)`, `source - Copy`, `source copy 2`.
_COPY = re.compile(r"(?:[ _-]*\([0-9]{1,3}\)|[ _-]+copy(?: [0-9]{1,3})?)+$")
_JUNK = frozenset({"thumbs.db", "desktop.ini", "icon\r"})
_MOST_NAMED = 5
_MAX_SHOWN = 60


@dataclass(frozen=True, kw_only=True)
class Folder:
    """The files of a folder by what they are for."""

    #: target, source, face_<n>, options or consent by the file's name; what is for nothing is not there.
    roles: Mapping[str, str]
    #: Whether they make a job.
    complete: bool
    #: Whether a file was taken for what it is because all others say what they are.
    guessed: bool = False


def read_folder(files: Collection[str]) -> Folder:
    """Say what each file of a folder is for."""
    exact = {file: role for file in files if (role := _role(file))}
    if _is_complete(exact.values()):
        return Folder(roles=exact, complete=True)
    taken = set(exact.values())
    spelled = {file: role for file in files if (role := _spelled_role(file)) and role not in taken}
    roles = {**spelled, **exact}
    if _is_complete(roles.values()):
        return Folder(roles=roles, complete=True)
    left_over = [file for file in files if file not in roles and is_media(file)]
    role = _missing(roles.values())
    if len(left_over) == 1 and role and not (role == "source" and is_video(left_over[0])):
        return Folder(roles={**roles, left_over[0]: role}, complete=True, guessed=True)
    return Folder(roles=roles, complete=False)


def is_video(file: str) -> bool:
    """Whether a file's name says that it is a video."""
    return file.lower().endswith(VIDEO_EXTENSIONS)


def is_media(file: str) -> bool:
    """Whether a file's name says that it is a picture or a video."""
    return not file.startswith(".") and file.lower().endswith((*_PICTURE_EXTENSIONS, *VIDEO_EXTENSIONS))


def is_junk(file: str) -> bool:
    """Whether a file is one that desktops leave behind: it says nothing, and nobody misses it."""
    return not file or file.startswith(".") or file.lower() in _JUNK


def explain(place: str, files: Sequence[str]) -> str:
    """Tell people what lies in a folder of the inbox that is no job yet, and what to do.

    `files` are names within the folder, `place` is its name, empty for what lies in the inbox itself.
    """
    shown = [file for file in files if not is_junk(file)]
    there = listed(shown)
    if not place:
        return (
            f"In the inbox itself lie {there}. Put the files of a job into a folder of their own, such as "
            "`inbox/holiday/source.jpg` and `inbox/holiday/target.jpg`; a manifest's name ends with `.json`."
        )
    direct = [file for file in shown if "/" not in file]
    if not direct:
        return (
            f"In `inbox/{place}/` lie {there}. Files in folders within a folder are not looked at: put those "
            "of each job directly into a folder of `inbox/`."
        )
    roles = read_folder(direct).roles
    missing = _missing(roles.values())
    if missing == "source":
        lacks = "What is missing is the picture with the face to put in: add it as `source.jpg`."
    elif missing == "target":
        lacks = "What is missing is the picture to change: add it as `target.jpg`."
    else:
        lacks = (
            "None of them says what it is for: call the picture with the face to put in `source` and the "
            "picture to change `target`."
        )
    return f"In `inbox/{place}/` lie {there}. {lacks}"


def listed(files: Sequence[str]) -> str:
    """Some files by name, for a sentence."""
    more = len(files) - _MOST_NAMED
    names = [f"`{_shown(file)}`" for file in files[:_MOST_NAMED]]
    return ", ".join(names) + (f" and {more} more" if more > 0 else "")


def _shown(file: str) -> str:
    text = "".join(letter if letter.isprintable() else "?" for letter in file)
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}…"


def _role(file: str) -> str | None:
    file = file.lower()
    stem, dot, extension = file.partition(".")
    if not (dot and extension):
        return None
    if file in _JSON_FILES:
        return _JSON_FILES[file]
    for role, numbered in (("face", _FACE.fullmatch(stem)), ("source", _SOURCE.fullmatch(stem))):
        if numbered:
            return f"{role}_{int(numbered[1])}"
    return _ROLES.get(stem)


def _spelled_role(file: str) -> str | None:
    """The role of a file that is called as it should be, but for how that is spelled."""
    name = file.lower().strip()
    stem, dot, extension = name.rpartition(".")
    if not dot:
        stem = name
    elif not (is_media(name) or extension == "json"):
        return None
    stem = _COPY.sub("", stem.strip()).strip(" _-")
    if extension == "json" and dot:
        return _JSON_FILES.get(f"{stem}.json")
    numbered = _SPELLED_FACE.fullmatch(stem)
    return f"face_{int(numbered[1])}" if numbered else _ROLES.get(stem)


def _has_source(roles: Collection[str]) -> bool:
    return any(role.startswith(("source", "face_")) for role in roles)


def _is_complete(roles: Collection[str]) -> bool:
    return "target" in roles and _has_source(roles)


def _missing(roles: Collection[str]) -> str | None:
    """Which role a folder lacks that has the other one; None where it has neither, or both."""
    present = Counter(roles)
    if present["target"] and not _has_source(roles):
        return "source"
    return "target" if _has_source(roles) and not present["target"] else None

"""Whether a file is the one the catalogue means: its size and sha256, hashed once per change."""

import hashlib
import json
import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from models.catalogue import ModelFile, Version
from models.store.files import replace_text
from models.store.places import reason

_SETTLED_NS: Final = 2 * 10**9  # within one tick of a coarse clock a file can change and keep its mtime
_HTML_STARTS: Final = (b"<!doctype", b"<html", b"<head", b"<?xml")


NOT_THERE: Final = "not there"


class BadFile(Exception):
    """It is not the file that was expected; the message says why, in a few words."""


def sha256_of(path: Path) -> str:
    """Hash a whole file; raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class Digests:
    """Remembers the sha256 of files by device, inode, mtime and size, in `cache_file` where that can be.

    A cache that cannot be read, is damaged or cannot be written only costs hashing again.
    """

    def __init__(self, cache_file: Path) -> None:
        self._file = cache_file
        self._known = _read(cache_file)

    def sha256(self, path: Path, *, afresh: bool = False) -> str:
        """Return a file's sha256 in hex, from memory unless `afresh`; raises OSError."""
        before = path.stat()
        key = _key(before)
        if not afresh and key in self._known:
            return self._known[key]
        digest = sha256_of(path)
        settled = time.time_ns() - before.st_mtime_ns > _SETTLED_NS
        if settled and _key(path.stat()) == key:
            self._keep(key, digest)
        return digest

    def remember(self, path: Path, digest: str) -> None:
        """Note the sha256 of a file that was just hashed and put in its place; raises OSError."""
        self._keep(_key(path.stat()), digest)

    def _keep(self, key: str, digest: str) -> None:
        if self._known.get(key) == digest:
            return
        self._known = _read(self._file) | self._known | {key: digest}
        with suppress(OSError):  # it is only a memory: without it the next start hashes again
            replace_text(self._file, json.dumps(self._known))


def _key(stat: os.stat_result) -> str:
    return f"{stat.st_dev}:{stat.st_ino}:{stat.st_mtime_ns}:{stat.st_size}"


def _read(path: Path) -> dict[str, str]:
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    if not isinstance(content, dict) or not all(isinstance(value, str) for value in content.values()):
        return {}
    return content


def examine(path: Path, file: ModelFile, digests: Digests, *, afresh: bool = False) -> Version:
    """Return the version of `file` that lies at `path`.

    Raises:
        BadFile: nothing lies there, or something else.
    """
    try:
        return _examine(path, file, digests, afresh=afresh)
    except FileNotFoundError:
        link = f"a link to {path.readlink()}, which is not there" if path.is_symlink() else NOT_THERE
        raise BadFile(link) from None
    except OSError as error:
        raise BadFile(f"cannot be read: {reason(error)}") from None


def _examine(path: Path, file: ModelFile, digests: Digests, *, afresh: bool) -> Version:
    size = path.stat().st_size
    if path.is_dir():
        raise BadFile("a folder with the file's name")
    if size == 0:
        raise BadFile("empty (0 bytes)")
    if not file.verifiable:
        raise BadFile("cannot be verified: no checksum is known")
    with path.open("rb") as content:
        if is_web_page(content.read(64)):
            raise BadFile("a web page instead of a model")
    if not file.fits(size):
        raise BadFile(wrong_size(size, file))
    digest = digests.sha256(path, afresh=afresh)
    version = file.version_of(digest, size)
    if version is None:
        raise BadFile(f"another content than the known one (its sha256 is {digest[:16]}…)")
    return version


def is_web_page(start: bytes) -> bool:
    """Whether a file that begins like this is HTML or XML, which servers send in place of the file."""
    return start.lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith(_HTML_STARTS)


def wrong_size(size: int, file: ModelFile) -> str:
    """Say that a file of `size` bytes cannot be `file`."""
    known = sorted(version.bytes for version in file.versions if version.bytes)
    return f"{size} bytes long" + (f" instead of {' or '.join(map(str, known))}" if known else "")

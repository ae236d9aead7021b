"""Taking single members out of a zip file: by name, bounded in size, verified before they count."""

import shutil
import stat
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Final

from models.catalogue import ModelFile
from models.store.partial import Partial
from models.store.verify import BadFile, Digests, wrong_size

_MAX_BYTES: Final = 2 * 2**30  # of a member whose size the catalogue does not know
_DEEPEST: Final = 2  # `det_10g.onnx` or `buffalo_l/det_10g.onnx`
_UNREADABLE = (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError, UnicodeError)


def unpack(archive: Path, members: Sequence[ModelFile], folder: Path, digests: Digests) -> None:
    """Place `members` below `folder`, each under the catalogue's name, never under one of the archive's.

    Raises:
        BadFile: the archive or a member is not what it should be; what was placed before stays.
        OSError: the folder takes no files.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            for member in members:
                _place(opened, member, folder, digests)
    except _UNREADABLE as error:
        raise BadFile(f"it is not a zip file that can be read ({error})") from None


def _place(opened: zipfile.ZipFile, member: ModelFile, folder: Path, digests: Digests) -> None:
    info = _find(opened, member)
    limit = member.largest_bytes or _MAX_BYTES
    if info.file_size > limit or not member.fits(info.file_size):
        raise BadFile(f"its {member.name} is {wrong_size(info.file_size, member)}")
    target = folder / member.path
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = Partial(target)
    try:
        with opened.open(info) as source, partial.path.open("wb") as out:
            shutil.copyfileobj(source, out)  # never more than the size stated, which was looked at above
        digest = partial.sha256()
        if member.version_of(digest, partial.size) is None:
            raise BadFile(f"its {member.name} has another content than the known one")
        partial.finish(digest, digests)
    finally:
        partial.discard()


def _find(opened: zipfile.ZipFile, member: ModelFile) -> zipfile.ZipInfo:
    found = []
    for info in opened.infolist():
        parts = PurePosixPath(info.filename).parts
        regular = stat.S_IFMT(info.external_attr >> 16) in {0, stat.S_IFREG} and not info.is_dir()
        if regular and len(parts) <= _DEEPEST and parts and parts[-1] == member.name:
            found.append(info)
    if len(found) != 1:
        raise BadFile(f"it has {len(found) or 'no'} {member.name}")
    return found[0]

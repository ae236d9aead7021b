"""The folders where model files are looked for, and whether one can take a download."""

import errno
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_RUNPOD: Final = Path("/runpod-volume")
_WORKSPACE: Final = Path("/workspace")
_SPARE_BYTES: Final = 16 * 2**20  # a full disk also stops logs and temporary files
_WORDS: Final = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EFBIG: "the file is larger than this folder allows",
    errno.EROFS: "read-only",
    errno.EACCES: "not allowed for this user",
    errno.EPERM: "not allowed for this user",
    errno.ENOTDIR: "not a folder",
    errno.EEXIST: "not a folder",
    errno.ENOENT: "no such folder",
    errno.ENOLCK: "the file system has no locks",
    errno.ENOTSUP: "the file system has no locks",
}


@dataclass(frozen=True, kw_only=True)
class SearchPlace:
    """A folder of the search path; below `volume` it is only made where that volume is mounted.

    Without `may_make` it is used if it is there, and never made.
    """

    folder: Path
    volume: Path | None = None
    may_make: bool = True


def search_path(models_dir: Path | None, cache_dir: Path) -> tuple[SearchPlace, ...]:
    """List where model files may lie, first hit wins: the operator's folder, volumes, the user's cache."""
    chosen = () if models_dir is None else (SearchPlace(folder=models_dir.absolute()),)
    return (
        *chosen,
        SearchPlace(folder=_RUNPOD / "faceswap/models", volume=_RUNPOD),
        SearchPlace(folder=_RUNPOD / "models", volume=_RUNPOD),
        SearchPlace(folder=_RUNPOD / "faceswap", volume=_RUNPOD),
        SearchPlace(folder=_WORKSPACE / "faceswap/models", volume=_WORKSPACE),
        SearchPlace(folder=_WORKSPACE / "models", volume=_WORKSPACE),
        SearchPlace(folder=_WORKSPACE / "faceswap", volume=_WORKSPACE),
        SearchPlace(folder=Path("/app/models"), may_make=False),
        SearchPlace(folder=cache_dir.absolute() / "models"),
    )


def make_ready(place: SearchPlace, needed_bytes: int) -> None:
    """Make sure that a folder takes new files and has room for `needed_bytes`.

    Raises:
        OSError: it does not; `reason` puts it into words.
    """
    folder = place.folder
    mounted = place.volume is None or os.path.ismount(place.volume)
    if not folder.exists() and not (place.may_make and mounted):
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder):
        pass
    free = shutil.disk_usage(folder).free
    if free < needed_bytes + _SPARE_BYTES:
        short = f"{needed_bytes / 1e6:.0f} MB are needed, {free / 1e6:.0f} MB are free"
        raise OSError(errno.ENOSPC, f"the disk is full: {short}")


def reason(error: OSError) -> str:
    """Say in a few words why a folder or a file in it cannot be used."""
    stated = error.strerror or str(error)
    if error.errno is None or stated != os.strerror(error.errno):
        return stated
    return _WORDS.get(error.errno, stated.lower())

"""Writing files that are whole or not there, and saying why a file could not be read or written."""

import shutil
from collections.abc import Callable
from pathlib import Path

from storage.lease.leases import Output


def write_whole(path: Path, data: bytes) -> None:
    """Write a file under a hidden name beside its own, then rename it; raises OSError.

    Whoever is killed meanwhile leaves the hidden file, which the next write of the same file replaces.
    """
    _replace(path, lambda part: part.write_bytes(data))


def keep_whole(path: Path, output: Output) -> None:
    """Write a job's result to a file as `write_whole` does, wherever it lies, and what comes beside it.

    Raises OSError.
    """

    def write(part: Path) -> None:
        if output.path is None:
            part.write_bytes(output.body or b"")
        else:
            shutil.copyfile(output.path, part)

    if output.sidecar is not None:  # before: a result that is there is not done again
        write_whole(beside(path), output.sidecar.body)
    _replace(path, write)


def beside(path: Path) -> Path:
    """Where a file's signed manifest lies that its format cannot hold."""
    return path.with_suffix(".c2pa")


def body_of(output: Output) -> bytes:
    """A job's result, wherever it lies; raises OSError."""
    return (output.body or b"") if output.path is None else output.path.read_bytes()


def describe_os_error(error: OSError) -> str:
    """Say which file and why, for whoever gave the command."""
    return f"{error.filename}: {error.strerror}." if error.filename else f"{error.strerror or error}."


def _replace(path: Path, write: Callable[[Path], object]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    try:
        write(part)
        part.replace(path)
    except OSError:
        part.unlink(missing_ok=True)
        raise

"""Writing files that are whole or not there, and saying why a file could not be read or written."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from consumer.client.fingerprint import is_manifest
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

    # Before: a result that is there is not done again.
    put_beside(path, None if output.sidecar is None else output.sidecar.body)
    _replace(path, write)


def put_beside(path: Path, manifest: bytes | None) -> None:
    """Write a result's manifest beside it; without one remove that of a result that was there.

    Else whoever checks the new one would be told that it was changed. Raises OSError.
    """
    place = beside(path)
    if manifest is not None:
        write_whole(place, manifest)
    elif place.is_file() and is_manifest(place):
        place.unlink()


def beside(path: Path) -> Path:
    """Where a file's signed manifest lies that its format cannot hold: `clip.mkv.c2pa`.

    With its whole name, as `clip.webm` may lie there too; `pipeline.signing.reading` looks there.
    """
    return path.with_name(f"{path.name}.c2pa")


def body_of(output: Output) -> bytes:
    """A job's result, wherever it lies; raises OSError."""
    return (output.body or b"") if output.path is None else output.path.read_bytes()


def describe_os_error(error: OSError) -> str:
    """Say which file and why, for whoever gave the command."""
    return f"{error.filename}: {error.strerror}." if error.filename else f"{error.strerror or error}."


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Have an OSError of the block that names nothing, or a hidden file, name the file that is written.

    It does so by the path from the root on, as the folder may be at fault.
    """
    try:
        yield
    except OSError as error:
        named = {name for name in (error.filename, error.filename2) if name is not None}
        if error.errno is None or (named and str(_hidden(path)) not in map(str, named)):
            raise
        raise OSError(error.errno, error.strerror, str(path.absolute())) from error


def _hidden(path: Path) -> Path:
    """What a file is called until it is whole."""
    return path.with_name(f".{path.name}.part")


def _replace(path: Path, write: Callable[[Path], object]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = _hidden(path)
    with writing(path):
        try:
            write(part)
            part.replace(path)
        except OSError:
            part.unlink(missing_ok=True)
            raise

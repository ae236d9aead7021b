"""Writing files that are whole or not there, and saying why a file could not be read or written."""

from pathlib import Path


def write_whole(path: Path, data: bytes) -> None:
    """Write a file under a hidden name beside its own, then rename it; raises OSError.

    Whoever is killed meanwhile leaves the hidden file, which the next write of the same file replaces.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_bytes(data)
        part.replace(path)
    except OSError:
        part.unlink(missing_ok=True)
        raise


def describe_os_error(error: OSError) -> str:
    """Say which file and why, for whoever gave the command."""
    return f"{error.filename}: {error.strerror}." if error.filename else f"{error.strerror or error}."

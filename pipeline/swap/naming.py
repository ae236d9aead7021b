"""Which of a job's pictures an error is about."""

from collections.abc import Iterator
from contextlib import contextmanager

from pipeline.errors import InputError


def source_title(name: str) -> str:
    """What errors call a source: `source`, or `picture for face_1`."""
    return f"picture for {name}" if name.startswith("face_") else name


@contextmanager
def naming(picture: str) -> Iterator[None]:
    """Say in an error which of the pictures it is about."""
    try:
        yield
    except InputError as error:
        raise type(error)(f"The {picture} cannot be used. {error}") from error

"""Which of a job's pictures an error is about."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from pipeline.errors import InputError

SOURCE: Final = "source"
"""The name of the source that is the only one, of as many pictures as there may be."""
REFERENCE: Final = "reference"
"""The name of the picture of `Recognised` among a swap's sources."""


def source_title(name: str) -> str:
    """What errors call a source: `source`, `source picture 2`, `picture for face_1`, `reference picture`."""
    if name == REFERENCE:
        return "reference picture"
    if name.startswith("source_"):
        return f"source picture {name.removeprefix('source_')}"
    return f"picture for {name}" if name.startswith("face_") else name


@contextmanager
def naming(picture: str) -> Iterator[None]:
    """Say in an error which of the pictures it is about."""
    try:
        yield
    except InputError as error:
        raise type(error)(f"The {picture} cannot be used. {error}") from error

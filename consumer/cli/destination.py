"""What `--output` names: a file, a folder, or standard output."""

import sys
from dataclasses import dataclass
from pathlib import Path

from consumer.cli.bucket import fail
from consumer.cli.tables import standard_output
from consumer.client.submission import WrongWords
from pipeline.media.sniff import MEDIA_TYPES

_STANDARD_OUTPUT = "-"
_EXTENSIONS = frozenset((*(media.extension for media in MEDIA_TYPES.values()), "jpeg", "tif"))


@dataclass(frozen=True, kw_only=True)
class Destination:
    """Where results go."""

    #: The file or folder; None for standard output.
    path: Path | None
    #: Whether it can only be a folder, being one or ending with a slash.
    is_folder: bool = False

    @classmethod
    def read(cls, word: str) -> "Destination":
        """Understand a word of the command line.

        Raises:
            WrongWords: it ends with a slash and is a file.
        """
        if word == _STANDARD_OUTPUT:
            return cls(path=None)
        path, is_folder = Path(word), word.endswith(("/", "\\"))
        if is_folder and path.is_file():
            raise WrongWords(f"{path} is a file; name a folder that is none, or leave out the slash.")
        return cls(path=path, is_folder=is_folder or path.is_dir())

    def folder(self) -> Path:
        """The folder that several results go to.

        Raises:
            WrongWords: it is none, or named like a file.
        """
        if self.path is None:
            raise WrongWords("Only one result can go to standard output; name a folder: -o out/.")
        if self.is_folder:
            return self.path
        if self.path.is_file():
            raise WrongWords(f"{self.path} is a file; name a folder for the results: -o results/.")
        if self.path.suffix.lower().lstrip(".") in _EXTENSIONS:
            raise WrongWords(
                f"{self.path} is a name for one file, but there may be several results; name a folder, or "
                "end it with a slash."
            )
        return self.path

    def file(self, name: str) -> Path | None:
        """The file that one result goes to, called `name` in a folder; None for standard output."""
        return self.path / name if self.path is not None and self.is_folder else self.path


def read_destination(word: str) -> Destination:
    """Understand `--output`; what makes no sense ends the command with a sentence.

    So does a picture that is to be shown on a terminal.
    """
    try:
        place = Destination.read(word)
    except WrongWords as error:
        raise fail(str(error)) from None
    if place.path is None and sys.stdout.isatty():
        raise fail("Standard output is a terminal; send the result to a file or into a pipe.")
    return place


def write_to_stdout(body: bytes) -> None:
    """Write a result to standard output; raises OSError."""
    with standard_output():
        sys.stdout.buffer.write(body)
        sys.stdout.buffer.flush()

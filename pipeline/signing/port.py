"""What signing a result takes and gives, without the libraries that do it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Final, Protocol

from pipeline.errors import OutputInvalid
from pipeline.marks.provenance import Mark

SIGNED_BESIDE: Final = frozenset({"mkv", "webm"})
"""Extensions of the formats that cannot hold a manifest, which is then a file of its own."""


class SigningFailed(OutputInvalid):
    """The result could not be signed, and is not handed out unsigned."""

    @property
    def for_sender(self) -> str:
        """Without the cause, which is between the operator and whoever stamps or holds the key."""
        return "The result could not be signed, and is not handed out unsigned."


@dataclass(frozen=True, kw_only=True)
class Ingredient:
    """A file that a result is made of; none of its bytes but a C2PA manifest get into the result."""

    #: `target`, `source`, `face_0`, …; the target comes first.
    name: str
    content_type: str
    #: The file, or where it lies.
    file: bytes | Path
    #: Of its bytes, in hexadecimal digits.
    sha256: str

    @property
    def is_target(self) -> bool:
        """Whether it is what was changed."""
        return self.name == "target"


@dataclass(frozen=True, kw_only=True)
class Statement:
    """What a signature vouches for; no personal data, only ids that others cannot resolve."""

    mark: Mark
    #: The job's id, which is for all to read from then on.
    job: str
    #: The engine and its version, and sha256 of each of its files by name.
    engine: str
    models: Mapping[str, str]
    #: What the sender attested, as the manifest has it; None where nothing was.
    consent: Mapping[str, object] | None = None


class Draft(Protocol):
    """A result's manifest that waits for the result; used once, closed in any case."""

    def sign(self, source: BinaryIO, sink: BinaryIO, content_type: str) -> bytes | None:
        """Write a finished file to `sink` with its manifest in it; on CPU threads.

        Args:
            source: the file, with all its marks: what is changed later breaks the signature.
            sink: an empty file, open for reading and writing. After a failure it must be thrown away.
            content_type: what the file is.

        Returns:
            The manifest where the format cannot hold it, to be kept beside the file (`.c2pa`); else None.

        Raises:
            SigningFailed: the key, the certificate, the time stamp or the file is not as it should be.
        """
        ...

    def plain(self) -> "Draft":
        """Begin another for a file that goes with the result: it only names what the result was made of.

        What its ingredients carry themselves is in the result. Raises SigningFailed.
        """
        ...

    def close(self) -> None:
        """Let go of it."""
        ...


class ResultSigner(Protocol):
    """Signs results in the operator's name; used from any thread."""

    @property
    def signed_by(self) -> str:
        """Whose name the certificate bears."""
        ...

    @property
    def expires_at(self) -> datetime:
        """When the first certificate of its chain expires; aware."""
        ...

    def draft(self, statement: Statement, ingredients: Sequence[Ingredient]) -> Draft:
        """Begin a result's manifest; reads the ingredients, and keeps none. Raises SigningFailed, OSError."""
        ...

"""What a swap is asked to do: whose faces go onto which faces of the target."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pipeline.engines.base import BlendOptions
from pipeline.faces.match import StoredFaces


@dataclass(frozen=True, kw_only=True, eq=False)
class SourceFile:
    """A picture of a face to put in; `sha256` in hex names its content, which is prepared once."""

    body: bytes = field(repr=False)
    sha256: str


@dataclass(frozen=True)
class Largest:
    """The source goes onto the largest face of the target."""


@dataclass(frozen=True)
class Every:
    """The source goes onto every face of the target."""


@dataclass(frozen=True, eq=False)
class Recognised:
    """The source goes onto the face of the person that `reference`, a picture file, shows."""

    reference: bytes = field(repr=False)


@dataclass(frozen=True, eq=False)
class Mapped:
    """Each source goes onto the face that it is named after, such as `face_2`.

    The name is that of a face of `stored`, an earlier detection, or else counts in reading order.
    """

    stored: StoredFaces | None = None


Choice = Largest | Every | Recognised | Mapped


@dataclass(frozen=True, kw_only=True)
class FaceFilter:
    """What a face of the target must have to count; one below is treated as not there."""

    #: Shorter side of its box in pixels.
    min_size_px: float = 0.0
    #: The detector's confidence, 0..1.
    min_score: float = 0.0


@dataclass(frozen=True, kw_only=True, eq=False)
class SwapRequest:
    """What to do with which files."""

    #: The faces to put in, by name: for `Mapped` the id of the face each is for, else one only.
    sources: Mapping[str, SourceFile]
    #: The file to change.
    target: bytes = field(repr=False)
    #: Which faces of the target are changed.
    choice: Choice
    #: How the new faces are blended in.
    blend: BlendOptions
    #: Which faces of the target count at all.
    face_filter: FaceFilter = FaceFilter()

    def __post_init__(self) -> None:
        if not self.sources or (len(self.sources) > 1 and not isinstance(self.choice, Mapped)):
            raise ValueError("one source, or with Mapped one for each face")

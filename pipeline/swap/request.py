"""What a swap is asked to do: whose faces go onto which faces of the target."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pipeline.engines.base import BlendOptions
from pipeline.faces.match import StoredFaces
from pipeline.swap.naming import SOURCE


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

    #: The faces to put in, by name: for `Mapped` the id of the face each is for, else one only, or with
    #: `averaged` several pictures of one person.
    sources: Mapping[str, SourceFile]
    #: The file to change.
    target: bytes = field(repr=False)
    #: Which faces of the target are changed.
    choice: Choice
    #: How the new faces are blended in.
    blend: BlendOptions
    #: Which faces of the target count at all.
    face_filter: FaceFilter = FaceFilter()
    #: Whether all sources show one person, and are put in as what they have in common, called `source`.
    averaged: bool = False

    def __post_init__(self) -> None:
        several = self.averaged or isinstance(self.choice, Mapped)
        if not self.sources or (len(self.sources) > 1 and not several):
            raise ValueError("one source, or with Mapped one for each face, or several that are averaged")
        if self.averaged and isinstance(self.choice, Mapped):
            raise ValueError("sources that are averaged are no mapping")

    @property
    def names(self) -> tuple[str, ...]:
        """The names of those who are put in."""
        return (SOURCE,) if self.averaged else tuple(self.sources)

"""What an owner hands in when its attempt at a job is over: the result, what it found out, what failed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from storage.records.status import EngineRecord, ErrorCode, FaceOutcome, JobWarning, Marks


@dataclass(frozen=True, kw_only=True)
class Extra:
    """A small picture or video that goes with a result, to be shown before that is fetched."""

    body: bytes
    extension: str
    content_type: str


@dataclass(frozen=True, kw_only=True)
class Output:
    """A result and what it shows: either the bytes or the file that holds them, never both.

    Raises ValueError where it has both or neither.
    """

    #: The result itself, where it is in memory.
    body: bytes | None = None
    #: The file with the result; it must stay as it is until the lease has ended.
    path: Path | None = None
    #: The ending of the result's key, without a dot.
    extension: str
    #: The media type that the result is served with.
    content_type: str
    #: In pixels.
    width: int | None = None
    #: In pixels.
    height: int | None = None
    #: How many different faces of the target were swapped.
    faces_swapped: int | None = None
    #: How many frames an animation or a video has.
    frames: int | None = None
    #: How many seconds an animation or a video takes once.
    duration_s: float | None = None
    #: What the result says of its own making.
    marks: Marks | None = None
    #: A picture that stands for the result, and a few seconds of it, of a video.
    poster: Extra | None = None
    preview: Extra | None = None
    #: The signed manifest of a result whose format cannot hold it.
    sidecar: Extra | None = None

    def __post_init__(self) -> None:
        if (self.body is None) == (self.path is None):
            raise ValueError("an output has either a body or a path")


@dataclass(frozen=True, kw_only=True)
class Findings:
    """What an attempt has found out so far; it goes into the record however the attempt ends."""

    #: What the sender should know although the job went on.
    warnings: Sequence[JobWarning] = ()
    #: The faces of the target, None where the attempt did not come to look for them.
    faces: Sequence[FaceOutcome] | None = None
    #: What swapped the faces, None where the attempt did not come to choose it.
    engine: EngineRecord | None = None
    #: Milliseconds by stage.
    timings_ms: Mapping[str, float] = field(default_factory=dict)


class Failure(Protocol):
    """What went wrong in one attempt; an AttemptFailure is one."""

    @property
    def code(self) -> ErrorCode:
        """One of the contract's codes."""
        ...

    @property
    def message(self) -> str:
        """A sentence for the person who sent the job."""
        ...

    @property
    def stage(self) -> str:
        """Where in the job it happened."""
        ...

"""What a kind of picture job does with its files, step by step, each on the thread it belongs to."""

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeVar

from pipeline.marks.provenance import Mark
from storage.inputs.fetch import FetchedInput
from storage.lease.leases import Output
from storage.records.status import EngineRecord, FaceOutcome, JobWarning, Stage

AskedT = TypeVar("AskedT")
DecodedT = TypeVar("DecodedT")
DoneT = TypeVar("DoneT")
Files = Mapping[str, FetchedInput]  # by reference
OnProgress = Callable[[Stage, int, int], None]  # stage, then how many are done and to do


@dataclass(frozen=True, kw_only=True)
class Finished:
    """What a job's work came to."""

    output: Output
    faces: tuple[FaceOutcome, ...]
    warnings: tuple[JobWarning, ...]
    engine: EngineRecord


class Task(Protocol[AskedT, DecodedT, DoneT]):
    """One kind of job. It holds no pixels: each step hands what it made to the next, and lets go of it."""

    def read(self, files: Files) -> AskedT:
        """Understand the files as far as they are no pictures; on a CPU thread."""
        ...

    def decoded_bytes(self, asked: AskedT) -> int:
        """Memory that `decode` and what follows take, from the files' headers; on a CPU thread."""
        ...

    def decode(self, asked: AskedT) -> DecodedT:
        """Turn files to pixels; on a CPU thread."""
        ...

    def unit(self, decoded: DecodedT) -> str:
        """What progress is counted in."""
        ...

    def work(self, decoded: DecodedT, on_progress: OnProgress) -> Generator[object, None, DoneT]:
        """Do what needs the networks; each step on the device's thread, others' jobs between them."""
        ...

    def encode(self, done: DoneT, mark: Mark, on_progress: OnProgress) -> Finished:
        """Make the result's file; on a CPU thread."""
        ...

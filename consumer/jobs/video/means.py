"""What a segment is made with, whoever has it: a job in its consumer, or a process of its own."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol, TypeVar

from pipeline.media.video.colour import ToneMapper
from pipeline.swap.timing import Timings
from storage.records.status import Stage

T = TypeVar("T")


class Means(Protocol):
    """Threads, and what is kept beside them; `JobContext` says more of each."""

    timings: Timings

    @property
    def tone_mapper(self) -> ToneMapper:
        """What brings HDR frames to ordinary ones."""
        ...

    async def on_cpu(self, function: Callable[[], T], *, stage: Stage | None = None) -> T:
        """Run `function` on a CPU thread; its time counts as that of `stage`, if one is given."""
        ...

    def on_cpu_at_last(self, function: Callable[[], object]) -> None:
        """Run `function` on a CPU thread, unheard."""
        ...

    async def on_device_until_done(self, step: Callable[[], bool], told: Callable[[], None]) -> None:
        """Call `step` on the device's thread until it returns true; `told` is called between steps."""
        ...

    def unmeasured(self) -> AbstractContextManager[None]:
        """Show life within the block."""
        ...


class FrameCount(Protocol):
    """Who is told of frames; from any thread."""

    def add(self, frames: int = 1) -> None:
        """So many more are done."""
        ...

    def tell(self) -> None:
        """The work is alive."""
        ...

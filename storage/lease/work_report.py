"""What the work on a job last said of itself."""

import threading
from collections.abc import Callable
from datetime import datetime

from storage.records.status import Progress, Stage

_MAX_STAGES = 100  # kept; a job that goes to and fro must not fill the memory


class WorkReport:
    """The latest stage and progress of a job, told from any thread, read on the event loop."""

    def __init__(
        self,
        stage: Stage,
        progress: Progress,
        *,
        monotonic: Callable[[], float],
        wall: Callable[[], datetime],
    ) -> None:
        #: When each stage began, by the wall clock: for people.
        self.stages: list[tuple[Stage, datetime]] = [(stage, wall())]
        self._monotonic = monotonic
        self._wall = wall
        self._lock = threading.Lock()
        self._latest = (stage, progress)
        self._alive_at = monotonic()

    @property
    def latest(self) -> tuple[Stage, Progress]:
        """The stage and progress that were told last, of one and the same report."""
        return self._latest

    @property
    def silent_s(self) -> float:
        """Seconds since the last report, whether it told anything new or not."""
        return self._monotonic() - self._alive_at

    def tell(self, stage: Stage, progress: Progress | None = None) -> None:
        """Take a report; without `progress` it stays what it was."""
        with self._lock:
            if stage != self.stages[-1][0] and len(self.stages) < _MAX_STAGES:
                self.stages.append((stage, self._wall()))
            self._latest = (stage, progress or self._latest[1])
            self._alive_at = self._monotonic()

"""How fast frames are done, and how long the rest will take."""

import time
from collections import deque
from collections.abc import Callable
from typing import Final

from consumer.jobs.progress import JobProgress
from storage.records.status import Segments, Stage

_WINDOW_S: Final = 20.0
"""Of late: long enough to even out turns on the device, short enough to tell that something has changed."""


class FrameProgress:
    """Tells how many frames of a stage are done, at what pace, and when the rest will be."""

    def __init__(
        self,
        progress: JobProgress,
        stage: Stage,
        total: int,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._progress = progress
        self._stage: Stage = stage
        self._total = total
        self._monotonic = monotonic
        self._done = 0
        self._since: deque[tuple[float, int]] = deque([(monotonic(), 0)])

    def take_over(self, frames: int) -> None:
        """Count frames that were done by an earlier attempt: they say nothing of the pace."""
        self._done += frames
        self._since = deque((at, done + frames) for at, done in self._since)

    def add(self, frames: int = 1) -> None:
        """Count frames that were done just now; with none of them it says that the work is alive."""
        self._done += frames
        now = self._monotonic()
        if now - self._since[-1][0] >= 1:
            self._since.append((now, self._done))
        while len(self._since) > 1 and now - self._since[0][0] > _WINDOW_S:
            self._since.popleft()
        self.tell()

    def tell(self, segments: Segments | None = None) -> None:
        """Report, and how many segments are done where that has changed; from any thread."""
        fps = self._fps()
        self._progress.report(
            self._stage,
            self._done,
            self._total,
            unit="frames",
            fps=None if fps is None else round(fps, 1),
            left_s=None if fps is None else round(max(0, self._total - self._done) / fps, 1),
            segments=segments,
        )

    def _fps(self) -> float | None:
        began, done = self._since[0]
        passed_s = self._monotonic() - began
        return (self._done - done) / passed_s if self._done > done and passed_s > 0 else None

"""How far a job is, as whoever follows it is told."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from storage.records.status import Progress, Segments, Stage


class JobProgress:
    """Tells of one attempt at a job where it is and how far, and that it lives; from any thread.

    While the job is in line for its first turn on the device it is told as `queued`, whatever is reported.
    """

    def __init__(self, tell: Callable[[Stage, Progress], None]) -> None:
        #: Where the job's work is, or will go on once it no longer waits in line for the device.
        self.stage: Stage = "queued"
        self._tell = tell
        self._progress = Progress()
        self._in_line = False
        self._telling = threading.RLock()

    def report(
        self,
        stage: Stage,
        done: int = 0,
        total: int = 0,
        *,
        unit: str = "pictures",
        fps: float | None = None,
        left_s: float | None = None,
        segments: Segments | None = None,
    ) -> None:
        """Say how far the job is, `percent` of its stage; cheap. See `Progress`.

        What was said of segments stays said.
        """
        percent = min(100, 100 * done // total) if total else 0
        with self._telling:
            self.stage = stage
            self._progress = Progress(
                done=done,
                total=total,
                unit=unit,
                percent=percent,
                fps=fps,
                left_s=left_s,
                segments=segments or self._progress.segments,
            )
            self._show()

    def line_up(self) -> None:
        """Say that the job is in line for the device, until `leave_line`."""
        self._in_line = True
        self._show()

    def leave_line(self) -> None:
        """Say that it has its first turn, unless that is known."""
        if self._in_line:
            with self._telling:
                self._in_line = False
                self._show()

    @asynccontextmanager
    async def living(self, every_s: float, is_alive: Callable[[], bool]) -> AsyncIterator[None]:
        """Tell again within the block every so often, as long as `is_alive` says that it does not hang."""
        signs = asyncio.create_task(self._show_life(every_s, is_alive))
        try:
            yield
        finally:
            signs.cancel()

    def _show(self) -> None:
        """Tell again what is known."""
        with self._telling:  # else what is known already might be told after what is known since
            if self._in_line:
                self._tell("queued", Progress(segments=self._progress.segments))
            else:
                self._tell(self.stage, self._progress)

    async def _show_life(self, every_s: float, is_alive: Callable[[], bool]) -> None:
        while True:
            await asyncio.sleep(every_s)
            if is_alive():
                self._show()

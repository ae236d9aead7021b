"""How long the stages of a job took."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager


class Timings:
    """Milliseconds by stage; a stage that is entered twice counts both times. Safe on any thread."""

    def __init__(self) -> None:
        self.ms: dict[str, float] = {}
        self._lock = threading.Lock()

    @contextmanager
    def measure(self, stage: str) -> Iterator[None]:
        """Add the time spent in the block to `stage`."""
        started = time.perf_counter()
        try:
            yield
        finally:
            elapsed_ms = (time.perf_counter() - started) * 1000
            with self._lock:
                self.ms[stage] = round(self.ms.get(stage, 0.0) + elapsed_ms, 1)

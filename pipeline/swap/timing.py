"""How long the stages of a job took."""

import threading
import time
from collections.abc import Iterator, Mapping
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
            self.add({stage: (time.perf_counter() - started) * 1000})

    def add(self, ms: Mapping[str, float]) -> None:
        """Add milliseconds by stage that were measured elsewhere."""
        with self._lock:
            for stage, elapsed_ms in ms.items():
                self.ms[stage] = round(self.ms.get(stage, 0.0) + elapsed_ms, 1)

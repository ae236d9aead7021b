"""A thread that does one thing at a time for several users in turn, such as the one with the device."""

import asyncio
import heapq
import itertools
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeVar

T = TypeVar("T")

TURN_S: Final = 0.25
"""Longer than a picture with a few faces takes on a GPU, and no long wait behind a video (docs/adr/0007)."""

LONGEST_S: Final = 3600.0
"""What nobody can measure and yet ends, such as TensorRT's search of kernels for a card, takes minutes."""


class Share:
    """One user's place in a worker's line, made by `WorkerThread.share`; a job has one for all its steps."""

    def __init__(self, position: int) -> None:
        #: Place in the line: the lowest position is served first.
        self.position = position
        #: Seconds worked since that place was taken.
        self.used_s = 0.0


@dataclass(frozen=True, kw_only=True, eq=False)
class _Step(Generic[T]):
    """Something to do; `future` gets what it returns or raises."""

    function: Callable[[], T]
    share: Share
    long: bool
    future: Future[T] = field(default_factory=Future)


class WorkerThread:
    """Does steps on its own thread, users in turn: after `turn_s` of work a user goes to the line's end.

    So a new user waits for no more than a turn of each one before it, however much those have to do, and no
    stream of new users keeps an old one from its next turn. A user keeps its place between two of its steps
    as long as its turn lasts: yielding after every step would make all waiting jobs finish together and then
    starve the device.

    The thread is a daemon, unlike those of an executor: a device that hangs must not keep the process
    from ending.
    """

    def __init__(
        self, *, name: str, turn_s: float = TURN_S, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._turn_s = turn_s
        self._monotonic = monotonic
        self._positions = itertools.count()
        self._arrivals = itertools.count()
        # Ordered by position, then by arrival, so that steps themselves are never compared.
        self._line: list[tuple[int, int, _Step[Any]]] = []
        self._changed = threading.Condition()
        self._closing = False
        self._busy_s = 0.0
        self._since: float | None = None
        self._may_take_s = 0.0
        threading.Thread(target=self._work, name=name, daemon=True).start()

    @property
    def silent_s(self) -> float:
        """Seconds since the running step began, without those that it may take; 0 while none runs."""
        since = self._since
        return max(0.0, self._monotonic() - since - self._may_take_s) if since is not None else 0.0

    @property
    def busy_s(self) -> float:
        """Seconds of work since the start, the running step included."""
        since = self._since
        return self._busy_s + (self._monotonic() - since if since is not None else 0.0)

    def share(self) -> Share:
        """A place at the end of the line, for a user of several steps."""
        return Share(next(self._positions))

    async def run(self, function: Callable[[], T], *, share: Share | None = None, long: bool = False) -> T:
        """Run `function` on the thread and return what it returns or raise what it raises.

        Without a `share` the step is in line for itself. Cancelled before its turn it never runs; cancelled
        later it runs to its end unheard. A `long` step, such as opening a model, may take `LONGEST_S`
        without counting as silence.
        """
        step = _Step(function=function, share=share or self.share(), long=long)
        with self._changed:
            heapq.heappush(self._line, (step.share.position, next(self._arrivals), step))
            self._changed.notify()
        return await asyncio.wrap_future(step.future)

    def close(self) -> None:
        """Let the thread end after what is in line; does not wait for it."""
        with self._changed:
            self._closing = True
            self._changed.notify()

    def _work(self) -> None:
        while (step := self._next()) is not None:
            if step.future.set_running_or_notify_cancel():
                self._serve(step)
            # The last step's pixels must not stay alive until the next one comes.
            del step

    def _next(self) -> "_Step[Any] | None":
        with self._changed:
            while not self._line:
                if self._closing:
                    return None
                self._changed.wait()
            return heapq.heappop(self._line)[2]

    def _serve(self, step: _Step[Any]) -> None:
        self._may_take_s = LONGEST_S if step.long else 0.0
        started = self._since = self._monotonic()
        try:
            result, error = step.function(), None
        except BaseException as caught:  # noqa: BLE001 -- handed to whoever awaits the future
            result, error = None, caught
        self._since = None
        worked_s = self._monotonic() - started
        self._busy_s += worked_s
        self._charge(step.share, worked_s)
        if error is None:
            step.future.set_result(result)
        else:
            step.future.set_exception(error)
        error = None  # its traceback holds this frame, which would keep the pixels

    def _charge(self, share: Share, worked_s: float) -> None:
        """Count a step's time; a user whose turn is over goes to the end of the line."""
        share.used_s += worked_s
        if share.used_s >= self._turn_s:
            share.used_s = 0.0
            share.position = next(self._positions)

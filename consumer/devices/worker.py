"""The one thread that may use a device, and the pixels that may wait for it."""

import asyncio
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Generator
from concurrent.futures import Future
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import Any, Generic, TypeVar

T = TypeVar("T")

_TURN_S = 0.25  # longer than a picture with a few faces takes on a GPU, and no long wait behind a video


@dataclass(frozen=True, kw_only=True, eq=False)
class _Job(Generic[T]):
    """Work in steps; `within` is entered around each, and `future` gets what the last one returns."""

    steps: Generator[object, None, T]
    within: Callable[[], AbstractContextManager[object]]
    unbounded: bool
    future: Future[T] = field(default_factory=Future)


class Device:
    """Runs jobs on its own thread, step by step and in turn: after `turn_s`, a job goes to the queue's end.

    So a new job waits for no more than a turn of each job before it, however long those jobs are, and no
    stream of new jobs keeps a long one from its next turn. A short job is done in one turn: were it to
    give way after each step, all that wait would be done at the same time, and then none would be there.

    The thread is a daemon, unlike those of an executor: a device that hangs must not keep the process
    from ending.
    """

    def __init__(
        self,
        *,
        name: str = "device-0",
        turn_s: float = _TURN_S,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._turn_s = turn_s
        self._monotonic = monotonic
        self._queue: SimpleQueue[_Job[Any] | None] = SimpleQueue()
        self._beat: float | None = None
        self._busy_s = 0.0
        self._since: float | None = None
        threading.Thread(target=self._work, name=name, daemon=True).start()

    @property
    def silent_s(self) -> float:
        """Seconds since the running step began or gave a sign of life.

        0 while none runs, or one that may take any time.
        """
        beat = self._beat
        return 0.0 if beat is None else self._monotonic() - beat

    @property
    def busy_s(self) -> float:
        """Seconds the device has worked since its start, the running step included."""
        since = self._since
        return self._busy_s + (self._monotonic() - since if since is not None else 0.0)

    async def run(self, function: Callable[[], T], *, unbounded: bool = False) -> T:
        """Run `function` on the device thread and return what it returns or raise what it raises.

        Cancelled before its turn it never runs; cancelled later it runs to its end unheard. An
        `unbounded` one, such as opening a model, may take any time without a sign of life.
        """
        job = _Job(steps=_in_one_step(function), within=nullcontext, unbounded=unbounded)
        return await self._done(job)

    async def run_steps(
        self,
        steps: Generator[object, None, T],
        *,
        within: Callable[[], AbstractContextManager[object]] = nullcontext,
    ) -> T:
        """Run a generator on the device thread, other jobs in turn between its steps; return what it does.

        `within` makes a context for each step. Cancelled, the generator is closed on the device thread
        when its next step is due, and the running one ends unheard. Each step may be silent as long as a
        function may.
        """
        return await self._done(_Job(steps=steps, within=within, unbounded=False))

    def beat(self) -> None:
        """Give a sign of life; for long steps, to be called on the device's thread."""
        self._beat = self._monotonic()

    def close(self) -> None:
        """Let the thread end after what is queued; does not wait for it."""
        self._queue.put(None)

    async def _done(self, job: _Job[T]) -> T:
        self._queue.put(job)
        return await asyncio.wrap_future(job.future)

    def _work(self) -> None:
        closing = False
        while not (closing and self._queue.empty()):
            job = self._queue.get()
            closing = closing or job is None
            if job is not None:
                self._take_turn(job)
            # The last job's pixels must not stay alive until the next job comes.
            del job

    def _take_turn(self, job: _Job[Any]) -> None:
        """Work on a job until it is done or its turn is over."""
        began = self._monotonic()
        while not self._serve(job):
            if self._monotonic() - began >= self._turn_s:
                self._queue.put(job)
                return

    def _serve(self, job: _Job[Any]) -> bool:
        """Take one step of a job; returns whether that was its last."""
        started = self._since = self._monotonic()
        self._beat = None if job.unbounded else started
        result, error = None, None
        try:
            if job.future.cancelled():
                job.steps.close()
            else:
                with job.within():
                    next(job.steps)
                return False
        except StopIteration as end:
            result = end.value
        except BaseException as caught:  # noqa: BLE001 -- handed to whoever awaits the future
            error = caught
        finally:
            self._since = self._beat = None
            self._busy_s += self._monotonic() - started
        if job.future.set_running_or_notify_cancel():
            if error is None:
                job.future.set_result(result)
            else:
                job.future.set_exception(error)
        error = None  # its traceback holds this frame, which would keep the pixels
        return True


def _in_one_step(function: Callable[[], T]) -> Generator[object, None, T]:
    yield from ()
    return function()


class ByteBudget:
    """A bound on bytes held at once; those who wait get theirs in the order they came."""

    def __init__(self, total_bytes: int) -> None:
        self._total = total_bytes
        self._held = 0
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    @property
    def held_bytes(self) -> int:
        """Bytes held now."""
        return self._held

    @asynccontextmanager
    async def hold(self, size_bytes: int) -> AsyncIterator[None]:
        """Hold `size_bytes` within the block; more than the whole budget waits until it is alone."""
        size = min(size_bytes, self._total)
        await self._take(size)
        try:
            yield
        finally:
            self._held -= size
            self._serve()

    async def _take(self, size: int) -> None:
        if not self._waiting and self._held + size <= self._total:
            self._held += size
            return
        turn = asyncio.get_running_loop().create_future()
        entry = (size, turn)
        self._waiting.append(entry)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                self._waiting = deque(waiting for waiting in self._waiting if waiting is not entry)
            else:
                self._held -= size
            self._serve()
            raise

    def _serve(self) -> None:
        while self._waiting and self._held + self._waiting[0][0] <= self._total:
            size, turn = self._waiting.popleft()
            if not turn.cancelled():
                self._held += size
                turn.set_result(None)

"""The one thread that may use a device, and the pixels that may wait for it."""

import asyncio
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future
from contextlib import asynccontextmanager
from queue import SimpleQueue
from typing import Any, TypeVar

T = TypeVar("T")


class Device:
    """Runs one function after the other on its own thread, first in, first out.

    The thread is a daemon, unlike those of an executor: a device that hangs must not keep the process
    from ending.
    """

    def __init__(self, *, name: str = "device-0", monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._queue: SimpleQueue[tuple[Future[Any], Callable[[], Any], bool] | None] = SimpleQueue()
        self._beat: float | None = None
        self._busy_s = 0.0
        self._since: float | None = None
        threading.Thread(target=self._work, name=name, daemon=True).start()

    @property
    def silent_s(self) -> float:
        """Seconds since the running function began or gave a sign of life.

        0 while none runs, or one that may take any time.
        """
        beat = self._beat
        return 0.0 if beat is None else self._monotonic() - beat

    @property
    def busy_s(self) -> float:
        """Seconds the device has worked since its start, the running function included."""
        since = self._since
        return self._busy_s + (self._monotonic() - since if since is not None else 0.0)

    async def run(self, function: Callable[[], T], *, unbounded: bool = False) -> T:
        """Run `function` on the device thread and return what it returns or raise what it raises.

        Cancelled before its turn it never runs; cancelled later it runs to its end unheard. An
        `unbounded` one, such as opening a model, may take any time without a sign of life.
        """
        future: Future[T] = Future()
        self._queue.put((future, function, unbounded))
        return await asyncio.wrap_future(future)

    def beat(self) -> None:
        """Give a sign of life; for long functions, to be called on the device's thread."""
        self._beat = self._monotonic()

    def close(self) -> None:
        """Let the thread end after what is queued; does not wait for it."""
        self._queue.put(None)

    def _work(self) -> None:
        while (item := self._queue.get()) is not None:
            future, function, unbounded = item
            if future.set_running_or_notify_cancel():
                self._serve(future, function, unbounded=unbounded)
            # The last job's pixels must not stay alive until the next job comes.
            del item, future, function

    def _serve(self, future: Future[Any], function: Callable[[], Any], *, unbounded: bool) -> None:
        started = self._since = self._monotonic()
        self._beat = None if unbounded else started
        result, error = None, None
        try:
            result = function()
        except BaseException as caught:  # noqa: BLE001 -- handed to whoever awaits the future
            error = caught
        self._since = self._beat = None
        self._busy_s += self._monotonic() - started
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(error)


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

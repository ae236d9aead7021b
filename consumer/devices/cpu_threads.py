"""Threads for what needs the processor: decoding and encoding pictures."""

import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from queue import SimpleQueue
from typing import Any, ParamSpec, TypeVar

T = TypeVar("T")
P = ParamSpec("P")


class CpuThreads(Executor):
    """Runs functions on `count` threads, first in, first out.

    They are daemons, unlike those of the standard library's executor, which the interpreter waits for at its
    end: a picture that takes minutes to encode must not keep a process from ending whose jobs are given back.
    """

    def __init__(self, count: int) -> None:
        self._queue: SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = SimpleQueue()
        self._threads = [
            threading.Thread(target=self._work, name=f"cpu-{number}", daemon=True) for number in range(count)
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Run `fn`; the future has what it returns or raises, and cancels it as long as it waits."""
        future: Future[T] = Future()
        self._queue.put((future, lambda: fn(*args, **kwargs)))
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: FBT001, FBT002 -- the port's
        """Let the threads end after what is queued; `cancel_futures` drops what has not begun."""
        while cancel_futures and not self._queue.empty():
            if (item := self._queue.get()) is not None:
                item[0].cancel()
        for _ in self._threads:
            self._queue.put(None)
        for thread in self._threads if wait else ():
            thread.join()

    def _work(self) -> None:
        while (item := self._queue.get()) is not None:
            future, function = item
            if future.set_running_or_notify_cancel():
                _serve(future, function)
            # The last job's pixels must not stay alive until the next job comes.
            del item, future, function


def _serve(future: Future[Any], function: Callable[[], Any]) -> None:
    try:
        result = function()
    except BaseException as error:  # noqa: BLE001 -- handed to whoever awaits the future
        future.set_exception(error)
    else:
        future.set_result(result)

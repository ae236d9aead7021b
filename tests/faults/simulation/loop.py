"""An event loop in which time is a number and processes can be frozen or dropped between two callbacks.

Nothing ever really waits: when no callback is ready, time jumps to the next timer. Every callback belongs to
the process whose context it was scheduled in. Within one process callbacks run in asyncio's order; between
processes that are ready at the same moment a seeded choice decides.
"""

import asyncio
import heapq
import random
from collections import deque
from collections.abc import Coroutine
from contextvars import Context, ContextVar
from typing import Any, TypeVar

T = TypeVar("T")

WORLD = "world"  # the process of whatever belongs to no consumer
PROCESS: ContextVar[str] = ContextVar("PROCESS", default=WORLD)
_TOO_MANY_TURNS = 10_000  # at one moment: somebody spins instead of waiting


class Stuck(AssertionError):
    """Nothing will ever happen again, or time stands still."""


class VirtualLoop(asyncio.BaseEventLoop):
    """Runs until its main coroutine ends or `fail` is called, by itself or from anywhere inside."""

    def __init__(self, rng: random.Random) -> None:
        super().__init__()
        self._rng = rng
        self._now_s = 0.0
        self._ready: deque[asyncio.Handle] = deque()
        self._scheduled: list[asyncio.TimerHandle] = []
        self._queues: dict[str, deque[asyncio.Handle]] = {}
        self._held: set[str] = set()
        self._turns_now = 0
        self._error: BaseException | None = None
        self._over = False

    def time(self) -> float:
        """Seconds since the start."""
        return self._now_s

    def hold(self, process: str) -> None:
        """Run no callback of this process until `let_go`; its timers wait, the others go on."""
        self._held.add(process)

    def let_go(self, process: str) -> None:
        """Let a held process go on with all that has become due meanwhile."""
        self._held.discard(process)

    def fail(self, error: BaseException) -> None:
        """End the run with `error`; the first one counts."""
        if not self._over:
            self._error = self._error or error
            self.stop()

    def run(self, main: Coroutine[Any, Any, T]) -> T:
        """Run `main` to its end; raises what `fail` was told, Stuck, or what `main` raises."""
        task = self.create_task(main)
        task.add_done_callback(self._main_ended)
        self.run_forever()
        task.remove_done_callback(self._main_ended)
        if self._error is not None:
            raise self._error
        return task.result()

    def clear_away(self) -> None:
        """Cancel every task and let them end; errors on the way are of no interest any more."""
        self._over = True
        self._held.clear()
        while tasks := asyncio.all_tasks(self):
            for task in tasks:
                task.cancel()
            self.run_until_complete(asyncio.wait(tasks, timeout=60))
        self.close()

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Take an error that no task has caught for the end of the run."""
        self.fail(context.get("exception") or RuntimeError(context["message"]))

    def _main_ended(self, _: object) -> None:
        self.stop()

    def _run_once(self) -> None:
        for handle in self._ready:
            self._queues.setdefault(process_of(handle), deque()).append(handle)
        self._ready.clear()
        runnable = [name for name in self._queues if name not in self._held]
        if not runnable:
            self._jump()
            return
        name = runnable[0] if len(runnable) == 1 else self._rng.choice(runnable)
        queue = self._queues.pop(name)
        while queue and name not in self._held:
            handle = queue.popleft()
            if not handle.cancelled():
                handle._run()
        if queue:
            self._queues[name] = queue
        self._turns_now += 1
        if self._turns_now > _TOO_MANY_TURNS:
            self.fail(Stuck(f"{name} spins without waiting"))

    def _jump(self) -> None:
        timers = self._scheduled
        while timers and timers[0].cancelled():
            heapq.heappop(timers)
        if not timers:
            self.fail(Stuck("nothing is left to happen"))
            return
        self._now_s, self._turns_now = max(self._now_s, timers[0].when()), 0
        while timers and timers[0].when() <= self._now_s:
            self._ready.append(heapq.heappop(timers))


def process_of(handle: asyncio.Handle) -> str:
    """The process that a callback belongs to."""
    context: Context = handle._context  # type: ignore[attr-defined] # there is no public way to ask
    return context.get(PROCESS, WORLD)


def at_once(coroutine: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine that only yields and waits for nothing, as the calls of a store in memory."""
    while True:
        try:
            coroutine.send(None)
        except StopIteration as stop:
            result: T = stop.value
            return result

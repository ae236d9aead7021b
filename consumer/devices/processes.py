"""Processes that do one order at a time each, for what needs more than one interpreter.

They are started when there is an order and nobody idle, and end when nobody has use for any of them. One
whose order is given up, because its job was cancelled or has failed, is killed: nothing stops it sooner.
"""

import asyncio
import os
import signal
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final, Generic, Protocol, TypeVar

import structlog

from consumer.children import python_command
from consumer.devices.messages import packed, receive

OrderT = TypeVar("OrderT")
OrderT_contra = TypeVar("OrderT_contra", contravariant=True)
AnswerT = TypeVar("AnswerT")
AnswerT_co = TypeVar("AnswerT_co", covariant=True)
ToldT = TypeVar("ToldT")
ToldT_co = TypeVar("ToldT_co", covariant=True)

READ_BYTES: Final = 2**20
_COMMAND: Final = python_command("consumer.devices.child")
_END_S: Final = 10.0  # SIGKILL takes milliseconds, unless the kernel waits for a disk

_log = structlog.get_logger()


class Worker(Protocol[OrderT_contra, AnswerT_co, ToldT_co]):
    """What does the orders within a process, on its event loop; made there, and kept as long as it lives."""

    async def do(self, order: OrderT_contra, tell: Callable[[ToldT_co], None]) -> AnswerT_co:
        """Do an order and tell of it meanwhile, from the event loop; its giver gets what is raised."""
        ...


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a process says: something of the order under way, or what came of it."""

    told: Any = None
    done: Any = None
    failed: Exception | None = None


class ProcessDied(Exception):
    """A process ended in the middle of an order; `exit_code` is minus the signal where one has ended it."""

    def __init__(self, exit_code: int) -> None:
        super().__init__(f"A process ended with {exit_code} in the middle of its work.")
        self.exit_code = exit_code


class Child(Generic[OrderT, AnswerT, ToldT]):
    """One process; from `Processes.one`."""

    def __init__(self, process: Process, greeting: bytes) -> None:
        if process.stdin is None or process.stdout is None:
            raise ValueError("both are to be pipes")
        self._process = process
        self._orders, self._answers = process.stdin, process.stdout
        self._orders.write(greeting)
        self._is_busy = False

    @property
    def pid(self) -> int:
        """Its number."""
        return self._process.pid

    @property
    def is_ready(self) -> bool:
        """Whether it lives and has no order."""
        return self._process.returncode is None and not self._is_busy

    async def do(self, order: OrderT, told: Callable[[ToldT], None]) -> AnswerT:
        """Have an order done, and hear of it meanwhile; both it and the answer are pickled.

        Raises what is raised there, and ProcessDied.
        """
        self._is_busy = True
        try:
            self._orders.write(packed(order))
            await self._orders.drain()
            while (answer := await self._answer()).told is not None:
                told(answer.told)
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            self._kill()  # if all that it did was to close its output
            raise ProcessDied(await self._process.wait()) from error
        self._is_busy = False
        if answer.failed is not None:
            raise answer.failed
        done: AnswerT = answer.done
        return done

    async def end(self) -> None:
        """Kill it."""
        self._kill()
        try:
            async with asyncio.timeout(_END_S):
                await self._process.communicate()
        except TimeoutError:
            _log.warning("process_does_not_end", pid=self.pid)

    def _kill(self) -> None:
        # Not by the process object, which first collects one that has ended: its exit code would be lost.
        if self._process.returncode is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)

    async def _answer(self) -> Answer:
        answer: Answer = await receive(self._answers)
        return answer


class Processes(Generic[OrderT, AnswerT, ToldT]):
    """At most `most` processes at once, each with a worker that `make` has made in it; of one event loop.

    `make` is pickled: a class or a function of a module. Those who want one wait in the order they came.
    """

    def __init__(self, make: Callable[[], Worker[OrderT, AnswerT, ToldT]], *, most: int) -> None:
        #: How many there may be.
        self.most = most
        self._greeting = packed(make)
        self._room = asyncio.Semaphore(most)
        self._idle: list[Child[OrderT, AnswerT, ToldT]] = []
        self._busy: list[Child[OrderT, AnswerT, ToldT]] = []
        self._ending: set[asyncio.Task[None]] = set()
        self._users = 0

    @property
    def pids(self) -> tuple[int, ...]:
        """The numbers of those that there are."""
        return tuple(child.pid for child in (*self._idle, *self._busy))

    @asynccontextmanager
    async def kept(self) -> AsyncIterator[None]:
        """Keep those that are idle within the block; the last one who leaves it ends them."""
        self._users += 1
        try:
            yield
        finally:
            self._users -= 1
            while self._idle and not self._users:
                await self._end(self._idle.pop())
            if self._ending and not self._users:
                await asyncio.wait(self._ending)

    async def prepare(self, count: int) -> None:
        """Start some ahead of their orders, so that there are `count`, or as many as there may be.

        Within `kept`, which they are there for; it does not wait until they can work, nor for one that others
        have: two who had one each and waited for the other's would wait for ever. Raises OSError.
        """
        async with AsyncExitStack() as held:
            for _ in range(min(count, self.most) - len(self._busy)):
                if self._room.locked():
                    return
                await held.enter_async_context(self.one())

    @asynccontextmanager
    async def one(self) -> AsyncIterator[Child[OrderT, AnswerT, ToldT]]:
        """One process for oneself within the block, started now if none is idle; raises OSError."""
        async with self._room:
            child = await self._take() or await self._start()
            self._busy.append(child)
            try:
                yield child
            finally:
                self._busy.remove(child)
                if child.is_ready and self._users:
                    self._idle.append(child)
                else:
                    await self._end(child)

    async def _take(self) -> Child[OrderT, AnswerT, ToldT] | None:
        """An idle one; those that have died meanwhile are cleared away."""
        while self._idle:
            child = self._idle.pop()
            if child.is_ready:
                return child
            await self._end(child)
        return None

    async def _end(self, child: Child[OrderT, AnswerT, ToldT]) -> None:
        """End one, also where whoever waits for that is told once more not to."""
        ending = asyncio.create_task(child.end())
        self._ending.add(ending)
        ending.add_done_callback(self._ending.discard)
        await asyncio.shield(ending)

    async def _start(self) -> Child[OrderT, AnswerT, ToldT]:
        process = await asyncio.create_subprocess_exec(
            *_COMMAND,
            stdin=PIPE,
            stdout=PIPE,
            limit=READ_BYTES,
            start_new_session=True,  # Ctrl-C is for us
        )
        return Child(process, self._greeting)

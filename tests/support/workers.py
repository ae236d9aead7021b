"""What tests have done in processes of their own."""

import asyncio
import os
import sys
import time
from collections.abc import Callable
from typing import Any, Literal

from consumer.devices.processes import Processes

Order = tuple[Literal["add", "raise", "kill", "print", "hold", "close"], Any]


class Unpicklable(Exception):
    """An error that comes out of no pickle."""

    def __init__(self, one: int, other: int) -> None:
        super().__init__(f"{one} and {other}")


class Worker:
    """Counts what it is told to add; tells every sum."""

    def __init__(self) -> None:
        self._sum = 0

    async def do(self, order: Order, tell: Callable[[int], None]) -> tuple[int, int]:
        what, value = order
        match what:
            case "add":
                for number in value:
                    self._sum += number
                    tell(self._sum)
            case "raise":
                raise value
            case "kill":
                os.kill(os.getpid(), value)
            case "print":
                print(value)  # noqa: T201 -- as libraries do
                sys.stdout.flush()
            case "hold":
                tell(os.getpid())
                await asyncio.to_thread(time.sleep, value)
            case "close":
                raise Unpicklable(*value)
        return os.getpid(), self._sum


def workers(most: int = 1) -> Processes[Order, tuple[int, int], int]:
    return Processes(Worker, most=most)


def hold() -> None:
    """Have a process hold for a minute, and print which."""
    asyncio.run(_hold())


async def _hold() -> None:
    async with workers().one() as child:
        await child.do(("hold", 60), lambda pid: print(pid, flush=True))  # noqa: T201 -- for the test

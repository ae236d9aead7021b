"""Several triggers as one stream of tickets, none of them waiting for another."""

import asyncio
from collections.abc import AsyncGenerator, Collection, Sequence

from consumer.triggers.base import Ticket, Trigger


class Merged:
    """Offers the tickets of all its triggers in turn, so that a busy one does not silence the others.

    `problem` says what is wrong with each; `polls` is the least of theirs, so that 0 means that one of
    them has not answered yet. At most one ticket of each is fetched before it is asked for.
    """

    def __init__(self, triggers: Sequence[Trigger]) -> None:
        self._triggers = triggers

    @property
    def problem(self) -> str | None:
        """The problems of all triggers, None when there are none."""
        return " ".join(filter(None, (trigger.problem for trigger in self._triggers))) or None

    @property
    def polls(self) -> int:
        """How often the least answering trigger has answered."""
        return min(trigger.polls for trigger in self._triggers)

    async def tickets(self) -> AsyncGenerator[Ticket, None]:
        """Yield tickets for ever; closing it closes all triggers and gives back what was fetched."""
        streams = [trigger.tickets() for trigger in self._triggers]
        waiting: dict[int, asyncio.Task[Ticket]] = {}
        last = 0
        try:
            while True:
                for number, stream in enumerate(streams):
                    if number not in waiting:
                        waiting[number] = asyncio.create_task(_next(stream))
                await asyncio.wait(waiting.values(), return_when=asyncio.FIRST_COMPLETED)
                in_turn = sorted(waiting, key=lambda number: (number - last - 1) % len(streams))
                last = next(number for number in in_turn if waiting[number].done())
                yield waiting.pop(last).result()
        finally:
            await _close(streams, waiting.values())


async def _next(stream: AsyncGenerator[Ticket, None]) -> Ticket:
    return await anext(stream)


async def _close(
    streams: Sequence[AsyncGenerator[Ticket, None]], waiting: Collection[asyncio.Task[Ticket]]
) -> None:
    for task in waiting:
        task.cancel()
    for fetched in await asyncio.gather(*waiting, return_exceptions=True):
        if not isinstance(fetched, BaseException):
            await fetched.defer(0)
    for stream in streams:
        await stream.aclose()

"""A queue inside this process, for jobs that come as calls to it and not through a bucket or a service."""

import asyncio
from collections.abc import Sequence

from consumer.triggers.queue_port import Message


class LocalQueue:
    """Tells the consumer of this process which inbox keys to look at; `most` of them may wait.

    Nothing is acknowledged or held, and a key may be lost: the inbox and the lease say how a job stands.
    """

    name = "local"
    acks_at_claim = True

    def __init__(self, most: int) -> None:
        self._messages: asyncio.Queue[Message] = asyncio.Queue(most)

    def announce(self, body: str) -> None:
        """Offer an inbox key; where too many wait already, the sweep of the inbox finds its job."""
        self._offer(Message(receipt="", body=body))

    async def receive(self, *, most: int, wait_s: float, hold_s: float) -> Sequence[Message]:  # noqa: ARG002 -- the port's; nobody else sees these messages
        """Take up to `most` messages; waits up to `wait_s` for the first."""
        try:
            async with asyncio.timeout(wait_s):
                found = [await self._messages.get()]
        except TimeoutError:
            return ()
        while len(found) < most and not self._messages.empty():
            found.append(self._messages.get_nowait())
        return found

    async def ack(self, message: Message) -> None:
        """Nothing to do: a message is gone once it is taken."""

    async def put_back(self, message: Message, delay_s: float) -> None:
        """Offer a message again after `delay_s`; where too many wait by then, the sweep finds its job."""
        asyncio.get_running_loop().call_later(delay_s, self._offer, message)

    async def hold(self, message: Message, hold_s: float) -> None:
        """Nothing to do: nobody else sees it."""

    def _offer(self, message: Message) -> None:
        if not self._messages.full():
            self._messages.put_nowait(message)

"""A queue beside the inbox, as unreliable as queues are: messages come late, twice, or (as events) never."""

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from consumer.triggers.queue_port import Message, QueueUnavailable

_LOOK_S = 2.0


@dataclass(kw_only=True)
class Waiting:
    """A message in the queue; nobody sees it before `visible_s` of virtual time."""

    job_id: str
    body: str
    visible_s: float


class Broker:
    """The queue itself; `judge` is told of the job whose message is acknowledged."""

    def __init__(self, rng: random.Random, *, acks_at_claim: bool, judge: Callable[[str], None]) -> None:
        self.acks_at_claim = acks_at_claim
        self.waiting: dict[str, Waiting] = {}
        self._rng = rng
        self._judge = judge
        self._sent = 0

    def send(self, job_id: str, body: str, *, at_s: float) -> None:
        """Add a message that becomes visible some time later, and perhaps comes twice."""
        for _ in range(self._rng.choice((1, 1, 2))):
            self._sent += 1
            visible_s = at_s + self._rng.choice((0.0, 1.0, 60.0))
            self.waiting[f"m{self._sent}"] = Waiting(job_id=job_id, body=body, visible_s=visible_s)

    def take(self, now_s: float, *, most: int, hold_s: float) -> list[Message]:
        """Take what is visible; now and then a message stays visible to others all the same."""
        seen = [(receipt, each) for receipt, each in self.waiting.items() if each.visible_s <= now_s][:most]
        for _, each in seen:
            if self._rng.random() < 0.95:
                each.visible_s = now_s + hold_s
        return [Message(receipt=receipt, body=each.body) for receipt, each in seen]

    def hide(self, receipt: str, *, until_s: float) -> None:
        """Make a message visible at `until_s`."""
        if receipt in self.waiting:
            self.waiting[receipt].visible_s = until_s

    def remove(self, receipt: str) -> None:
        """Acknowledge a message."""
        if receipt in self.waiting:
            self._judge(self.waiting[receipt].job_id)
            del self.waiting[receipt]


class SimulatedQueue:
    """The queue as one consumer reaches it; `answers` says whether a call gets through."""

    name = "simulated"

    def __init__(self, broker: Broker, answers: Callable[[str], bool]) -> None:
        self._broker = broker
        self._answers = answers

    @property
    def acks_at_claim(self) -> bool:
        """As the broker has it."""
        return self._broker.acks_at_claim

    async def receive(self, *, most: int, wait_s: float, hold_s: float) -> Sequence[Message]:
        """Take messages, looking again and again for as long as is waited."""
        loop = asyncio.get_running_loop()
        until_s = loop.time() + wait_s
        while True:
            await self._call("receive")
            found = self._broker.take(loop.time(), most=most, hold_s=hold_s)
            if found or loop.time() >= until_s:
                return found
            await asyncio.sleep(_LOOK_S)

    async def ack(self, message: Message) -> None:
        """Remove a message for good."""
        await self._call(f"ack {message.receipt}")
        self._broker.remove(message.receipt)

    async def put_back(self, message: Message, delay_s: float) -> None:
        """Let a message be delivered again."""
        await self.hold(message, min(delay_s, 900))

    async def hold(self, message: Message, hold_s: float) -> None:
        """Keep a message unseen."""
        await self._call(f"hold {message.receipt}")
        self._broker.hide(message.receipt, until_s=asyncio.get_running_loop().time() + hold_s)

    async def _call(self, what: str) -> None:
        await asyncio.sleep(0.02)
        if not self._answers(what):
            raise QueueUnavailable

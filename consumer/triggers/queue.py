"""Any queue as a trigger: its messages say which inbox entries to look at, and nothing else.

A raw manifest in a message is put into the inbox first, so that nothing depends on the queue keeping it:
whatever a queue loses, the sweep of the inbox finds. A message whose entry is gone has done its duty, and
so has one whose folder is not complete, because the file that completes it sends its own.
"""

import asyncio
import math
import time
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass

import structlog

from consumer.faults import judge
from consumer.triggers.in_flight import EntryTicket, InFlightEntries
from consumer.triggers.messages import read_message
from consumer.triggers.queue_port import Message, Queue, reason, told
from storage.inbox.inbox import Inbox, InboxEntry
from storage.records.status import Status

_BATCH = 10  # SQS's own limit for one request
_QUICK_S = 1.0  # who comes back for more within this time can start several more soon
_STORE_AWAY_S = 20.0  # a message that could not be looked up rests so long
_GIVE_BACK_S = 5.0

_log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True)
class QueuePolicy:
    """Times in seconds: a request waits `wait_s` for a message, which is then held for `hold_s` at a time.

    After a failure the next request comes `first_pause_s` later, then twice that, up to `max_pause_s`.
    """

    wait_s: float = 20.0
    hold_s: float = 90.0
    first_pause_s: float = 1.0
    max_pause_s: float = 30.0


class _Delivery:
    """One message and the entries it led to; the queue is told when all of them have ended."""

    def __init__(self, queue: Queue, message: Message, *, entries: int) -> None:
        self.acks_at_claim = queue.acks_at_claim
        self._queue = queue
        self._message = message
        self._left = entries
        self._delay_s = math.inf
        self._put_back = False

    async def hold(self, hold_s: float) -> None:
        await told(self._queue, self._queue.hold(self._message, hold_s))

    async def done(self) -> None:
        self._left -= 1
        if self._left > 0:
            return
        if self._put_back:
            await told(self._queue, self._queue.put_back(self._message, self._delay_s))
        else:
            await told(self._queue, self._queue.ack(self._message))

    async def later(self, delay_s: float) -> None:
        self._put_back, self._delay_s = True, min(self._delay_s, delay_s)
        await self.done()


class QueueTicket(EntryTicket):
    """An inbox entry that a message announced; `delivery` is None once the queue is done with it."""

    def __init__(
        self,
        inbox: Inbox,
        in_flight: InFlightEntries,
        entry: InboxEntry,
        *,
        delivery: _Delivery | None,
        hold_s: float,
        again: Callable[[InboxEntry, float], None],
    ) -> None:
        super().__init__(inbox, in_flight, entry)
        self._delivery = delivery
        self._hold_s = hold_s
        self._again = again

    async def claimed(self) -> None:
        """Acknowledge the message now where it could not be held until the job's end."""
        if self._delivery and self._delivery.acks_at_claim:
            delivery, self._delivery = self._delivery, None
            await delivery.done()

    async def beat(self) -> None:
        """Keep the message unseen by others for as long as a lease lasts."""
        if self._delivery:
            await self._delivery.hold(self._hold_s)

    async def retire(self, status: Status) -> None:
        """Remove the entry of a job that has ended, then the message; raises StoreUnavailable."""
        await super().retire(status)
        if self._delivery:
            await self._delivery.done()

    async def defer(self, delay_s: float) -> None:
        """Put the message back for `delay_s`; without one, the entry is looked up again here."""
        await super().defer(delay_s)
        if self._delivery:
            await self._delivery.later(delay_s)
        else:
            self._again(self.entry, delay_s)

    async def rest(self, delay_s: float) -> None:
        """Have the entry looked up again here, and the message gone: queues give up what comes back often."""
        delivery, self._delivery = self._delivery, None
        if delivery:
            await delivery.done()
        await self.defer(delay_s)


class QueueTrigger:
    """Offers the inbox entries that a queue's messages speak of.

    Messages are taken in as large a number as was last started within a second, so that a busy consumer
    keeps none from others.
    """

    def __init__(
        self,
        queue: Queue,
        inbox: Inbox,
        in_flight: InFlightEntries,
        *,
        bucket: str,
        policy: QueuePolicy,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self.problem: str | None = None
        self.polls = 0
        self._queue = queue
        self._inbox = inbox
        self._in_flight = in_flight
        self._bucket = bucket
        self._policy = policy
        self._monotonic = monotonic
        self._sleep = sleep
        self._pause_s = policy.first_pause_s
        self._again: list[tuple[float, InboxEntry]] = []

    async def tickets(self) -> AsyncGenerator[QueueTicket, None]:
        """Yield tickets for ever; messages taken and not handed out go back when it is closed."""
        ready: deque[QueueTicket] = deque()
        taken: deque[Message] = deque()
        stale_at, most = 0.0, 1
        try:
            while True:
                if not taken:
                    ready.extend(await self._due())
                if not (ready or taken):
                    taken.extend(await self._receive(most))
                    stale_at = self._monotonic() + self._policy.hold_s / 2
                if taken and not ready:
                    if self._monotonic() < stale_at:
                        ready.extend(await self._read(taken[0]))
                    else:
                        await told(self._queue, self._queue.put_back(taken[0], 0))
                    taken.popleft()
                while ready:
                    handed_out = self._monotonic()
                    yield ready.popleft()
                    quick = self._monotonic() - handed_out < _QUICK_S
                    most = min(2 * most, _BATCH) if quick else 1
        finally:
            await self._give_back(ready, taken)

    async def _receive(self, most: int) -> Sequence[Message]:
        """Ask the queue, at once where it is not known to answer; after a failure wait a while."""
        due_in_s = min((due for due, _ in self._again), default=math.inf) - self._monotonic()
        wait_s = self._policy.wait_s if self.polls and not self.problem else 0
        try:
            messages = await self._queue.receive(
                most=most, wait_s=max(0, min(wait_s, due_in_s)), hold_s=self._policy.hold_s
            )
        except Exception as error:  # noqa: BLE001 -- a request that fails must not be the last
            problem = reason(error)
            if self.problem is None:
                _log.warning("queue_unreachable", queue=self._queue.name, reason=problem)
            self.problem = problem
            await self._pause(at_least_s=getattr(error, "retry_after_s", 0.0))
            return ()
        if self.problem is not None:
            _log.info("queue_reachable", queue=self._queue.name)
            self._pause_s = self._policy.first_pause_s
        self.problem, self.polls = None, self.polls + 1
        return messages

    async def _read(self, message: Message) -> list[QueueTicket]:
        """Tickets for the entries that a message speaks of, if they may be worked on now."""
        try:
            hint = read_message(message.body, bucket=self._bucket)
            found = hint.keys if hint.manifest is None else (await self._inbox.add(hint.manifest),)
            entries = [entry for key in found if (entry := await self._inbox.find(key))]
        except Exception as error:  # noqa: BLE001 -- judged: the next message may be a better one
            fault = judge(error, stage="queue")
            _log.warning("message_put_back", queue=self._queue.name, reason=fault.reason)
            await told(self._queue, self._queue.put_back(message, _STORE_AWAY_S))
            await self._pause()
            return []
        if hint.ignored:
            _log.info("message_ignored", queue=self._queue.name, reason=hint.ignored)
        self._pause_s = self._policy.first_pause_s
        delivery = _Delivery(self._queue, message, entries=max(1, len(entries)))
        if not entries:
            await delivery.done()
        offered = [entry for entry in entries if self._in_flight.take(entry)]
        for entry in entries:
            if entry not in offered:
                await delivery.later(min(self._in_flight.wait_s(entry), self._policy.hold_s))
        return [self._ticket(entry, delivery) for entry in offered]

    async def _due(self) -> list[QueueTicket]:
        """Tickets for entries put off here whose message is gone already."""
        now = self._monotonic()
        due = [entry for at, entry in self._again if at <= now]
        self._again = [(at, entry) for at, entry in self._again if at > now]
        found = []
        for entry in due:
            try:
                found.append(await self._inbox.find(entry.keys[0]))
            except Exception as error:  # noqa: BLE001 -- judged: the sweep will find the entry
                _log.warning(
                    "entry_left_to_sweep", entry=entry.name, reason=judge(error, stage="queue").reason
                )
        return [self._ticket(entry, None) for entry in found if entry and self._in_flight.take(entry)]

    def _ticket(self, entry: InboxEntry, delivery: _Delivery | None) -> QueueTicket:
        return QueueTicket(
            self._inbox,
            self._in_flight,
            entry,
            delivery=delivery,
            hold_s=self._policy.hold_s,
            again=self._look_again,
        )

    def _look_again(self, entry: InboxEntry, delay_s: float) -> None:
        if delay_s < math.inf:
            self._again.append((self._monotonic() + delay_s, entry))

    async def _pause(self, *, at_least_s: float = 0.0) -> None:
        await self._sleep(max(self._pause_s, at_least_s))
        self._pause_s = min(2 * self._pause_s, self._policy.max_pause_s)

    async def _give_back(self, ready: Sequence[QueueTicket], taken: Sequence[Message]) -> None:
        try:
            async with asyncio.timeout(_GIVE_BACK_S):
                for ticket in ready:
                    await ticket.defer(0)
                for message in taken:
                    await told(self._queue, self._queue.put_back(message, 0))
        except TimeoutError:
            _log.warning("messages_left_to_time_out", queue=self._queue.name)

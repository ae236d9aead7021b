"""The queue port: what a queue must be able to do to announce jobs."""

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog

from consumer.faults import judge

_TELL_S = 5.0

_log = structlog.get_logger()


class QueueUnavailable(Exception):
    """The queue did not answer as it should."""

    def __init__(self, message: str | None = None, *, retry_after_s: float = 0.0) -> None:
        super().__init__(message or str(type(self).__doc__))
        self.retry_after_s = retry_after_s  # what the queue asked for; 0 when it did not say


@dataclass(frozen=True, kw_only=True)
class Message:
    """A message taken from a queue; `receipt` is what the queue knows this delivery by."""

    receipt: str
    body: str | bytes


class Queue(Protocol):
    """A queue whose messages are taken for a while, then acknowledged or put back.

    All methods raise QueueUnavailable.
    """

    @property
    def name(self) -> str:
        """What the log calls it."""
        ...

    @property
    def acks_at_claim(self) -> bool:
        """Whether a message is acknowledged once its job is claimed, because it cannot be held longer."""
        ...

    async def receive(self, *, most: int, wait_s: float, hold_s: float) -> Sequence[Message]:
        """Take up to `most` messages, unseen by others for `hold_s`; waits up to `wait_s` for the first."""
        ...

    async def ack(self, message: Message) -> None:
        """Remove a message for good."""
        ...

    async def put_back(self, message: Message, delay_s: float) -> None:
        """Let a message be delivered again after `delay_s`, or the queue's own limit if that is less."""
        ...

    async def hold(self, message: Message, hold_s: float) -> None:
        """Keep a message unseen by others for `hold_s` from now."""
        ...


async def told(queue: Queue, call: Awaitable[None]) -> None:
    """Tell a queue something it may miss: at worst the message comes once more.

    A queue that does not answer holds up neither a heartbeat nor the end of a job for long.
    """
    try:
        async with asyncio.timeout(_TELL_S):
            await call
    except TimeoutError:
        _log.warning("queue_not_told", queue=queue.name, reason="The queue did not answer in time.")
    except Exception as error:  # noqa: BLE001 -- judged
        _log.warning("queue_not_told", queue=queue.name, reason=reason(error))


def reason(error: Exception) -> str:
    """What went wrong with a queue, as a sentence; what nobody foresaw is logged with its traceback."""
    return str(error) if isinstance(error, QueueUnavailable) else judge(error, stage="queue").reason

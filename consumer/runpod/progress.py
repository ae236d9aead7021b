"""Telling RunPod how far a request's job is, without ever telling it so after the answer.

RunPod takes whatever arrives last for the truth, so progress that lands behind the answer makes a request
look as if it ran for ever. The SDK's own `progress_update` sends each from a thread of its own and lets
nobody wait for it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from types import TracebackType
from typing import Any, Self

import structlog

# An update that takes longer is given up, and its connection closed: the answer waits for it.
_GIVE_UP_S = 15.0

_log = structlog.get_logger()

SendProgress = Callable[[Mapping[str, Any]], Awaitable[None]]


class ProgressSender:
    """Sends one update at a time, always the newest; its end waits until none is on its way any more."""

    def __init__(self, send: SendProgress, *, give_up_s: float = _GIVE_UP_S) -> None:
        self._send = send
        self._give_up_s = give_up_s
        self._newest: Mapping[str, Any] | None = None
        self._sending: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._newest = None
        if self._sending is not None:
            await asyncio.wait({self._sending})

    def tell(self, record: Mapping[str, Any]) -> None:
        """Send an update as soon as the one before it has arrived; returns at once and never raises."""
        self._newest = record
        if self._sending is None or self._sending.done():
            self._sending = asyncio.create_task(self._send_all())

    async def _send_all(self) -> None:
        while self._newest is not None:
            record, self._newest = self._newest, None
            try:
                async with asyncio.timeout(self._give_up_s):
                    await self._send(record)
            except Exception as error:  # noqa: BLE001 -- told, and the job's record says the same
                _log.warning("progress_not_sent", job_id=record.get("job_id"), reason=type(error).__name__)

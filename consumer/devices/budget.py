"""A bound on bytes that are held at once, whether of memory or of disk space."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class ByteBudget:
    """A bound on bytes held at once; those who wait get theirs in the order they came."""

    def __init__(self, total_bytes: int) -> None:
        self._total = total_bytes
        self._held = 0
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    @property
    def held_bytes(self) -> int:
        """Bytes held now."""
        return self._held

    def places(self, size_bytes: int) -> int:
        """How many that hold so much have room together; one at the least."""
        return max(1, self._total // size_bytes)

    @asynccontextmanager
    async def hold(self, size_bytes: int) -> AsyncIterator[None]:
        """Hold `size_bytes` within the block; more than the whole budget waits until it is alone."""
        size = min(size_bytes, self._total)
        await self._take(size)
        try:
            yield
        finally:
            self._held -= size
            self._serve()

    async def _take(self, size: int) -> None:
        if not self._waiting and self._held + size <= self._total:
            self._held += size
            return
        turn = asyncio.get_running_loop().create_future()
        entry = (size, turn)
        self._waiting.append(entry)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                self._waiting = deque(waiting for waiting in self._waiting if waiting is not entry)
            else:
                self._held -= size
            self._serve()
            raise

    def _serve(self) -> None:
        while self._waiting and self._held + self._waiting[0][0] <= self._total:
            size, turn = self._waiting.popleft()
            if not turn.cancelled():
                self._held += size
                turn.set_result(None)

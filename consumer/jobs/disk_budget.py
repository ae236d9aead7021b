"""A bound on the bytes that all jobs together have on the disk, without jobs that wait for each other."""

import asyncio
from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass, field

from storage.errors import DiskFull, InputTooLarge


@dataclass(eq=False)
class _Waiting:
    job: Hashable
    size: int
    turn: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class DiskBudget:
    """Bytes held by jobs, which ask for more as they go and give back when they end.

    Who holds some goes first, because only its end makes room; else those who wait get theirs in the
    order they came. When all who hold some wait for more, none of them would ever end: the last of them is
    refused. It belongs to one event loop.
    """

    def __init__(self, total_bytes: int) -> None:
        self._total = total_bytes
        self._held: Counter[Hashable] = Counter()
        self._waiting: list[_Waiting] = []

    @property
    def held_bytes(self) -> int:
        """Bytes held now."""
        return self._held.total()

    def held_by(self, job: Hashable) -> int:
        """Bytes that one job holds."""
        return self._held[job]

    def has_room(self, size_bytes: int) -> bool:
        """Whether so many bytes can be held without a wait."""
        return not self._waiting and self.held_bytes + size_bytes <= self._total

    async def reserve(self, job: Hashable, size_bytes: int) -> None:
        """Hold so many more bytes, once they are free; raises InputTooLarge, DiskFull."""
        awaited = sum(entry.size for entry in self._waiting if entry.job == job)
        if self._held[job] + awaited + size_bytes > self._total:
            raise InputTooLarge(
                f"The files of this job need more than the {self._total / 1e9:g} GB of disk that there are; "
                "send smaller ones."
            )
        entry = _Waiting(job, size_bytes)
        self._waiting.append(entry)
        self._serve()
        try:
            await entry.turn
        except asyncio.CancelledError:
            if entry in self._waiting:
                self._waiting.remove(entry)
            elif not entry.turn.cancelled() and entry.turn.exception() is None:
                self.release(job, size_bytes)  # it got its turn, and cannot take it any more
            self._serve()
            raise

    def release(self, job: Hashable, size_bytes: int) -> None:
        """Give back bytes; never more than the job holds."""
        self._held[job] -= min(size_bytes, self._held[job])
        if not self._held[job]:
            del self._held[job]
        self._serve()

    def _serve(self) -> None:
        while self._waiting:
            entry = next((each for each in self._waiting if self._held[each.job]), self._waiting[0])
            if self.held_bytes + entry.size > self._total:
                break
            self._waiting.remove(entry)
            if not entry.turn.cancelled():
                self._held[entry.job] += entry.size
                entry.turn.set_result(None)
        self._refuse_one()

    def _refuse_one(self) -> None:
        waiting = {entry.job for entry in self._waiting}
        holding = {job for job, held in self._held.items() if held}
        if not holding or not holding <= waiting:
            return
        last = next(entry.job for entry in reversed(self._waiting) if entry.job in holding)
        for entry in [each for each in self._waiting if each.job == last]:
            self._waiting.remove(entry)
            if not entry.turn.done():
                entry.turn.set_exception(DiskFull())

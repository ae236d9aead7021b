"""One clock for the store, the consumers and their sleeps, moved by hand."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
_TURNS = 20  # of the event loop; more than any call to a store in memory takes


@dataclass
class VirtualTime:
    """Time that passes only when somebody sleeps or calls `advance`; `slept` lists the sleeps in seconds."""

    now_s: float = 0.0
    slept: list[float] = field(default_factory=list)

    def monotonic(self) -> float:
        return self.now_s

    def store(self) -> datetime:
        return EPOCH + timedelta(seconds=self.now_s)

    def advance(self, seconds: float) -> None:
        self.now_s += seconds

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        for _ in range(_TURNS):  # whoever does not sleep takes no time
            await asyncio.sleep(0)
        self.advance(seconds)

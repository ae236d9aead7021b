"""The consumers of the chaos run, and what is done to them."""

import asyncio
import random
import signal
from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from tests.support.copying import files_below
from tests.support.failpoints import Conditions, ForkedConsumer, forked_consumer

_LIVES_S = 4.0  # on average, before something is done to it
_LONGEST_STOP_LEASES = 2.5
_BLOWS = {"kill -9": 50, "SIGSTOP": 30, "SIGTERM": 20}


class Slot:
    """One place in the fleet: whatever ends its consumer, the next one takes its place."""

    def __init__(
        self, environment: Mapping[str, str], folder: Path, rng: random.Random, *, lease_ttl_s: float
    ) -> None:
        self.blows = Counter[str]()
        self.crashes: list[str] = []
        self.temp_left: list[str] = []
        self._environment = environment
        self._folder = folder
        self._rng = rng
        self._longest_stop_s = lease_ttl_s * _LONGEST_STOP_LEASES
        self._started = 0

    async def run(self, calm: asyncio.Event, done: asyncio.Event) -> None:
        """Keep a consumer alive until `done`; let it be once it is `calm`."""
        while not done.is_set():
            with ExitStack() as stack:
                self._started += 1
                folder = self._folder / str(self._started)
                conditions = Conditions(swap_s=0.01)
                consumer = stack.enter_context(forked_consumer(self._environment, folder, conditions))
                await self._live(consumer, calm, done)
                self.temp_left += [str(path) for path in files_below(consumer.temp)]

    async def _live(self, consumer: ForkedConsumer, calm: asyncio.Event, done: asyncio.Event) -> None:
        while not calm.is_set():
            await _first_of(calm, self._rng.expovariate(1 / _LIVES_S))
            if not consumer.process.is_alive():
                break
            if calm.is_set():
                continue
            [blow] = self._rng.choices([*_BLOWS], weights=[*_BLOWS.values()])
            self.blows[blow] += 1
            if blow != "SIGSTOP":
                await self._end(consumer, signal.SIGKILL if blow == "kill -9" else signal.SIGTERM)
                return
            consumer.send(signal.SIGSTOP)
            await asyncio.sleep(self._rng.uniform(0.5, self._longest_stop_s))
            consumer.send(signal.SIGCONT)
        while consumer.process.is_alive() and not done.is_set():
            await _first_of(done, 0.2)
        await self._end(consumer, signal.SIGTERM)

    async def _end(self, consumer: ForkedConsumer, number: signal.Signals) -> None:
        """A consumer ends by the signal that kills it, or with 0 after a drain; anything else is a crash."""
        consumer.send(number)
        code = await consumer.exit_code()
        if code == -signal.SIGTERM and not consumer.output():
            return  # it came before the program had begun
        if code != (-number if number == signal.SIGKILL else 0):
            self.crashes.append(f"exit code {code} on {number.name}: {consumer.output()[-2000:]}")


async def _first_of(event: asyncio.Event, timeout_s: float) -> None:
    try:
        await asyncio.wait_for(event.wait(), timeout_s)
    except TimeoutError:
        return

"""What lies between a consumer and the bucket: delay, loss, refusals, and the moments to die or freeze in."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from contextvars import Context
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol, TypeVar, cast

from storage import keys
from storage.errors import PreconditionFailed, StorageError, StoreThrottled, StoreUnavailable
from storage.stores.port import ObjectStore
from tests.faults.simulation.loop import VirtualLoop, at_once
from tests.support.stores import Op, WrappedStore

T = TypeVar("T")
_TIMEOUT_S = 60.0  # after which a client gives up on an answer
_WRITES_APART_S = 1.0  # per key, as R2 has it


class Mishap(Enum):
    """What may befall one call to the store."""

    REQUEST_LOST = "request lost"
    REPLY_LOST = "reply lost"
    UNAVAILABLE = "503"
    THROTTLED = "429"
    CONFLICT = "409"  # the write was refused although its condition held
    TWICE = "delivered twice"  # the second answer is the one that comes back
    HANGS = "no reply for a minute"
    DIES_BEFORE = "process dies before the call"
    DIES_AFTER = "process dies once the call has taken effect"
    FREEZES_BEFORE = "process freezes before the call is out"
    FREEZES_AFTER = "process freezes before the reply is in"


NETWORK = (
    Mishap.REQUEST_LOST,
    Mishap.REPLY_LOST,
    Mishap.UNAVAILABLE,
    Mishap.THROTTLED,
    Mishap.CONFLICT,
    Mishap.TWICE,
    Mishap.HANGS,
)
DEATH = (Mishap.DIES_BEFORE, Mishap.DIES_AFTER)
FREEZE = (Mishap.FREEZES_BEFORE, Mishap.FREEZES_AFTER)
_NEVER_ARRIVES = {Mishap.REQUEST_LOST, Mishap.UNAVAILABLE}
_SPOILS_THE_REPLY: dict[Mishap, type[StorageError]] = {
    Mishap.REPLY_LOST: StoreUnavailable,
    Mishap.HANGS: StoreUnavailable,
}


@dataclass(frozen=True, kw_only=True)
class Fate:
    """How one call goes; times in seconds."""

    send_s: float
    reply_s: float
    mishap: Mishap | None = None
    frozen_s: float = 0.0


class Surroundings(Protocol):
    """What the network asks of the world."""

    loop: VirtualLoop
    outside: Context
    throttles: bool

    def fate(self, process: str, op: Op, key: str) -> Fate:
        """Decide how a call goes."""
        ...

    def uploading(self, process: str, key: str) -> AbstractAsyncContextManager[None]:
        """Take the time that a process needs for a result."""
        ...

    def kill(self, process: str) -> None:
        """Drop a process where it stands."""
        ...

    def freeze(self, process: str, seconds: float) -> None:
        """Stop a process for a while."""
        ...

    def is_dead(self, process: str) -> bool:
        """Whether a process has been killed or has ended."""
        ...

    def is_cut_off(self, process: str) -> bool:
        """Whether no call of a process gets through at present."""
        ...

    def note(self, process: str, text: str) -> None:
        """Add a line to the trace."""
        ...


class Wires:
    """The store's side of the network, which all consumers share."""

    def __init__(self, world: Surroundings) -> None:
        self._world = world
        self._written: dict[str, float] = {}

    def take(self, op: Op, key: str, call: Callable[[], Awaitable[T]], mishap: Mishap | None) -> T:
        """Let a call take effect, at one moment."""
        if mishap in _NEVER_ARRIVES or (mishap is Mishap.HANGS and len(key) % 2):
            raise StoreUnavailable
        if mishap is Mishap.THROTTLED or (op == "put" and self._too_soon(key)):
            raise StoreThrottled
        if mishap is Mishap.CONFLICT and op == "put" and key.startswith(keys.STATUS):
            raise PreconditionFailed
        if mishap is Mishap.TWICE:
            at_once(cast("Coroutine[Any, Any, T]", call()))
        result = at_once(cast("Coroutine[Any, Any, T]", call()))
        if op == "put":
            self._written[key] = self._world.loop.time()
        return result

    def _too_soon(self, key: str) -> bool:
        since = self._world.loop.time() - self._written.get(key, -_WRITES_APART_S)
        return self._world.throttles and since < _WRITES_APART_S


class SimulatedNetwork(WrappedStore):
    """The bucket as one consumer sees it.

    A request is on its way for a while, takes effect at one moment, and its reply is on its way again. A
    frozen process sends nothing, and what was sent before takes effect all the same.
    """

    def __init__(self, inner: ObjectStore, world: Surroundings, wires: Wires, process: str) -> None:
        super().__init__(inner)
        self._world = world
        self._wires = wires
        self._process = process

    async def around(self, op: Op, key: str, call: Callable[[], Awaitable[T]]) -> T:
        world, process = self._world, self._process
        if world.is_dead(process):
            raise asyncio.CancelledError  # only its remains are cleared away
        if op == "put" and key.startswith(keys.RESULTS):
            async with world.uploading(process, key):
                return await self._send(op, key, call)
        return await self._send(op, key, call)

    async def _send(self, op: Op, key: str, call: Callable[[], Awaitable[T]]) -> T:
        world, process = self._world, self._process
        fate = world.fate(process, op, key)
        if fate.mishap is Mishap.DIES_BEFORE:
            world.note(process, f"{op} {key}: {fate.mishap.value}")
            world.kill(process)
        elif fate.mishap is Mishap.FREEZES_BEFORE:
            world.note(process, f"{op} {key}: {fate.mishap.value} ({fate.frozen_s:.0f} s)")
            world.freeze(process, fate.frozen_s)
        reply: asyncio.Future[T] = world.loop.create_future()
        world.loop.call_later(fate.send_s, self._deliver, op, key, call, fate, reply)
        return await reply

    def _deliver(
        self, op: Op, key: str, call: Callable[[], Awaitable[T]], fate: Fate, reply: "asyncio.Future[T]"
    ) -> None:
        world, mishap = self._world, fate.mishap
        if world.is_cut_off(self._process):
            mishap = Mishap.REQUEST_LOST
        outcome: T | StorageError
        try:
            outcome = self._wires.take(op, key, call, mishap)
        except StorageError as error:
            outcome = error
        except AssertionError:
            world.note(self._process, f"{op} {key}: not allowed")
            raise
        said = f" -> {type(outcome).__name__}" if isinstance(outcome, StorageError) else ""
        world.note(self._process, f"{op} {key}{said}{f' [{mishap.value}]' if mishap else ''}")
        if mishap in _SPOILS_THE_REPLY:
            outcome = _SPOILS_THE_REPLY[mishap]()
        if mishap is Mishap.DIES_AFTER:
            world.kill(self._process)
        elif mishap is Mishap.FREEZES_AFTER:
            world.freeze(self._process, fate.frozen_s)
        reply_s = _TIMEOUT_S if mishap is Mishap.HANGS else fate.reply_s
        world.loop.call_later(reply_s, self._settle, reply, outcome, context=world.outside)

    def _settle(self, reply: "asyncio.Future[T]", outcome: T | StorageError) -> None:
        if reply.done() or self._world.is_dead(self._process):
            return
        if isinstance(outcome, StorageError):
            reply.set_exception(outcome)
        else:
            reply.set_result(outcome)


def draw_fate(rng: random.Random, *, mishaps: tuple[Mishap, ...], likelihood: float) -> Fate:
    """A fate by chance; `likelihood` of some mishap."""
    mishap = rng.choice(mishaps) if mishaps and rng.random() < likelihood else None
    return Fate(
        send_s=rng.uniform(0.005, 0.05),
        reply_s=rng.uniform(0.005, 0.05),
        mishap=mishap,
        frozen_s=rng.choice((1.0, 60.0, 96.0, 110.0, 200.0)) if mishap in FREEZE else 0.0,
    )

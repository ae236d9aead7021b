"""A world in which consumers are stopped at every store call, for tests of the job protocol.

Each consumer runs the real claim, lease and inbox code against one bucket in memory. It halts before each
store call and each sleep until it is told how to go on: answered, answer lost after the call took effect,
refused before it, or killed. `check` holds the world to the invariants of the model-checked protocol.
"""

import asyncio
import hashlib
import json
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TypeVar

from storage import keys
from storage.errors import LeaseLost, ObjectNotFound, StoreUnavailable
from storage.inbox.inbox import Inbox
from storage.lease.leases import Findings, Lease, LeasePolicy, Leases, Output, Refusal, Verdict
from storage.records.status import AttemptFailure, EngineRecord, Status
from storage.stores.memory_store import MemoryStore
from storage.stores.port import ObjectStore
from tests.support.clock import EPOCH, VirtualTime
from tests.support.stores import Op, WrappedStore

T = TypeVar("T")
JOB = "job"
MANIFEST = {"job_id": JOB, "process_type": "single-image", "source": "uploads/a", "target": "uploads/b"}
ENDINGS = ("complete", "complete", "complete", "fail", "retry", "release", "vanish")
FAILURE = AttemptFailure(attempt=0, code="storage_unavailable", message="Away.", stage="swap", at=EPOCH)
_SETTLING_TURNS = 5  # of the event loop, until both tasks of a consumer that uploads have halted
_SPARED = 3  # claims of a job that do not count
ENGINE = EngineRecord(name="mesh", version="1", provider="CPUExecutionProvider")


class Reply(Enum):
    """How a halted store call goes on."""

    ANSWERED = "answered"
    LOST = "lost"
    REFUSED = "refused"


class Violation(AssertionError):
    """An invariant of the protocol does not hold."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a consumer does with a lease: some beats, then an ending."""

    beats: int
    ending: str


class HaltingStore(WrappedStore):
    """Halts before every call until its consumer is told how to go on."""

    def __init__(self, inner: ObjectStore, actor: "Actor") -> None:
        super().__init__(inner)
        self._actor = actor

    async def around(self, op: Op, key: str, call: Callable[[], Awaitable[T]]) -> T:  # noqa: ARG002 -- as wrapped
        reply = await self._actor.halt(key)
        if reply is Reply.REFUSED:
            raise StoreUnavailable
        result = await call()
        if reply is Reply.LOST:
            raise StoreUnavailable
        return result


class Actor:
    """One run of one consumer, from finding the job to leaving it."""

    def __init__(self, world: "World", name: str, plan: Plan) -> None:
        self.name = name
        self.lease: Lease | None = None
        self.working = False
        self.frozen = False
        self._world = world
        self._plan = plan
        self._gates: dict[asyncio.Future[Reply], str] = {}  # with the keys they are about to touch
        self._halts = 0
        store = HaltingStore(world.bucket, self)
        self._store: ObjectStore = world.spoil(store) if world.spoil else store
        self._inbox = Inbox(self._store)
        self._leases = Leases(
            self._store,
            owner=name,
            policy=world.policy,
            monotonic=world.time.monotonic,
            sleep=self._sleep,
            wall=world.time.store,
            rng=random.Random(0),
        )
        self.task = asyncio.get_running_loop().create_task(self._run())

    @property
    def halted(self) -> bool:
        return bool(self._gates) and not self.task.done()

    @property
    def about_to_touch(self) -> str:
        """The key of the call that goes on next, empty for a sleep."""
        return next(iter(self._gates.values()), "")

    async def halt(self, about_to_touch: str = "") -> Reply:
        gate: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._gates[gate] = about_to_touch
        self._halts += 1
        try:
            return await gate
        finally:
            self._gates.pop(gate, None)

    async def go_on(self, reply: Reply, *, other: bool = False) -> None:
        """Let a halted call go on, and wait until the consumer halts again or has left.

        While it uploads, a consumer halts twice: there, and where it keeps its lease. It is the `other`,
        younger one that goes on if there is one and it is asked for.
        """
        halts = self._halts
        if self._gates:
            gate = [*self._gates][-1 if other else 0]
            del self._gates[gate]
            gate.set_result(reply)
        while not (self._halts > halts or self.task.done()):  # noqa: ASYNC110 -- halting is no event of its own
            await asyncio.sleep(0)
        for _ in range(_SETTLING_TURNS):
            await asyncio.sleep(0)
        if self.task.done() and not self.task.cancelled():
            self.task.result()

    async def kill(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)

    async def _sleep(self, seconds: float) -> None:
        await self.halt()
        self._world.time.advance(seconds)

    async def _run(self) -> None:
        try:
            await self._find_and_work()
        except (StoreUnavailable, LeaseLost):  # a consumer that knows no better leaves the job to the next
            return
        finally:
            self.working = False

    async def _find_and_work(self) -> None:
        for entry in (await self._inbox.scan()).entries:
            try:
                announced = await self._inbox.open(entry)
            except ObjectNotFound:
                continue
            claim = await self._leases.claim(announced.job_id, announced.document)
            if isinstance(claim, Refusal):
                ended = claim.verdict is Verdict.ENDED
            else:
                self.lease = claim
                if self._world.retires_early:
                    await self._inbox.retire(entry, announced.job_id)
                ended = await self._work(claim)
            if ended:
                await self._inbox.retire(entry, announced.job_id)

    async def _work(self, lease: Lease) -> bool:
        """Do the planned work; whether the job has ended."""
        self.working = True
        if self._plan.beats or self._plan.ending == "complete":
            self._world.begun.add(lease.attempt)
        for _ in range(self._plan.beats):
            lease.report("swap")
            if await lease.beat():
                break
        # Whoever gives the job back is no owner any more, although the answer may not have come yet.
        self.working = self._plan.ending in {"complete", "fail"}
        return (await self._end(lease)).terminal

    async def _end(self, lease: Lease) -> Status:
        match self._plan.ending:
            case "complete":
                body = f"{self.name}:{lease.attempt}".encode()
                output = Output(body=body, extension="png", content_type="image/png")
                return await lease.complete(output, Findings(engine=ENGINE))
            case "fail":
                return await lease.fail(FAILURE)
            case "retry":
                return await lease.retry(FAILURE, delay_s=20)
            case "release":
                return await lease.release()
            case _:
                raise LeaseLost


class World:
    """A bucket with one job, its consumers and the time.

    `spoil` wraps every consumer's store and `retires_early` clears the inbox at the claim: planted bugs.
    """

    def __init__(
        self,
        *,
        policy: LeasePolicy | None = None,
        spoil: Callable[[ObjectStore], ObjectStore] | None = None,
        retires_early: bool = False,
    ) -> None:
        self.time = VirtualTime()
        self.bucket = MemoryStore(self.time.store)
        self.policy = policy or LeasePolicy()
        self.spoil = spoil
        self.retires_early = retires_early
        self.actors: list[Actor] = []
        self.begun: set[int] = set()  # attempts whose owners came to work, or went on to the end
        self._count = 0
        self._terminal: bytes | None = None

    async def open(self) -> None:
        await self.bucket.put(
            keys.manifest(JOB), json.dumps(MANIFEST).encode(), content_type="application/json"
        )

    async def start(self, plan: Plan) -> Actor:
        self._count += 1
        actor = Actor(self, f"consumer-{self._count}", plan)
        self.actors.append(actor)
        await actor.go_on(Reply.ANSWERED)
        return actor

    async def cancel(self) -> None:
        await self.bucket.put(keys.cancel(JOB), b"", content_type="text/plain")

    async def step(self, actor: Actor, reply: Reply, *, other: bool = False) -> None:
        await actor.go_on(reply, other=other)
        self._sweep()
        await self.check()

    async def kill(self, actor: Actor) -> None:
        await actor.kill()
        self._sweep()
        await self.check()

    def thaw(self) -> None:
        for actor in self.actors:
            actor.frozen = False

    async def finish(self) -> None:
        """No more faults: the job must end and leave the inbox clean, and no zombie may change that."""
        for _ in range(30):
            await self._run_all()
            status = await self.status()
            if status and status.terminal and not await self._has(keys.manifest(JOB)):
                break
            self.time.advance(self.policy.ttl_s + self.policy.grace_s + 1)
            await self.start(Plan(beats=0, ending="complete"))
        else:
            raise Violation("the job does not end")
        self.thaw()
        await self._run_all()

    async def _run_all(self) -> None:
        for actor in halted(self.actors):
            while actor.halted:
                await actor.go_on(Reply.ANSWERED)
                await self.check()
        self._sweep()

    async def close(self) -> None:
        for actor in self.actors:
            await actor.kill()

    async def status(self) -> Status | None:
        try:
            stored = await self.bucket.get(keys.status(JOB), max_bytes=10**6)
        except ObjectNotFound:
            return None
        return Status.from_bytes(stored.body)

    async def check(self) -> None:
        """Hold the world to the invariants; raises Violation."""
        status = await self.status()
        body = status.to_bytes() if status and status.terminal else None
        if self._terminal is not None and body != self._terminal:
            raise Violation("a terminal status changed")
        self._terminal = body
        if status and status.attempt > status.max_attempts:
            raise Violation("more attempts than allowed")
        if status:
            self._check_counted(status)
        if body is None and not await self._has(keys.manifest(JOB)):
            raise Violation("the inbox entry is gone and the job has not ended")
        if status and status.result:
            stored = await self.bucket.get(status.result.key, max_bytes=1000)
            if hashlib.sha256(stored.body).hexdigest() != status.result.sha256:
                raise Violation("the visible result was not written by the visible owner")
        working = [actor for actor in self.actors if actor.working and actor.lease and actor.lease.trusted]
        if len(working) > 1:
            raise Violation("two owners work on the job and both trust themselves")

    def _check_counted(self, status: Status) -> None:
        """Whoever was killed before it came to work has cost the job an attempt only after three others."""
        counted = {each.attempt: each for each in status.error.attempts} if status.error else {}
        uncounted = 0
        for number in range(1, max(counted, default=0) + 1):
            if number not in counted:
                uncounted += 1
            elif counted[number].code == "internal" and number not in self.begun and uncounted < _SPARED:
                raise Violation("a job that was only claimed has lost an attempt")

    def _sweep(self) -> None:
        self.actors = [actor for actor in self.actors if not actor.task.done()]

    async def _has(self, key: str) -> bool:
        listing = await self.bucket.list(key)
        return any(listed.key == key for listed in listing.objects)


def halted(actors: Sequence[Actor]) -> list[Actor]:
    """The consumers that wait to go on."""
    return [actor for actor in actors if actor.halted and not actor.frozen]

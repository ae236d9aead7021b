"""A consumer of the simulation: the product's own, from trigger to lease, but for the work itself."""

import asyncio
import random
from collections.abc import Callable
from contextvars import ContextVar
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

from consumer.jobs.context import JobContext
from consumer.jobs.whereabouts import JobPlace, Milestones
from consumer.runtime.rounds import make_rounds
from consumer.runtime.runner import JobRunner
from consumer.runtime.scheduler import Exit, Scheduler
from consumer.triggers.in_flight import InFlightEntries
from consumer.triggers.inbox import InboxPolicy, InboxTrigger
from consumer.triggers.merged import Merged
from consumer.triggers.queue import QueuePolicy, QueueTrigger
from models.errors import DeviceLost
from storage.errors import InputNotFound, StoreUnavailable
from storage.inbox.inbox import Announced, Inbox
from storage.lease.leases import Lease, Leases
from storage.lease.outcome import Output
from storage.records.manifest import Manifest
from storage.records.status import EngineRecord
from storage.stores.port import ObjectStore
from storage.upkeep.rounds import Rounds
from tests.faults.simulation.loop import PROCESS
from tests.faults.simulation.queue import SimulatedQueue
from tests.faults.simulation.scenario import JobPlan, Nature

if TYPE_CHECKING:
    from consumer.jobs.services import JobServices
    from consumer.triggers.base import Trigger
    from tests.faults.simulation.world import World

WALL: ContextVar[Callable[[], datetime]] = ContextVar("WALL")
_ENGINE = EngineRecord(name="flat", version="1", provider="CPUExecutionProvider")
_STEP_S = 10.0
_FOR_EVER_S = 1e6
_MAX_SKEW_S = 600.0


class SimulatedWork(JobContext):
    """Takes virtual time and makes a result that names its attempt; its end is in the job's nature."""

    def __init__(self, world: "World", asked: Manifest, lease: Lease, milestones: Milestones) -> None:
        super().__init__(
            cast("JobServices", world),
            asked,
            job_id=lease.job_id,
            output_id="",
            report=lease.report,
            milestones=milestones,
        )
        self._world = world
        self._lease = lease
        self._place = JobPlace.ELSEWHERE

    @property
    def place(self) -> JobPlace:
        return self._place

    async def run(self) -> Output:
        world = self._world
        self.owner = PROCESS.get()
        plan = world.plan_of(self._lease.job_id)
        self.note(engine=_ENGINE, faces=())
        with world.at_work(self):
            self._place = JobPlace.WAITING
            await asyncio.sleep(plan.waits_s)
            self._place = JobPlace.ELSEWHERE
            world.referee.attempts.begun(self.job_id, self.attempt)
            self.progress.report("download")
            await asyncio.sleep(0.1)
            if plan.nature is Nature.BAD:
                raise InputNotFound
            self._place = JobPlace.ON_DEVICE
            await self._take_time(plan)
            self._place = JobPlace.ELSEWHERE
            self._whereabouts.device_s = plan.work_s
            self.leave_device()
            self.progress.report("encode")
            await asyncio.sleep(0.1)
            if plan.nature is Nature.BROKEN or (plan.nature is Nature.FLAKY and self.attempt == 1):
                raise StoreUnavailable
            return Output(body=self.signature, extension="png", content_type="image/png")

    @property
    def attempt(self) -> int:
        return self._lease.attempt

    @property
    def trusts_itself(self) -> bool:
        return self._lease.trusted

    @property
    def signature(self) -> bytes:
        return f"{self.job_id} {self.attempt} {self.owner}".encode()

    async def _take_time(self, plan: JobPlan) -> None:
        self.progress.report("swap")
        if plan.nature is Nature.SICK and self.attempt == 1:
            raise DeviceLost
        if plan.nature is Nature.POISON:
            self._world.kill(self.owner)
        if plan.nature is Nature.STUCK:
            await asyncio.sleep(_FOR_EVER_S)
        left_s = plan.work_s
        while left_s > 0:
            await asyncio.sleep(min(left_s, _STEP_S))
            left_s -= _STEP_S
            percent = min(100, round(100 * (1 - left_s / plan.work_s)))
            self.progress.report("swap", percent, 100, unit="faces")


class SimulatedRunner(JobRunner):
    """Does the simulated work in place of the real one."""

    def __init__(self, world: "World", **options: Any) -> None:  # noqa: ANN401 -- passed on
        super().__init__(services=cast("JobServices", world), **options)
        self._world = world

    def _context(
        self,
        announced: Announced,
        lease: Lease,
        began: float,  # noqa: ARG002 -- the simulated work takes no real time
        milestones: Milestones,
        folder: str | None,  # noqa: ARG002 -- and fetches nothing
    ) -> JobContext:
        if announced.manifest is None:
            raise RuntimeError("every job of a simulation has a manifest")
        return SimulatedWork(self._world, announced.manifest, lease, milestones)


class SimulatedProcess:
    """One consumer process, with a wall clock that is wrong and a monotonic one that starts anywhere."""

    def __init__(self, world: "World", store: ObjectStore, name: str) -> None:
        rng = random.Random(f"{world.scenario.seed} {name}")
        loop, origin_s = world.loop, rng.uniform(0, 1e6)
        skew = timedelta(seconds=rng.uniform(-_MAX_SKEW_S, _MAX_SKEW_S))
        self.name = name
        self.wall = lambda: world.store_clock() + skew
        inbox, in_flight = Inbox(store, settle_s=2), InFlightEntries(monotonic=lambda: origin_s + loop.time())
        sweep: Trigger = InboxTrigger(
            inbox, policy=InboxPolicy(min_s=8, max_s=30), in_flight=in_flight, rng=rng
        )
        if world.broker is None:
            trigger = sweep
        else:
            queue = SimulatedQueue(world.broker, lambda what: world.queue_answers(name, what))
            policy = QueuePolicy(hold_s=world.policy.ttl_s)
            queued = QueueTrigger(
                queue, inbox, in_flight, bucket="", policy=policy, monotonic=lambda: origin_s + loop.time()
            )
            trigger = Merged([queued, sweep])
        leases = Leases(
            store,
            owner=name,
            policy=world.policy,
            monotonic=lambda: origin_s + loop.time(),
            wall=self.wall,
            rng=rng,
        )
        # Most runs are over long before the first of them would find anything.
        self._rounds = (
            Rounds(store, inbox, leases)
            if any(plan.withdrawn_s is not None for plan in world.scenario.jobs)
            else None
        )
        self._metrics = world.metrics
        self._rng = random.Random(f"{world.scenario.seed} {name} rounds")
        runner = SimulatedRunner(
            world,
            leases=leases,
            metrics=world.metrics,
            webhooks=None,
            owner=name,
            rng=rng,
        )
        self._scheduler = Scheduler(
            trigger.tickets, runner, max_in_flight=world.scenario.max_in_flight, drain_grace_s=25
        )
        self._stopping = False

    async def run(self) -> Exit:
        """Work until told to stop."""
        PROCESS.set(self.name)
        WALL.set(self.wall)
        if self._rounds is None:
            return await self._scheduler.run()
        rounds = asyncio.create_task(make_rounds(self._rounds, self._metrics, rng=self._rng))
        try:
            return await self._scheduler.run()
        finally:
            rounds.cancel()

    def stop(self) -> None:
        """Send SIGTERM; once more, and jobs in flight are given back at once."""
        again, self._stopping = self._stopping, True
        (self._scheduler.release if again else self._scheduler.drain)()

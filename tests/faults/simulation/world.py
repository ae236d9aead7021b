"""One run of the simulation: a bucket, its jobs, consumers that come and go, and the trouble they meet.

Everything follows from the scenario, and so from its seed.
"""

import asyncio
import json
import random
import zlib
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from contextvars import Context, copy_context
from datetime import datetime, timedelta

from structlog.typing import EventDict

from consumer.telemetry.metrics import Metrics
from storage import keys
from storage.inbox.inbox import Inbox
from storage.lease.leases import LeasePolicy
from tests.faults.simulation.loop import PROCESS, WORLD, VirtualLoop, at_once
from tests.faults.simulation.network import Fate, SimulatedNetwork, Wires, draw_fate
from tests.faults.simulation.process import SimulatedProcess, SimulatedWork
from tests.faults.simulation.queue import Broker
from tests.faults.simulation.referee import Referee, RefereedBucket, Violation
from tests.faults.simulation.scenario import Disturbance, JobPlan, Queueing, Scenario
from tests.support.clock import EPOCH
from tests.support.stores import Op

_PATIENCE_S = 7200.0  # of virtual time, for all jobs to end
_AFTERMATH_S = 30.0
_EVENTS_THAT_COME = 0.7
_UNFORESEEN = {"job_crashed", "unforeseen_error"}
"""Events of the log that mean that something happened which nobody had thought of."""


class World:
    """A run in the making; also what the network and the works of the consumers hold on to."""

    def __init__(self, scenario: Scenario, metrics: Metrics) -> None:
        self.scenario = scenario
        self.metrics = metrics
        self.policy = LeasePolicy()
        self.rng = random.Random(f"world {scenario.seed}")
        self.loop = VirtualLoop(self.rng)
        self.outside: Context = copy_context()
        self.throttles = Disturbance.THROTTLING in scenario.disturbances
        self.trace: list[str] = []
        self.calls = Counter[tuple[str, Op, str]]()
        self.referee = Referee(
            max_attempts=self.policy.max_attempts, workers=self._who_should_not_work, note=self._note_write
        )
        self.bucket = RefereedBucket(self.store_clock, self.referee)
        self.broker = self._make_broker()
        self._wires = Wires(self)
        self._plans: dict[str, JobPlan] = {}
        self._processes: dict[str, SimulatedProcess] = {}
        self._dead: set[str] = set()
        self._cut_until: dict[str, float] = {}
        self._frozen_until: dict[str, float] = {}
        self._works: set[SimulatedWork] = set()
        self._begun: dict[tuple[str, str], SimulatedWork] = {}
        self._started = 0
        self._lives: list[asyncio.Task[None]] = []

    @property
    def calm(self) -> bool:
        """Whether nothing disturbs the run any more."""
        return self.loop.time() >= self.scenario.calm_from_s

    def store_clock(self) -> datetime:
        """The store's time."""
        return EPOCH + timedelta(seconds=self.loop.time())

    def plan_of(self, job_id: str) -> JobPlan:
        """What was planned for a job."""
        return self._plans[job_id]

    def note(self, process: str, text: str) -> None:
        """Add a line to the trace."""
        self.trace.append(f"{self.loop.time():9.3f} {process:<5} {text}")

    def fate(self, process: str, op: Op, key: str) -> Fate:
        """Decide how a call goes; the same call of the same run always goes the same way."""
        self.calls[process, op, key] += 1
        name = f"{self.scenario.seed} {process} {op} {key} {self.calls[process, op, key]}"
        chance = random.Random(zlib.crc32(name.encode()))
        return draw_fate(
            chance,
            mishaps=() if self.calm else self.scenario.mishaps,
            likelihood=self.scenario.likelihood,
        )

    def kill(self, process: str) -> None:
        """Drop a process where it stands and start another one some time later."""
        if process not in self._dead:
            self.note(process, "DIES")
            self._bury(process)

    def freeze(self, process: str, seconds: float) -> None:
        """Stop a process; it goes on as if nothing had happened."""
        if process in self._dead:
            return
        until_s = self.loop.time() + seconds
        self._frozen_until[process] = max(until_s, self._frozen_until.get(process, 0))
        self.loop.hold(process)
        self.loop.call_at(until_s, self._thaw, process, context=self.outside)

    def is_dead(self, process: str) -> bool:
        """Whether a process has been killed or has ended."""
        return process in self._dead

    def is_cut_off(self, process: str) -> bool:
        """Whether no call of a process gets through at present."""
        return self._cut_until.get(process, 0) > self.loop.time()

    def queue_answers(self, process: str, what: str) -> bool:
        """Whether a call to the queue gets through."""
        faulty = Disturbance.NETWORK in self.scenario.disturbances and not self.calm
        lost = self.is_cut_off(process) or (faulty and self.rng.random() < self.scenario.likelihood)
        if lost or not what.startswith("receive"):
            self.note(process, f"queue: {what}{' -> lost' if lost else ''}")
        return not lost

    @contextmanager
    def at_work(self, work: SimulatedWork) -> Iterator[None]:
        """Know of a work for as long as it goes on."""
        self._begun[work.owner, work.job_id] = work
        self._works.add(work)
        try:
            yield
        finally:
            self._works.discard(work)

    @asynccontextmanager
    async def uploading(self, process: str, key: str) -> AsyncIterator[None]:
        """Take the time that a process needs for a result; it is still at work on its job."""
        job_id = key.removeprefix(keys.RESULTS).partition("/")[0].partition(".")[0]
        with self.at_work(self._begun[process, job_id]):
            await asyncio.sleep(self._plans[job_id].upload_s)
            yield

    async def play(self, events: Sequence[EventDict]) -> None:
        """From the first announcement to rest; `events` is the consumers' log."""
        for _ in range(self.scenario.consumers):
            self._start()
        self._lives = [self.loop.create_task(self._live(plan)) for plan in self.scenario.jobs]
        self.loop.create_task(self._disturb())
        while self._waits_for_something() and self.loop.time() < _PATIENCE_S:  # noqa: ASYNC110 -- many things
            await asyncio.sleep(5)
        # What a zombie still has in hand must not change anything.
        await asyncio.sleep(_AFTERMATH_S)
        if unforeseen := [event for event in events if event["event"] in _UNFORESEEN]:
            raise Violation(f"nobody had foreseen {unforeseen}")
        if self.broker is not None and self.broker.waiting:
            raise Violation(f"messages never acknowledged: {self.broker.waiting}")
        self.referee.judge_the_end()

    def clear_away(self) -> None:
        """End whatever still runs; what it does on its way out is no part of the run."""
        trace, calls = [*self.trace], self.calls.copy()
        self._dead.update(self._processes)
        self.loop.clear_away()
        self.trace, self.calls = trace, calls

    def _waits_for_something(self) -> bool:
        return bool(
            any(until_s > self.loop.time() for until_s in self._frozen_until.values())
            or any((plan.announced_again_s or 0) > self.loop.time() for plan in self.scenario.jobs)
            or any(not life.done() for life in self._lives)
            or self.referee.unfinished
            or (self.broker is not None and self.broker.waiting)
            or self.bucket.keys_below(keys.INBOX)
        )

    def _make_broker(self) -> Broker | None:
        if self.scenario.queueing is Queueing.NONE:
            return None
        at_claim = self.scenario.queueing is Queueing.CLAIMED

        def judge(job: str) -> None:
            try:
                self.referee.acknowledged(job, at_claim=at_claim)
            except Violation as violation:  # consumers live with whatever a queue raises
                self.loop.fail(violation)

        rng = random.Random(f"broker {self.scenario.seed}")
        return Broker(rng, acks_at_claim=at_claim, judge=judge)

    def _start(self) -> None:
        self._started += 1
        name = f"c{self._started}"
        process = SimulatedProcess(self, SimulatedNetwork(self.bucket, self, self._wires, name), name)
        self._processes[name] = process
        self.note(name, "STARTS")
        task = self.loop.create_task(process.run(), name=name, context=copy_context())
        task.add_done_callback(lambda ended: self._ended(name, ended), context=self.outside)

    def _ended(self, name: str, task: "asyncio.Task[object]") -> None:
        if name in self._dead or task.cancelled():
            return
        if (error := task.exception()) is not None:
            self.loop.fail(error)
            return
        self.note(name, f"ENDS {task.result()}")
        self._bury(name)

    def _bury(self, name: str) -> None:
        self._dead.add(name)
        self.loop.hold(name)
        self._works = {work for work in self._works if work.owner != name}
        pause_s = random.Random(f"{self.scenario.seed} after {name}").uniform(1, 30)
        self.loop.call_later(pause_s, self._start, context=self.outside)

    def _thaw(self, process: str) -> None:
        if process not in self._dead and self._frozen_until[process] <= self.loop.time():
            self.note(process, "goes on")
            self.loop.let_go(process)

    async def _live(self, plan: JobPlan) -> None:
        """What is done to a job from outside: announced, perhaps twice, cancelled, announced once more."""
        await asyncio.sleep(plan.announced_s)
        job_id = await self._announce(plan, plan.name)
        if plan.has_twin:
            await self._announce(plan, f"{plan.name}-twin")
        if plan.cancelled_s is not None:
            await asyncio.sleep(plan.cancelled_s)
            self.note(WORLD, f"asks for the end of {job_id}")
            await self.bucket.put(keys.cancel(job_id), b"", content_type="text/plain")
        if plan.withdrawn_s is not None:
            await asyncio.sleep(plan.withdrawn_s)
            await self._withdraw(plan.name)
        if plan.announced_again_s is not None:
            await asyncio.sleep(max(0, plan.announced_again_s - self.loop.time()))
            await self._announce(plan, plan.name)

    async def _withdraw(self, job_id: str) -> None:
        """Remove the entry of a job that runs, as whoever does not know better may."""
        if job_id in self.referee.records and job_id in self.referee.unfinished:
            self.note(WORLD, f"removes the entry of {job_id}")
            await self.bucket.lose(keys.manifest(job_id))

    async def _announce(self, plan: JobPlan, name: str) -> str:
        """Drop a job into the inbox, with a message of it, or send it as a message alone."""
        self.note(WORLD, f"announces {plan.name} ({plan.nature.value}) as {name}")
        if plan.comes_by_queue and self.broker is not None:
            self._plans[plan.name] = plan
            self.referee.expect(plan.name, [keys.manifest(plan.name)])
            self.broker.send(plan.name, json.dumps(_manifest(plan)), at_s=self.loop.time())
            return plan.name
        if plan.is_folder:
            for file in ("source.png", "target.png"):
                await self.bucket.put(f"{keys.INBOX}{name}/{file}", file.encode(), content_type="image/png")
        else:
            body = json.dumps(_manifest(plan)).encode()
            await self.bucket.put(keys.manifest(name), body, content_type="application/json")
        inbox = Inbox(self.bucket)
        entry = next(entry for entry in at_once(inbox.scan()).entries if entry.name == name)
        job_id = at_once(inbox.open(entry)).job_id
        self._plans[job_id] = plan
        self.referee.expect(job_id, entry.keys)
        if self.broker is not None and self.rng.random() < _EVENTS_THAT_COME:
            self.broker.send(job_id, entry.keys[-1], at_s=self.loop.time())
        return job_id

    async def _disturb(self) -> None:
        """What befalls consumers at any time, whatever they are doing."""
        kinds = [
            (Disturbance.DEATHS, self.kill),
            (Disturbance.FREEZES, self._freeze_for_long),
            (Disturbance.CUTS, self._cut_off),
            (Disturbance.DRAINS, self._stop),
        ]
        possible = [act for kind, act in kinds if kind in self.scenario.disturbances]
        while possible:
            await asyncio.sleep(self.rng.expovariate(1 / 40))
            living = sorted(set(self._processes) - self._dead)
            if self.calm:
                return
            if living:
                self.rng.choice(possible)(self.rng.choice(living))

    def _freeze_for_long(self, process: str) -> None:
        seconds = self.rng.uniform(10, 250)
        self.note(process, f"FREEZES for {seconds:.0f} s")
        self.freeze(process, seconds)

    def _cut_off(self, process: str) -> None:
        seconds = self.rng.uniform(10, 250)
        self.note(process, f"CUT OFF for {seconds:.0f} s")
        self._cut_until[process] = self.loop.time() + seconds

    def _stop(self, process: str) -> None:
        self.note(process, "SIGTERM")
        self._processes[process].stop()

    def _who_should_not_work(self, job_id: str) -> Iterator[SimulatedWork]:
        """Those who work on a job that has just been taken over, or could, for all they know.

        Who was frozen finds out how late it is at its first heartbeat, `min_write_gap_s` after it goes on.
        """
        unaware_s = self.policy.min_write_gap_s + 0.5
        for work in self._works:
            awake_s = self.loop.time() - self._frozen_until.get(work.owner, 0)
            if work.job_id == job_id and (work.trusts_itself or awake_s > unaware_s):
                yield work

    def _note_write(self, text: str) -> None:
        self.note(PROCESS.get(), text)


def _manifest(plan: JobPlan) -> dict[str, str]:
    return {"job_id": plan.name, "process_type": "single-image", "source": "uploads/a", "target": "uploads/b"}

"""Keeps the device busy and nothing else: as many jobs in flight as that takes, and no more.

While the device works on one job, the inputs of the next are fetched and decoded and the results of the
last are encoded and uploaded, so that the store's latency is hidden. How many jobs that takes follows
from Little's law: those on their way to the device are as many as it finishes in the time one needs to
get there. Claiming more would only keep them from other consumers.
"""

import asyncio
import math
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from enum import Enum

import structlog

from consumer.jobs.whereabouts import Milestones, Whereabouts
from consumer.runtime.attempt import Ending
from consumer.runtime.runner import JobRunner
from consumer.triggers.base import Ticket

_WEIGHT = 0.25  # of the newest job in the running means, once there are so many
_FIRST = (
    4  # before anything is measured: they hide the latency of a store, and are few to wait on a slow machine
)
_SOON_S = 5.0  # of the device's work may be claimed here; what would start later is left for other consumers
_SPARE = 2  # one on the device and one waiting, so that uneven jobs leave no gap
_LONG = 3  # long jobs at once: one is fetched, one on the device, one encoded
_PARKED = 16  # long jobs that wait here unclaimed, so that the next one is at hand when one ends
_SLOW_S = 5.0  # who has not reached the device by then (its input may never come) holds up no others
_GIVE_BACK_S = 10.0  # for the writes that give jobs back, before the process ends without them

_log = structlog.get_logger()


class Exit(Enum):
    """Why the scheduler has ended."""

    DRAINED = "drained"
    SICK = "sick"


class Pace:
    """Running means of how long a job takes to reach the device and stays there, in seconds."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._ready_s = 0.0
        self._device_s = 0.0
        self._jobs = 0

    @property
    def ahead(self) -> int:
        """How many jobs may be on their way to the device or on it: as many as keep it busy, and start soon.

        Before the first job has been measured it is a few: on a slow machine more would wait for minutes, and
        others could have done them.
        """
        if not self._jobs:
            return min(_FIRST, self._most)
        if self._device_s == 0:
            return self._most
        needed = math.ceil(self._ready_s / self._device_s) + _SPARE
        soon = max(_SPARE, math.ceil(_SOON_S / self._device_s))
        return min(needed, soon, self._most)

    def observe(self, *, ready_s: float, device_s: float) -> None:
        """Take in one job's times; the first one's are the means."""
        self._jobs += 1
        weight = max(_WEIGHT, 1 / self._jobs)
        self._ready_s += weight * (ready_s - self._ready_s)
        self._device_s += weight * (device_s - self._device_s)


class Scheduler:
    """Runs jobs from a trigger's tickets until told to stop.

    Long jobs share the device with all others for minutes. Only so many are taken at once that there is
    always room for short ones, and they do not count in the pace, which is that of the short ones.
    """

    def __init__(
        self,
        tickets: Callable[[], AsyncGenerator[Ticket, None]],
        runner: JobRunner,
        *,
        max_in_flight: int,
        drain_grace_s: float,
    ) -> None:
        self._tickets = tickets
        self._runner = runner
        self._max_in_flight = max_in_flight
        self._max_long = max(1, min(_LONG, max_in_flight - 1))
        self._grace_s = drain_grace_s
        self._pace = Pace(max_in_flight)
        self._jobs: set[asyncio.Task[None]] = set()
        self._ahead: set[asyncio.Task[None]] = set()
        self._long: set[asyncio.Task[None]] = set()
        self._arrived: set[asyncio.Task[None]] = set()
        self._parked: OrderedDict[asyncio.Task[None], asyncio.Future[bool]] = OrderedDict()
        self._changed = asyncio.Event()
        self._drain = asyncio.Event()
        self._release = asyncio.Event()
        self._sick = False

    @property
    def in_flight(self) -> int:
        """How many jobs are between their ticket and their end, those that wait unclaimed not counted."""
        return len(self._jobs) - len(self._parked)

    @property
    def draining(self) -> bool:
        """Whether no more jobs are taken."""
        return self._drain.is_set()

    def drain(self, *, sick: bool = False) -> None:
        """Take no more jobs; end once those in flight are done, or given back after the grace.

        A `sick` one is not fit to go on and should be replaced, as the exit will say.
        """
        self._sick = self._sick or sick
        self._drain.set()
        while self._parked:
            self._parked.popitem()[1].set_result(False)

    def release(self, *, sick: bool = False) -> None:
        """Take no more jobs and give those in flight back at once; `sick` as for `drain`."""
        self.drain(sick=sick)
        self._release.set()

    async def run(self) -> Exit:
        """Work until `drain`, `release` or a sick machine.

        A trigger sees to what it can foresee and asks again. One that breaks all the same ends this
        consumer as a sick machine does: nobody knows what it still remembers rightly.
        """
        taking = asyncio.create_task(self._take())
        draining = asyncio.create_task(self._drain.wait())
        await asyncio.wait({taking, draining}, return_when=asyncio.FIRST_COMPLETED)
        if not self.draining:
            self.drain(sick=True)
        draining.cancel()
        taking.cancel()
        await self._finish()  # the trigger closes meanwhile
        await asyncio.wait({taking}, timeout=_GIVE_BACK_S)
        if taking.done() and not taking.cancelled() and (error := taking.exception()):
            self._sick = True
            _log.error("trigger_broke", exc_info=error)
        return Exit.SICK if self._sick else Exit.DRAINED

    async def _take(self) -> None:
        async with aclosing(self._tickets()) as tickets:
            async for ticket in tickets:
                self._start(ticket)
                while not self._has_room():
                    self._changed.clear()
                    await self._changed.wait()

    def _has_room(self) -> bool:
        return self.in_flight < self._max_in_flight and len(self._ahead) < self._pace.ahead

    def _start(self, ticket: Ticket) -> None:
        task = asyncio.create_task(self._run(ticket))
        self._jobs.add(task)
        self._ahead.add(task)
        task.add_done_callback(self._ended)
        asyncio.get_running_loop().call_later(_SLOW_S, self._pass_by, task)

    async def _run(self, ticket: Ticket) -> None:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a job runs in a task of its own")

        def swapped(job: Whereabouts) -> None:
            if task not in self._long:
                self._pace.observe(ready_s=job.ready_s, device_s=job.device_s)
            self._not_ahead(task)

        try:
            ending = await self._runner.run(
                ticket,
                release=self._release,
                milestones=Milestones(arrived=lambda: self._arrived.add(task), swapped=swapped),
                room_for_long=lambda: self._room_for_long(task),
            )
        except Exception:  # noqa: BLE001 -- whatever it was, the lease lapses and this consumer lives on
            _log.exception("job_crashed")
            await ticket.defer(math.inf)
            return
        if ending is Ending.SICK:
            _log.error("machine_sick")
            self.release(sick=True)

    async def _room_for_long(self, task: asyncio.Task[None]) -> bool:
        """Let a long job wait for its place; False if too many do, or none will be free in time."""
        if len(self._long) >= self._max_long:
            if len(self._parked) >= _PARKED or self._drain.is_set():
                return False
            self._parked[task] = asyncio.get_running_loop().create_future()
            self._not_ahead(task)
            return await self._parked[task]
        self._long.add(task)
        self._not_ahead(task)
        return True

    def _admit_long(self) -> None:
        while self._parked and len(self._long) < self._max_long:
            task, turn = self._parked.popitem(last=False)
            self._long.add(task)
            turn.set_result(True)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._jobs.discard(task)
        self._arrived.discard(task)
        self._long.discard(task)
        self._admit_long()
        self._not_ahead(task)

    def _pass_by(self, task: asyncio.Task[None]) -> None:
        """Let others come before a job that still waits for its inputs; one in line keeps its place."""
        if task not in self._arrived:
            self._not_ahead(task)

    def _not_ahead(self, task: asyncio.Task[None]) -> None:
        """Make room for another job on the way to the device."""
        self._ahead = {other for other in self._ahead if other is not task}
        self._changed.set()

    async def _finish(self) -> None:
        """Wait for the jobs in flight as long as the grace lasts, then have them given back."""
        if self._jobs:
            _log.info("draining", in_flight=len(self._jobs), grace_s=self._grace_s)
        released = asyncio.create_task(self._release.wait())
        jobs = asyncio.create_task(self._all_ended())
        await asyncio.wait({released, jobs}, timeout=self._grace_s, return_when=asyncio.FIRST_COMPLETED)
        self._release.set()
        await asyncio.wait({jobs}, timeout=_GIVE_BACK_S)
        released.cancel()
        jobs.cancel()
        for job in self._jobs:
            job.cancel()

    async def _all_ended(self) -> None:
        while self._jobs:
            await asyncio.wait(self._jobs)

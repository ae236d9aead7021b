"""Where a job is while it waits, works and is on the device; what is told of it there; when it is alive."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from consumer.client.local import open_local_jobs
from consumer.config.settings import Settings
from consumer.devices.worker import LONGEST_S, WorkerThread
from consumer.jobs.progress import JobProgress
from consumer.jobs.services import JobServices
from consumer.jobs.whereabouts import JobPlace, Milestones, Whereabouts
from tests.support.jobs import until


@pytest.fixture
async def services(tmp_path: Path) -> AsyncIterator[JobServices]:
    """What jobs share, but for an engine."""
    async with open_local_jobs(Settings(engine="mesh", work_dir=tmp_path)) as jobs:
        yield jobs.services


class Job:
    """A job that has begun just now, and all that it passes."""

    def __init__(self, services: JobServices) -> None:
        self.passed: list[str] = []
        self.progress = JobProgress(lambda stage, _progress: self.passed.append(stage))
        milestones = Milestones(
            arrived=lambda: self.passed.append("arrived"), swapped=lambda _: self.passed.append("swapped")
        )
        self.began = time.monotonic()
        self.whereabouts = Whereabouts(services, self.progress, milestones, began=self.began)


async def test_it_arrives_once_and_is_queued_until_its_first_step(services: JobServices) -> None:
    job = Job(services)
    job.progress.report("swap")
    for _ in range(2):
        assert await job.whereabouts.on_device(lambda: job.whereabouts.place) is JobPlace.ON_DEVICE
    job.whereabouts.leave_device()
    assert job.passed == ["swap", "arrived", "queued", "swap", "swapped"]
    assert job.whereabouts.place is JobPlace.ELSEWHERE


async def test_steps_go_on_until_one_is_the_last_and_each_other_one_is_told(services: JobServices) -> None:
    job, left, told = Job(services), [False, False, True], list[int]()
    await job.whereabouts.on_device_until_done(lambda: left.pop(0), lambda: told.append(len(left)))
    assert (left, told) == ([], [2, 1])
    assert job.whereabouts.device_s > 0


async def test_a_step_that_fails_leaves_the_device(services: JobServices) -> None:
    job = Job(services)
    with pytest.raises(ZeroDivisionError):
        await job.whereabouts.on_device(lambda: 1 // 0)
    assert job.whereabouts.place is JobPlace.ELSEWHERE


async def test_it_waits_for_memory_until_another_lets_go_and_that_is_not_its_own_time(
    services: JobServices,
) -> None:
    job = Job(services)

    async def take_memory() -> None:
        async with job.whereabouts.having_memory(1):
            assert job.whereabouts.place is JobPlace.ELSEWHERE

    async with services.memory.hold(1 << 60):
        taking = asyncio.create_task(take_memory())
        await until(lambda: job.whereabouts.place is JobPlace.WAITING)
        await asyncio.sleep(0.2)
    await taking
    await job.whereabouts.on_device(lambda: None)
    assert job.whereabouts.ready_s < time.monotonic() - job.began - 0.2


async def test_it_is_alive_where_it_waits_for_a_device_that_is_or_cannot_measure_its_work(
    services: JobServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    whereabouts = Job(services).whereabouts
    assert not whereabouts.is_alive()
    with whereabouts.unmeasured():
        assert whereabouts.is_alive()
        assert not await whereabouts.on_device(whereabouts.is_alive)
        hour_later = time.monotonic() + LONGEST_S
        with monkeypatch.context() as patched:
            patched.setattr(time, "monotonic", lambda: hour_later)
            assert not whereabouts.is_alive()
            with whereabouts.unmeasured():
                assert whereabouts.is_alive()
    with whereabouts.waiting():
        assert whereabouts.is_alive()
        monkeypatch.setattr(WorkerThread, "silent_s", services.stall_timeout_s + 1)
        assert not whereabouts.is_alive()
        with whereabouts.unmeasured():
            assert not whereabouts.is_alive()

"""The device's thread and the memory budget: order, cancellation, bounds."""

import asyncio
import random
import threading
from collections.abc import AsyncIterator, Generator, Iterator
from contextlib import contextmanager
from functools import partial

import pytest

from consumer.devices.worker import ByteBudget, Device
from tests.support.clock import VirtualTime
from tests.support.jobs import until


@pytest.fixture
async def device() -> AsyncIterator[Device]:
    device = Device(name="device-under-test", turn_s=0)
    yield device
    device.close()


async def test_all_work_is_done_on_one_thread_in_order(device: Device) -> None:
    done: list[tuple[int, str]] = []

    def note(number: int) -> int:
        done.append((number, threading.current_thread().name))
        return number

    results = await asyncio.gather(*(device.run(partial(note, number)) for number in range(20)))
    assert results == list(range(20))
    assert done == [(number, "device-under-test") for number in range(20)]


async def test_an_error_reaches_its_caller_and_the_next_work_is_done(device: Device) -> None:
    with pytest.raises(ZeroDivisionError):
        await device.run(lambda: 1 // 0)
    assert await device.run(lambda: 7) == 7


async def test_work_cancelled_before_its_turn_is_never_done(device: Device) -> None:
    gate, done = threading.Event(), list[str]()
    first = asyncio.create_task(device.run(lambda: gate.wait(10)))
    second = asyncio.create_task(device.run(lambda: done.append("second")))
    await asyncio.sleep(0)
    second.cancel()
    await asyncio.sleep(0)
    gate.set()
    assert await first
    await device.run(lambda: done.append("third"))
    assert done == ["third"]


async def test_work_cancelled_in_its_turn_frees_the_caller_at_once_and_the_device_later(
    device: Device,
) -> None:
    gate, begun = threading.Event(), threading.Event()

    def hang() -> None:
        begun.set()
        gate.wait(10)

    running = asyncio.create_task(device.run(hang))
    await until(begun.is_set)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert not gate.is_set()
    gate.set()
    assert await device.run(lambda: "alive") == "alive"


async def test_a_device_is_silent_only_while_it_works_without_a_sign_of_life() -> None:
    time = VirtualTime()
    device = Device(turn_s=0, monotonic=time.monotonic)

    def work() -> list[float]:
        heard = [device.silent_s]
        time.advance(5)
        heard.append(device.silent_s)
        device.beat()
        return [*heard, device.silent_s]

    assert await device.run(work) == [0, 5, 0]
    time.advance(60)
    assert (device.silent_s, device.busy_s) == (0, 5)
    device.close()


class Frames:
    """Work of `count` steps that notes each in `order` as its name and number; the first waits for `gate`."""

    def __init__(self, order: list[str], name: str, count: int, gate: threading.Event | None = None) -> None:
        self.closed = threading.Event()
        self._order, self._name, self._count, self._gate = order, name, count, gate

    def steps(self) -> Generator[None, None, str]:
        try:
            for number in range(self._count):
                if self._gate is not None:
                    self._gate.wait(10)
                self._order.append(f"{self._name}{number}")
                yield
        finally:
            self.closed.set()
        return self._name


async def test_a_new_job_waits_for_one_step_of_each_long_one_and_no_more(device: Device) -> None:
    order, gate = list[str](), threading.Event()
    long = (Frames(order, "a", 4, gate), Frames(order, "b", 3))
    running = [asyncio.create_task(device.run_steps(work.steps())) for work in long]
    await asyncio.sleep(0)
    short = [asyncio.create_task(device.run(partial(order.append, name))) for name in ("x", "y")]
    await asyncio.sleep(0)
    gate.set()
    assert await asyncio.gather(*running) == ["a", "b"]
    await asyncio.gather(*short)
    assert order == ["a0", "b0", "x", "y", "a1", "b1", "a2", "b2", "a3"]


async def test_a_job_that_fits_a_turn_is_done_before_the_next_begins() -> None:
    device = Device(turn_s=60)
    steps: list[str] = []

    def job(name: str) -> Generator[None, None, None]:
        for _ in range(3):
            steps.append(name)
            yield

    try:
        await asyncio.gather(*(device.run_steps(job(name)) for name in "abc"))
    finally:
        device.close()
    assert steps == [*"aaabbbccc"]


async def test_a_stream_of_short_jobs_does_not_keep_a_long_one_from_its_end(device: Device) -> None:
    pause, done = threading.Event(), 0

    async def stream() -> None:
        nonlocal done
        while True:
            await device.run(lambda: pause.wait(0.001))
            done += 1

    streams = [asyncio.create_task(stream()) for _ in range(8)]
    assert await asyncio.wait_for(device.run_steps(Frames([], "long", 50).steps()), 30) == "long"
    assert done > 50  # and the short ones went on
    for task in streams:
        task.cancel()
    await asyncio.wait(streams)


async def test_cancelled_between_steps_a_long_job_is_closed_on_the_device_and_goes_no_further(
    device: Device,
) -> None:
    order, gate, threads = list[str](), threading.Event(), list[str]()

    def steps() -> Generator[None, None, None]:
        try:
            yield
            order.append("went on")
        finally:
            threads.append(threading.current_thread().name)

    def close_and_wait() -> None:
        gate.clear()
        gate.wait(10)

    blocking = asyncio.create_task(device.run(lambda: gate.wait(10)))
    long = asyncio.create_task(device.run_steps(steps()))
    behind = asyncio.create_task(device.run(close_and_wait))
    await asyncio.sleep(0)
    gate.set()
    await blocking
    await until(lambda: not gate.is_set())  # its first step is done, and it waits for the next
    long.cancel()
    with pytest.raises(asyncio.CancelledError):
        await long
    gate.set()
    await behind
    await device.run(lambda: None)
    assert (order, threads) == ([], ["device-under-test"])


async def test_an_error_in_a_later_step_reaches_the_caller_and_the_others_go_on(device: Device) -> None:
    def steps() -> Generator[None, None, None]:
        yield
        raise MemoryError

    other = asyncio.create_task(device.run_steps(Frames([], "other", 5).steps()))
    with pytest.raises(MemoryError):
        await device.run_steps(steps())
    assert await other == "other"


async def test_a_failure_while_an_abandoned_job_is_closed_does_not_end_the_device(device: Device) -> None:
    begun, gate = threading.Event(), threading.Event()

    def steps() -> Generator[None, None, None]:
        try:
            begun.set()
            gate.wait(10)
            yield
        finally:
            raise RuntimeError

    long = asyncio.create_task(device.run_steps(steps()))
    await until(begun.is_set)
    long.cancel()
    gate.set()
    assert await device.run(lambda: "alive") == "alive"
    assert await device.run(lambda: "alive") == "alive"


async def test_each_step_is_timed_and_watched_for_itself_and_waiting_between_steps_is_neither() -> None:
    time, within = VirtualTime(), list[float]()
    device = Device(turn_s=0, monotonic=time.monotonic)

    @contextmanager
    def timed() -> Iterator[None]:
        began = time.now_s
        try:
            yield
        finally:
            within.append(time.now_s - began)

    def steps() -> Generator[None, None, list[float]]:
        silent = []
        for _ in range(3):
            time.advance(5)
            silent.append(device.silent_s)
            yield
        return silent

    assert await device.run_steps(steps(), within=timed) == [5, 5, 5]
    assert within == [5, 5, 5, 0]
    assert (device.silent_s, device.busy_s) == (0, 15)
    device.close()


async def test_a_device_that_closes_finishes_what_it_has(device: Device) -> None:
    long = asyncio.create_task(device.run_steps(Frames([], "long", 20).steps()))
    await asyncio.sleep(0)
    device.close()
    assert await asyncio.wait_for(long, 10) == "long"


async def test_the_budget_is_never_exceeded_and_never_leaks() -> None:
    budget, rng = ByteBudget(100), random.Random(3)
    most = 0

    async def hold(size: int) -> None:
        nonlocal most
        async with budget.hold(size):
            most = max(most, budget.held_bytes)
            await asyncio.sleep(rng.random() / 1000)

    tasks = [asyncio.create_task(hold(rng.randint(1, 150))) for _ in range(200)]
    for task in rng.sample(tasks, 60):
        await asyncio.sleep(0)
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert 50 < most <= 100
    assert budget.held_bytes == 0


async def test_a_large_holder_is_not_overtaken_for_ever_by_small_ones() -> None:
    budget, order = ByteBudget(10), list[str]()

    async def hold(name: str, size: int) -> None:
        async with budget.hold(size):
            order.append(name)
            await asyncio.sleep(0)

    async with asyncio.TaskGroup() as group:
        for name, size in (("small", 6), ("large", 99), ("late", 1)):
            group.create_task(hold(name, size))
    assert order == ["small", "large", "late"]


async def test_a_function_that_may_take_any_time_is_no_sign_of_a_hang() -> None:
    now = 0.0
    device = Device(monotonic=lambda: now)
    begun, go = threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        go.wait(30)

    opening = asyncio.create_task(device.run(work, unbounded=True))
    await asyncio.to_thread(begun.wait, 30)
    now = 1000.0
    assert (device.silent_s, device.busy_s) == (0.0, 1000.0)
    go.set()
    await opening
    device.close()

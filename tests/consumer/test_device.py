"""The device's thread and the memory budget: order, cancellation, bounds."""

import asyncio
import random
import threading
from collections.abc import AsyncIterator
from functools import partial

import pytest

from consumer.device import ByteBudget, Device
from tests.support.clock import VirtualTime
from tests.support.jobs import until


@pytest.fixture
async def device() -> AsyncIterator[Device]:
    device = Device(name="device-under-test")
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
    device = Device(monotonic=time.monotonic)

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

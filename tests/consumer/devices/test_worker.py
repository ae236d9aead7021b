"""A worker's thread: order, turns, cancellation, and what counts as silence."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from functools import partial

import pytest

from consumer.devices.worker import WorkerThread
from tests.support.clock import VirtualTime
from tests.support.jobs import until


@pytest.fixture
async def worker() -> AsyncIterator[WorkerThread]:
    """A worker on which every step is a turn."""
    worker = WorkerThread(name="worker-under-test", turn_s=0)
    yield worker
    worker.close()


async def test_all_work_is_done_on_one_thread_in_order(worker: WorkerThread) -> None:
    done: list[tuple[int, str]] = []

    def note(number: int) -> int:
        done.append((number, threading.current_thread().name))
        return number

    results = await asyncio.gather(*(worker.run(partial(note, number)) for number in range(20)))
    assert results == list(range(20))
    assert done == [(number, "worker-under-test") for number in range(20)]


async def test_an_error_reaches_its_caller_and_the_next_work_is_done(worker: WorkerThread) -> None:
    with pytest.raises(ZeroDivisionError):
        await worker.run(lambda: 1 // 0)
    assert await worker.run(lambda: 7) == 7


async def test_work_cancelled_before_its_turn_is_never_done(worker: WorkerThread) -> None:
    gate, done = threading.Event(), list[str]()
    first = asyncio.create_task(worker.run(lambda: gate.wait(10)))
    second = asyncio.create_task(worker.run(lambda: done.append("second")))
    await asyncio.sleep(0)
    second.cancel()
    await asyncio.sleep(0)
    gate.set()
    assert await first
    await worker.run(lambda: done.append("third"))
    assert done == ["third"]


async def test_work_cancelled_in_its_turn_frees_the_caller_at_once_and_the_worker_later(
    worker: WorkerThread,
) -> None:
    gate, begun = threading.Event(), threading.Event()

    def hang() -> None:
        begun.set()
        gate.wait(10)

    running = asyncio.create_task(worker.run(hang))
    await until(begun.is_set)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert not gate.is_set()
    gate.set()
    assert await worker.run(lambda: "alive") == "alive"


async def test_a_worker_is_silent_only_while_a_step_runs_and_each_step_is_timed_for_itself() -> None:
    time = VirtualTime()
    worker = WorkerThread(name="worker", monotonic=time.monotonic)
    share = worker.share()

    def work() -> tuple[float, float]:
        heard = worker.silent_s
        time.advance(5)
        return heard, worker.silent_s

    assert [await worker.run(work, share=share) for _ in range(3)] == [(0, 5)] * 3
    time.advance(60)
    assert (worker.silent_s, worker.busy_s) == (0, 15)
    worker.close()


async def test_a_step_that_may_take_long_is_no_sign_of_a_hang_for_an_hour() -> None:
    now = 0.0
    worker = WorkerThread(name="worker", monotonic=lambda: now)
    begun, go = threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        go.wait(30)

    opening = asyncio.create_task(worker.run(work, long=True))
    await asyncio.to_thread(begun.wait, 30)
    now = 1000.0
    assert (worker.silent_s, worker.busy_s) == (0.0, 1000.0)
    now = 3700.0
    assert worker.silent_s == 100.0
    go.set()
    await opening
    worker.close()


async def in_steps(worker: WorkerThread, count: int, step: Callable[[int], object]) -> None:
    """A user of several steps, who asks for the next as soon as one is done."""
    share = worker.share()
    for number in range(count):
        await worker.run(partial(step, number), share=share)


class Held:
    """A worker held by one step until `let_go`, so that the line behind it is in a known order."""

    def __init__(self, worker: WorkerThread) -> None:
        self._gate = threading.Event()
        self._holding = asyncio.create_task(worker.run(lambda: self._gate.wait(10)))

    async def let_go(self) -> None:
        await asyncio.sleep(0)
        self._gate.set()
        await self._holding


async def test_a_new_user_waits_for_one_turn_of_each_before_it_and_no_more(worker: WorkerThread) -> None:
    order: list[str] = []

    def note(name: str, number: int) -> None:
        order.append(f"{name}{number}")

    held = Held(worker)
    await asyncio.sleep(0)
    users = [
        asyncio.create_task(in_steps(worker, count, partial(note, name)))
        for name, count in (("a", 4), ("b", 3))
    ]
    await asyncio.sleep(0)
    users += [asyncio.create_task(worker.run(partial(order.append, name))) for name in ("x", "y")]
    await held.let_go()
    await asyncio.gather(*users)
    assert order[:4] == ["a0", "b0", "x", "y"]
    assert [step for step in order if step[0] == "a"] == ["a0", "a1", "a2", "a3"]


async def test_a_user_keeps_its_place_until_its_turn_is_over() -> None:
    time = VirtualTime()
    worker = WorkerThread(name="worker", turn_s=3, monotonic=time.monotonic)
    order: list[str] = []

    def step(name: str) -> None:
        time.advance(1)
        order.append(name)

    shares = {name: worker.share() for name in "abc"}
    held = Held(worker)
    await asyncio.sleep(0)
    # All steps of all users are in line at once, in the least helpful order.
    steps = [
        asyncio.create_task(worker.run(partial(step, name), share=shares[name]))
        for _ in range(3)
        for name in "cba"
    ]
    await held.let_go()
    await asyncio.gather(*steps)
    worker.close()
    assert order == [*"aaabbbccc"]


async def test_after_its_turn_a_user_is_behind_those_who_came_meanwhile() -> None:
    time = VirtualTime()
    worker = WorkerThread(name="worker", turn_s=2, monotonic=time.monotonic)
    order: list[str] = []

    def step(name: str) -> None:
        time.advance(1)
        order.append(name)

    long, short = worker.share(), worker.share()
    for _ in range(2):
        await worker.run(partial(step, "long"), share=long)
    held = Held(worker)
    await asyncio.sleep(0)
    steps = [
        asyncio.create_task(worker.run(partial(step, name), share=share))
        for name, share in (("long", long), ("short", short))
    ]
    await held.let_go()
    await asyncio.gather(*steps)
    worker.close()
    assert order == ["long", "long", "short", "long"]


async def test_a_stream_of_short_users_does_not_keep_a_long_one_from_its_end(worker: WorkerThread) -> None:
    pause, done = threading.Event(), 0

    async def stream() -> None:
        nonlocal done
        while True:
            await worker.run(lambda: pause.wait(0.001))
            done += 1

    streams = [asyncio.create_task(stream()) for _ in range(8)]
    await asyncio.wait_for(in_steps(worker, 50, lambda _number: None), 30)
    assert done > 50  # and the short ones went on
    for task in streams:
        task.cancel()
    await asyncio.wait(streams)


async def test_cancelled_between_steps_a_user_goes_no_further(worker: WorkerThread) -> None:
    order: list[int] = []
    held = Held(worker)
    await asyncio.sleep(0)
    long = asyncio.create_task(in_steps(worker, 3, order.append))
    await asyncio.sleep(0)
    long.cancel()
    await held.let_go()
    with pytest.raises(asyncio.CancelledError):
        await long
    await worker.run(lambda: None)
    assert order == []


async def test_a_worker_that_closes_finishes_what_is_in_line(worker: WorkerThread) -> None:
    gate, done = threading.Event(), list[int]()
    waiting = asyncio.create_task(worker.run(lambda: gate.wait(10)))
    steps = [asyncio.create_task(worker.run(partial(done.append, number))) for number in range(20)]
    await asyncio.sleep(0)
    worker.close()
    gate.set()
    await asyncio.wait_for(asyncio.gather(waiting, *steps), 30)
    assert done == list(range(20))

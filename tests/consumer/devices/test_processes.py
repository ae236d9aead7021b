"""Processes that do orders: what comes back, and what becomes of those that die or whose parent does."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE

import pytest

from consumer.devices.processes import ProcessDied
from pipeline.errors import MediaCorrupt
from storage.errors import StoreUnavailable
from tests.support.consumers import alive
from tests.support.jobs import until
from tests.support.workers import workers

SIGKILL = -signal.SIGKILL


def nobody(_told: int) -> None:
    """Who does not listen."""


async def test_orders_are_done_one_after_the_other_in_one_process_that_tells_of_them() -> None:
    pool, told = workers(), list[int]()
    async with pool.kept():
        async with pool.one() as child:
            pid, total = await child.do(("add", [1, 2]), told.append)
        async with pool.one() as child:
            assert await child.do(("add", [3]), told.append) == (pid, 6)
        assert (total, told) == (3, [1, 3, 6])
        assert (pool.pids, pid != os.getpid(), alive(pid)) == ((pid,), True, True)
    assert not alive(pid)
    assert not pool.pids


async def test_those_that_were_started_ahead_get_the_orders_and_no_more_are_started() -> None:
    pool = workers(most=2)
    async with pool.kept():
        async with pool.one():
            await pool.prepare(pool.most)
            assert len(pool.pids) == pool.most
        ahead = set(pool.pids)
        await pool.prepare(pool.most + 1)
        async with pool.one() as child:
            pid, _ = await child.do(("add", [1]), nobody)
        assert pid in ahead == set(pool.pids)
    assert not any(map(alive, ahead))


async def test_two_who_start_some_ahead_at_once_do_not_wait_for_each_other() -> None:
    pool = workers(most=2)
    async with asyncio.timeout(30), pool.kept():
        await asyncio.gather(pool.prepare(2), pool.prepare(2))
        assert len(pool.pids) == 2


async def test_a_large_order_comes_whole_and_what_is_printed_is_no_answer() -> None:
    pool = workers()
    async with pool.one() as child:
        assert (await child.do(("print", "x" * 3_000_000), nobody))[1] == 0


async def test_an_error_comes_as_it_was_raised_and_the_process_goes_on() -> None:
    pool = workers()
    async with pool.one() as child:
        for error in (MediaCorrupt("half of it"), StoreUnavailable(), OSError(28, "full", "/a")):
            with pytest.raises(type(error)) as caught:
                await child.do(("raise", error), nobody)
            assert (str(caught.value), caught.value.args) == (str(error), error.args)
            assert "workers.py" in caught.value.__notes__[0]
        assert child.is_ready
        assert (await child.do(("add", [1]), nobody))[1] == 1


async def test_an_error_that_cannot_be_sent_is_told_by_its_name() -> None:
    async with workers().one() as child:
        with pytest.raises(RuntimeError, match="Unpicklable: 1 and 2"):
            await child.do(("close", (1, 2)), nobody)


async def test_a_process_that_is_killed_is_an_error_and_the_next_order_gets_another() -> None:
    pool = workers()
    async with pool.kept():
        with pytest.raises(ProcessDied) as died:
            async with pool.one() as child:
                await child.do(("kill", signal.SIGKILL), nobody)
        assert died.value.exit_code == SIGKILL
        async with pool.one() as child:
            pid, _ = await child.do(("add", [1]), nobody)
        os.kill(pid, signal.SIGKILL)  # while it is idle
        await until(lambda: not alive(pid))
        await asyncio.sleep(0.1)
        async with pool.one() as child:
            assert (await child.do(("add", [1]), nobody))[1] == 1


async def test_one_whose_order_is_given_up_is_killed_and_its_place_is_free() -> None:
    pool = workers()
    held: list[int] = []

    async def hold() -> None:
        async with pool.one() as child:
            await child.do(("hold", 60), held.append)

    async with pool.kept():
        holding = asyncio.create_task(hold())
        await until(lambda: bool(held))
        waiting = asyncio.create_task(hold())
        await asyncio.sleep(0.05)
        assert len(held) == 1  # the second one waits
        holding.cancel()
        await until(lambda: len(held) == 2)
        assert not alive(held[0])
        waiting.cancel()
        await asyncio.wait({holding, waiting})
    assert not alive(held[1])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
async def test_signals_that_are_meant_for_the_consumer_do_not_reach_it(number: signal.Signals) -> None:
    async with workers().one() as child:
        assert (await child.do(("kill", number), nobody))[1] == 0


async def test_a_process_dies_with_the_one_that_started_it_whatever_it_does() -> None:
    program = "from tests.support.workers import hold; hold()"
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", program, stdout=PIPE)
    assert parent.stdout is not None
    pid = int(await parent.stdout.readline())
    assert alive(pid)
    parent.kill()
    await parent.communicate()
    await until(lambda: not alive(pid))

"""The disk budget: who waits, who goes first, and that nobody waits for ever."""

import asyncio

import pytest

from consumer.jobs.disk_budget import DiskBudget
from storage.errors import DiskFull, InputTooLarge


def _ask(budget: DiskBudget, job: str, size: int) -> "asyncio.Task[None]":
    return asyncio.create_task(budget.reserve(job, size))


async def _settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_what_fits_is_had_at_once_and_counted() -> None:
    budget = DiskBudget(10)
    await budget.reserve("a", 4)
    await budget.reserve("b", 6)
    assert (budget.held_bytes, budget.held_by("a")) == (10, 4)
    budget.release("a", 3)
    budget.release("a", 99)
    assert (budget.held_bytes, budget.held_by("a")) == (6, 0)


async def test_those_who_wait_get_theirs_in_the_order_they_came() -> None:
    budget = DiskBudget(10)
    await budget.reserve("a", 10)
    large, small = _ask(budget, "b", 9), _ask(budget, "c", 1)
    await _settle()
    budget.release("a", 5)
    await _settle()
    assert (large.done(), small.done()) == (False, False)  # the small one would fit, and is second
    budget.release("a", 5)
    await asyncio.gather(large, small)


async def test_who_holds_some_goes_before_who_holds_none() -> None:
    budget = DiskBudget(10)
    await budget.reserve("a", 4)
    await budget.reserve("b", 4)
    newcomer = _ask(budget, "c", 8)
    await _settle()
    await budget.reserve("a", 2)  # else it would wait for "c", and "c" for it
    assert not newcomer.done()
    budget.release("a", 6)
    budget.release("b", 4)
    await newcomer


async def test_more_than_there_will_ever_be_is_refused_at_once() -> None:
    budget = DiskBudget(10)
    with pytest.raises(InputTooLarge):
        await budget.reserve("a", 11)
    await budget.reserve("a", 6)
    with pytest.raises(InputTooLarge):
        await budget.reserve("a", 5)
    await budget.reserve("b", 4)
    first, second = _ask(budget, "a", 3), _ask(budget, "a", 3)
    with pytest.raises(InputTooLarge):
        await second
    budget.release("b", 4)
    await first


async def test_of_jobs_that_wait_for_each_other_the_last_is_refused() -> None:
    budget = DiskBudget(10)
    await budget.reserve("a", 4)
    await budget.reserve("b", 4)
    first = _ask(budget, "a", 4)
    await _settle()
    with pytest.raises(DiskFull):
        await budget.reserve("b", 4)
    assert not first.done()
    budget.release("b", 4)
    await first


async def test_a_job_gets_all_its_files_before_the_next_gets_its_first() -> None:
    budget = DiskBudget(10)
    await budget.reserve("before", 10)
    asked = [_ask(budget, job, 4) for job in ("a", "b", "a", "b")]
    await _settle()
    budget.release("before", 10)
    await _settle()
    assert [task.done() for task in asked] == [True, False, True, False]
    budget.release("a", 8)
    await asyncio.gather(*asked)


@pytest.mark.parametrize("granted", [False, True])
async def test_who_is_cancelled_holds_nothing_and_blocks_nobody(granted: bool) -> None:  # noqa: FBT001 - a parameter of the test
    budget = DiskBudget(10)
    await budget.reserve("a", 10)
    first, second = _ask(budget, "b", 9), _ask(budget, "c", 2)
    await _settle()
    if granted:
        budget.release("a", 10)  # its turn comes, and before it can run it is cancelled
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    budget.release("a", 10)
    await second
    assert (budget.held_by("b"), budget.held_bytes) == (0, 2)

"""The byte budget: never exceeded, never leaking, first come first served."""

import asyncio
import random

from consumer.devices.budget import ByteBudget


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

"""Fetching all files of a job, several at once and each only once, within bounds."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping

from consumer.jobs.together import together
from storage.errors import InputTooLarge
from storage.inputs.fetch import FetchedInput

_AT_ONCE = 4
_ALL_TO_ONE = 4  # how much larger the files of a job in memory may be together than any one of them


async def fetch_all(
    fetch: Callable[[str], Awaitable[FetchedInput]], references: Iterable[str], *, max_bytes: int
) -> Mapping[str, FetchedInput]:
    """Fetch what is referred to, by reference.

    `max_bytes` is what one file in memory may have; all of a job may have four times that together.

    Raises:
        InputTooLarge: they have more together.
        StorageError: a file cannot be had; the first to fail ends the others.
    """
    gate = asyncio.Semaphore(_AT_ONCE)
    fetched: dict[str, FetchedInput] = {}

    async def fetch_one(reference: str) -> None:
        async with gate:
            fetched[reference] = await fetch(reference)
        in_memory = sum(file.size for file in fetched.values() if file.path is None)
        if in_memory > _ALL_TO_ONE * max_bytes:
            raise InputTooLarge(
                f"The pictures of this job have more than {_ALL_TO_ONE * max_bytes / 1e6:.1f} MB together; "
                "send smaller ones."
            )

    async with together() as group:
        for reference in dict.fromkeys(references):
            group.create_task(fetch_one(reference))
    return fetched

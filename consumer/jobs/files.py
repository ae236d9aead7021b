"""Fetching all files of a job, several at once and each only once, within bounds."""

import asyncio
from collections.abc import Mapping

from consumer.jobs.plan import PicturePlan
from storage.errors import InputTooLarge
from storage.inputs.fetch import FetchedInput, InputFetcher
from storage.records.detection import MAX_DETECTION_BYTES

_AT_ONCE = 4
_ALL_TO_ONE = 4  # how much larger the pictures of a job may be together than any one of them


async def fetch_files(
    fetcher: InputFetcher, plan: PicturePlan, *, job_folder: str, max_bytes: int
) -> Mapping[str, FetchedInput]:
    """Fetch what a plan names, by reference.

    `max_bytes` is what one picture may have; all of a job may have four times that together.

    Raises:
        InputTooLarge: they have more together.
        StorageError: a file cannot be had; see `InputFetcher.fetch`.
    """
    gate = asyncio.Semaphore(_AT_ONCE)
    pictures: dict[str, FetchedInput] = {}

    async def fetch_picture(reference: str) -> None:
        async with gate:
            pictures[reference] = await fetcher.fetch(reference, job_folder=job_folder)
        if sum(picture.size for picture in pictures.values()) > _ALL_TO_ONE * max_bytes:
            raise InputTooLarge(
                f"The pictures of this job have more than {_ALL_TO_ONE * max_bytes / 1e6:.1f} MB together; "
                "send smaller ones."
            )

    async def fetch_detection(reference: str) -> FetchedInput:
        return await fetcher.fetch(reference, job_folder=job_folder, max_bytes=MAX_DETECTION_BYTES)

    try:
        async with asyncio.TaskGroup() as group:
            for reference in dict.fromkeys((*plan.sources.values(), plan.target)):
                group.create_task(fetch_picture(reference))
            detection = group.create_task(fetch_detection(plan.detection)) if plan.detection else None
    except ExceptionGroup as failed:
        raise failed.exceptions[0] from failed
    if plan.detection and detection:
        return {**pictures, plan.detection: detection.result()}
    return pictures

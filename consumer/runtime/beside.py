"""What a consumer does beside its jobs, such as watching over itself."""

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from functools import partial

import structlog

from consumer.runtime.scheduler import Scheduler

_log = structlog.get_logger()


@contextmanager
def running_beside(scheduler: Scheduler, *works: Coroutine[None, None, None]) -> Iterator[None]:
    """Do `works` until the end; one that breaks ends the scheduler in order, for a fresh start."""
    tasks = [asyncio.create_task(work) for work in works]
    for task in tasks:
        task.add_done_callback(partial(_end_with, scheduler))
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()


def _end_with(scheduler: Scheduler, task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()):
        _log.error("unforeseen_error", exc_info=error)
        scheduler.drain(sick=True)

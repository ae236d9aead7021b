"""How a consumer starts: what it says then, and what it waits for before its first job."""

import asyncio
from importlib import metadata
from typing import TypeVar

import structlog

from consumer.config.settings import Settings
from consumer.engines.pool import EnginePool
from consumer.engines.registry import CONTENT_MODEL
from consumer.runtime.scheduler import Exit
from models.errors import ModelError

T = TypeVar("T")

_log = structlog.get_logger()


def tell_of_start(settings: Settings, pool: EnginePool, *, owner: str, health_url: str | None) -> None:
    """Log what starts and where, and that nobody looks at pictures where somebody could."""
    _log.info(
        "starting",
        version=metadata.version("swapdrop"),
        owner=owner,
        endpoint=settings.store_address or "AWS",
        bucket=settings.bucket,
        health=health_url,
    )
    if pool.content is None and settings.content_filter == "auto":
        lacks = f"{CONTENT_MODEL} is not here, so that nobody looks at what pictures show"
        _log.warning("content_filter_off", reason=lacks, fix=f"swapdrop models pull {CONTENT_MODEL}")


async def kept_from_work(
    opening: asyncio.Task[None], checking: asyncio.Task[bool], stopping: asyncio.Event
) -> Exit | None:
    """Wait until the engine is open and the store has passed; why not to begin, None where all is well.

    A model that is not here keeps nobody from work: other jobs may need none. A machine that cannot run
    any, or a store that does not pass `checking`, does.
    """
    try:
        await _unless_stopped(opening, stopping)
    except ModelError as error:
        sick = error.kind == "machine"
        _log.error("engine_unavailable", reason=str(error), exc_info=error if sick else None)
        if sick:
            return Exit.SICK
    passed = await _unless_stopped(checking, stopping)
    if stopping.is_set():
        return Exit.DRAINED
    return None if passed else Exit.SICK


async def _unless_stopped(task: asyncio.Task[T], stopping: asyncio.Event) -> T | None:
    """Wait for a task, or until told to stop: opening an engine may take minutes, a store may be away."""
    told = asyncio.create_task(stopping.wait())
    await asyncio.wait({task, told}, return_when=asyncio.FIRST_COMPLETED)
    told.cancel()
    return await task if task.done() else None

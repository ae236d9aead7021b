"""Ends a consumer that is no longer fit to work while it can still give its jobs back."""

import asyncio
from collections.abc import Callable, Iterable

import structlog

from consumer.config.settings import Settings
from consumer.devices.memory import bytes_of, memory_limit_bytes, own_bytes
from consumer.devices.worker import WorkerThread
from consumer.runtime.scheduler import Scheduler

_LOOK_EVERY_S = 1.0

_log = structlog.get_logger()


async def watch(
    scheduler: Scheduler,
    device: WorkerThread,
    settings: Settings,
    *,
    children: Callable[[], Iterable[int]] = tuple,
) -> None:
    """Look again and again, until cancelled or the device hangs.

    Past its memory limit, in which its `children` count, the consumer takes no more jobs, finishes those it
    has as far as the grace allows, and ends to be started afresh: the kernel's own way is to kill it, which
    costs each job in flight an attempt. A device that has been silent for too long without any job's lease
    having ended the consumer, because the job that hangs it was cancelled or has timed out, ends it at once.
    """
    # A job that hangs the device loses its lease at the first heartbeat after the stall timeout.
    silent_limit_s = settings.stall_timeout_s + settings.lease_ttl_s
    limit_bytes = memory_limit_bytes(settings)
    while device.silent_s < silent_limit_s:
        if limit_bytes is not None and not scheduler.draining:
            held_bytes = own_bytes() + bytes_of(children())
            if held_bytes > limit_bytes:
                _log.warning("memory_limit_reached", held_bytes=held_bytes, limit_bytes=limit_bytes)
                scheduler.drain(sick=True)
        await asyncio.sleep(_LOOK_EVERY_S)
    _log.error("device_hangs", silent_s=round(device.silent_s, 1))
    scheduler.release(sick=True)

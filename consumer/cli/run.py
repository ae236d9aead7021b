"""`swapdrop run`: the long-running consumer."""

import asyncio

import structlog

from consumer.app import Consumer
from consumer.cli.bucket import faults_told, settings_or_exit
from consumer.supervisor import kill_after_s, run_supervised
from consumer.telemetry.logs import configure_logging


def run_consumer(*, supervised: bool = False) -> int:
    """Work until told to stop; the exit code is 0 after a drain and not 0 when this machine is sick.

    A `supervised` one also stops when its standard input ends.
    """
    settings = settings_or_exit()
    configure_logging(settings)
    if settings.device is not None:
        structlog.contextvars.bind_contextvars(device=settings.device)
    with faults_told():
        consumer = Consumer(settings)
        if supervised:
            return asyncio.run(run_supervised(consumer, kill_after_s=kill_after_s(settings)))
        return asyncio.run(consumer.run())

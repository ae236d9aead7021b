"""`swapdrop run`: the long-running consumer."""

import asyncio

from consumer.app import Consumer
from consumer.cli.bucket import faults_told, settings_or_exit
from consumer.logs import configure_logging


def run_consumer() -> int:
    """Work until told to stop; the exit code is 0 after a drain and not 0 when this machine is sick."""
    settings = settings_or_exit()
    configure_logging(settings)
    with faults_told():
        consumer = Consumer(settings)
    return asyncio.run(consumer.run())

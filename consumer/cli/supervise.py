"""`swapdrop run --devices`: one consumer for each device; nothing heavy is imported here."""

import asyncio
import os

from consumer.cli.bucket import faults_told, settings_or_exit
from consumer.supervisor import Supervisor, kill_after_s, plan_children
from consumer.telemetry.logs import configure_logging


def run_consumers(devices: str) -> int:
    """Keep one consumer for each device working until told to stop; see `Supervisor.run` for the code."""
    settings = settings_or_exit()
    configure_logging(settings)
    with faults_told():
        settings.s3()  # without a bucket no child would start
        children = plan_children(devices, settings, os.environ)
    return asyncio.run(Supervisor(children, kill_after_s=kill_after_s(settings)).run())

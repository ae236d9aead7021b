"""A supervisor process of slow consumers: its arguments are their devices and how long each swap takes."""

import asyncio
import os
import sys

from consumer.children import python_command
from consumer.config.environment import load_settings
from consumer.supervisor import RestartPolicy, Supervisor, kill_after_s, plan_children
from consumer.telemetry.logs import configure_logging


def main() -> int:
    """Keep them running until told to stop; a dead one is started again at once."""
    settings = load_settings()
    configure_logging(settings)
    devices, swap_s = sys.argv[1:]
    supervisor = Supervisor(
        plan_children(devices, settings, os.environ),
        kill_after_s=kill_after_s(settings),
        command=python_command("tests.support.slow_consumer", swap_s, "--supervised"),
        policy=RestartPolicy(first_s=0.1, give_up_after=100),
    )
    return asyncio.run(supervisor.run())


if __name__ == "__main__":
    sys.exit(main())

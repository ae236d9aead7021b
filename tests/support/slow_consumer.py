"""A consumer process on the configured bucket; its argument is how long each swap takes, in seconds.

With `--supervised` after it, the consumer drains when its standard input ends.
"""

import asyncio
import sys

from consumer.app import Consumer
from consumer.config.environment import load_settings
from consumer.supervisor import kill_after_s, run_supervised
from consumer.telemetry.logs import configure_logging
from tests.support.engines import FlatEngine, OneEngine


def main() -> int:
    """Run it until it is told to stop."""
    settings = load_settings()
    configure_logging(settings)
    engine = FlatEngine(swap_s=float(sys.argv[1]))
    consumer = Consumer(settings, registry=OneEngine(lambda: engine))
    if "--supervised" in sys.argv[2:]:
        return asyncio.run(run_supervised(consumer, kill_after_s=kill_after_s(settings)))
    return asyncio.run(consumer.run())


if __name__ == "__main__":
    sys.exit(main())

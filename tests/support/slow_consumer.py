"""A consumer process on the configured bucket; its argument is how long each swap takes, in seconds."""

import asyncio
import sys

from consumer.app import Consumer
from consumer.logs import configure_logging
from consumer.settings import load_settings
from tests.support.engines import FlatEngine, OneEngine


def main() -> int:
    """Run it until it is told to stop."""
    settings = load_settings()
    configure_logging(settings)
    engine = FlatEngine(swap_s=float(sys.argv[1]))
    return asyncio.run(Consumer(settings, shelf=OneEngine(lambda: engine)).run())


if __name__ == "__main__":
    sys.exit(main())

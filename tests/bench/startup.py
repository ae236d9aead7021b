"""How long the command line and the consumer take to be of use, in processes of their own."""

import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from tests.bench.report import Row, row
from tests.support.consumers import consumer_environment, run_consumer
from tests.support.ports import free_port
from tests.support.s3_servers import moto_server

REPEATS = 5


def startup_rows() -> Iterator[Row]:
    """`--help` and readiness with the embedded weights, the fastest of a few starts."""
    yield row("swapdrop --help", min(help_s() for _ in range(REPEATS)), "s", at_most=0.5)
    yield row("consumer ready", min(ready_s() for _ in range(REPEATS)), "s", at_most=2)


def help_s() -> float:
    """Seconds for a fresh process to print its help."""
    began = time.perf_counter()
    subprocess.run([Path(sys.executable).with_name("swapdrop"), "--help"], check=True, capture_output=True)
    return time.perf_counter() - began


def ready_s() -> float:
    """Seconds from the start of a consumer's process to its first 200 on /readyz."""
    port = free_port()
    with moto_server() as s3, tempfile.TemporaryDirectory() as folder:
        environment = consumer_environment(s3, health_port=port)
        began = time.perf_counter()
        with run_consumer(environment, Path(folder, "log")) as consumer:
            while consumer.process.poll() is None:
                with suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz"):
                    return time.perf_counter() - began
                time.sleep(0.01)
            raise RuntimeError(f"the consumer did not start: {consumer.output()}")

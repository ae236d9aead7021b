"""Real consumer processes for end-to-end tests: `swapdrop run` against a server on loopback."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from storage.stores.s3_store import S3Settings

_STOP_TIMEOUT_S = 40
_SETTINGS = ("SWAPDROP_", "R2_", "AWS_", "S3_", "MODELS_DIR")
_NO_MODELS = Path(tempfile.gettempdir(), "swapdrop-tests")  # whatever models lie in this user's cache


class ConsumerProcess:
    """One running consumer; `log` holds what it printed."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self.process = process
        self.log = log

    def terminate(self) -> int:
        """Ask for a drain (SIGTERM) and return the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(_STOP_TIMEOUT_S)

    def kill(self) -> None:
        """End it without a chance to clean up (SIGKILL)."""
        self.process.kill()
        self.process.wait(_STOP_TIMEOUT_S)

    def output(self) -> str:
        """Everything printed so far."""
        return self.log.read_text(encoding="utf-8", errors="replace")


def consumer_environment(s3: S3Settings, **settings: object) -> dict[str, str]:
    """The environment of a consumer on `s3`; `settings` are `SWAPDROP_` names in lower case."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(_SETTINGS)}
    return inherited | {
        "R2_ENDPOINT_URL": s3.endpoint_url or "",
        "R2_BUCKET": s3.bucket,
        "R2_ACCESS_KEY_ID": s3.access_key_id or "",
        "R2_SECRET_ACCESS_KEY": s3.secret_access_key or "",
        "SWAPDROP_CACHE_DIR": str(_NO_MODELS),
        "SWAPDROP_HEALTH_PORT": "0",
        "SWAPDROP_POLL_MAX_S": "0.5",
        "SWAPDROP_LOG_FORMAT": "json",
        **{f"SWAPDROP_{name.upper()}": str(value) for name, value in settings.items()},
    }


@contextmanager
def run_consumer(environment: Mapping[str, str], log: Path) -> Iterator[ConsumerProcess]:
    """A consumer process that ends with the block at the latest."""
    with log.open("wb") as sink:
        process = subprocess.Popen(
            [sys.executable, "-m", "consumer", "run"],
            env=dict(environment),
            stdout=sink,
            stderr=subprocess.STDOUT,
        )
        try:
            yield ConsumerProcess(process, log)
        finally:
            if process.poll() is None:
                process.kill()
            process.wait(_STOP_TIMEOUT_S)

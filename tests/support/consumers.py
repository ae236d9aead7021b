"""Real consumer processes for end-to-end tests: `swapdrop run` against a server on loopback."""

import json
import os
import re
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from consumer.children import python_command
from storage.stores.s3_store import S3Settings

_STOP_TIMEOUT_S = 60
_SETTINGS = ("SWAPDROP_", "R2_", "AWS_", "S3_", "MODELS_DIR")
_NO_MODELS = Path(tempfile.gettempdir(), "swapdrop-tests")  # whatever models lie in this user's cache


class ConsumerProcess:
    """One running consumer, or a supervisor of some; `log` holds what it printed."""

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

    def events(self, name: str) -> list[dict[str, Any]]:
        """The lines of one event that are whole; two processes may have written theirs onto one."""
        whole = [line for line in self.output().splitlines(keepends=True) if re.fullmatch(r'\{".*\}\n', line)]
        apart = [part for line in whole for part in re.sub(r'\}\{"', '}\n{"', line).splitlines()]
        return [line for line in map(json.loads, apart) if line.get("event") == name]

    def children(self) -> list[int]:
        """The processes that a supervisor has started, those that have ended among them."""
        return [line["pid"] for line in self.events("consumer_started")]


def alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and waits to be reaped does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def without_settings() -> dict[str, str]:
    """This process's environment less all that configures a consumer."""
    return {name: value for name, value in os.environ.items() if not name.startswith(_SETTINGS)}


def consumer_environment(s3: S3Settings, **settings: object) -> dict[str, str]:
    """The environment of a consumer on `s3`; `settings` are `SWAPDROP_` names in lower case."""
    return without_settings() | {
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
def run_consumer(
    environment: Mapping[str, str],
    log: Path,
    command: Sequence[str] = python_command("consumer", "run"),
    *,
    cwd: Path | None = None,
) -> Iterator[ConsumerProcess]:
    """A process with a group of its own, as a shell starts one; all it has started ends with the block."""
    with log.open("wb") as sink:
        process = subprocess.Popen(
            command,
            env=dict(environment),
            cwd=cwd,
            stdout=sink,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        consumer = ConsumerProcess(process, log)
        try:
            yield consumer
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(_STOP_TIMEOUT_S)
            for pid in filter(alive, consumer.children()):
                os.kill(pid, signal.SIGKILL)

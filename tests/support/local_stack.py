"""The whole service on this machine, as `make web` starts it, and what its tests need."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from infra.local.programs import MODULES, ROOT
from storage.stores.s3_settings import S3Settings

_STOP_TIMEOUT_S = 60
_CHROMIUM = ("chromium", "chromium-browser", "google-chrome")


@dataclass(frozen=True, kw_only=True)
class LocalStack:
    """A Worker with its page at `url` and a consumer, on one bucket; `data` holds it and their logs."""

    url: str
    data: Path
    process: subprocess.Popen[str]

    @property
    def bucket(self) -> S3Settings:
        """Its bucket, to look at it and to drop jobs without the Worker."""
        return S3Settings(
            bucket="swapdrop",
            endpoint_url=f"{self.url}/cdn-cgi/local/r2/s3",
            access_key_id="local",
            secret_access_key="local-secret",  # noqa: S106 - as in wrangler.jsonc
        )

    def terminate(self) -> int:
        """Ask it to end (SIGTERM) and return the exit code."""
        self.process.terminate()
        return self.process.wait(_STOP_TIMEOUT_S)


@contextmanager
def local_stack(data: Path, *words: str) -> Iterator[LocalStack]:
    """Start the stack on a free port with its bucket in `data`; it ends with the block."""
    needs_node_modules()
    command = [sys.executable, "-m", "infra.local", "--port", "0", "--data", str(data), *words]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            yield LocalStack(url=_address(process), data=data, process=process)
        finally:
            process.terminate()
            process.wait(_STOP_TIMEOUT_S)


def needs_node_modules() -> None:
    """Skip the test where the Worker's packages are missing, or fail it where CI is set."""
    if not MODULES.exists():
        _missing("the Worker's packages are not installed; `make web-install` does it")


def needs_tools(*names: str) -> None:
    """Skip the test where one of these commands is missing, or fail it where CI is set."""
    if lacking := [name for name in names if shutil.which(name) is None]:
        _missing(f"not installed: {', '.join(lacking)}")


def chromium() -> str:
    """Chromium's path; without one the test is skipped, or fails where CI is set."""
    found = next(filter(None, map(shutil.which, _CHROMIUM)), None)
    return found or _missing("chromium is not installed; on Debian: apt-get install chromium")


def _missing(reason: str) -> str:
    (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)


def _address(process: "subprocess.Popen[str]") -> str:
    """Where it answers, once it says that it is ready."""
    told = ""
    for line in process.stdout or ():
        told += line
        if ready := re.search(r"is ready: (\S+)", line):
            return ready[1]
    raise RuntimeError(f"The local stack did not start:\n{told}")

"""`swapdrop …` as people type it.

`swapdrop` runs a command within the test's process, because one of its own would spend most of its time on
imports. `swapdrop_process` starts the installed command, for the few tests that are about that.
"""

import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from unittest.mock import patch

import pytest
import structlog
from typer.testing import CliRunner

from consumer.cli.app import app

LOOK_ALIKES = ("consumer/__init__.py", "models.py", "pipeline/__init__.py", "storage.py")
_TIMEOUT_S = 60


@dataclass(frozen=True, kw_only=True)
class Ended:
    """What a command that has ended leaves behind."""

    exit_code: int
    stdout: str
    stderr: str


def swapdrop(*words: object, environment: Mapping[str, str] | None = None) -> Ended:
    """Run a command in `environment` (this process's, if not given); what it raises is raised here.

    It runs in a thread, because commands have a loop of their own and some tests have one too.
    """
    arguments = [str(word) for word in words]
    with (
        patch.dict(os.environ, os.environ if environment is None else environment, clear=True),
        _logging_kept(),
        ThreadPoolExecutor(1) as thread,
    ):
        done = thread.submit(CliRunner().invoke, app, arguments, catch_exceptions=False).result()
    return Ended(exit_code=done.exit_code, stdout=done.stdout, stderr=done.stderr)


def swapdrop_process(
    *words: object,
    environment: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    stdout: IO[bytes] | None = None,
    prefix: Sequence[str] = (),
) -> Ended:
    """Run the installed command, on the code under test; `prefix` is what it is started by.

    With a `stdout` of its own, none is in the answer.
    """
    done = subprocess.run(
        [*prefix, Path(sys.executable).with_name("swapdrop"), *map(str, words)],
        env={"PYTHONPATH": os.environ["PYTHONPATH"], **(os.environ if environment is None else environment)},
        cwd=cwd,
        stdout=stdout or subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        timeout=_TIMEOUT_S,
        check=False,
    )
    return Ended(exit_code=done.returncode, stdout=done.stdout or "", stderr=done.stderr)


def as_anybody() -> Sequence[str]:
    """What starts a command to which folders can be closed; without it skip the test, or fail it in CI."""
    if os.getuid():
        return ()
    words = ("setpriv", "--bounding-set", "-dac_override,-dac_read_search")
    if shutil.which("setpriv") is None or subprocess.run([*words, "true"], check=False).returncode:
        (pytest.fail if "CI" in os.environ else pytest.skip)(
            "setpriv cannot take the superuser's rights away"
        )
    return words


def look_alikes(folder: Path, *names: str) -> Path:
    """Put files into `folder` that are named like our packages and end whatever imports them."""
    folder.mkdir(exist_ok=True)
    for name in names:
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("raise SystemExit(f'{__file__} was imported')")
    return folder


@contextmanager
def _logging_kept() -> Iterator[None]:
    """Put logging back as it was: a command has it write to a stream that is closed when the command ends."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    root.handlers.clear()
    try:
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        structlog.reset_defaults()

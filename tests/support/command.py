"""`swapdrop …` as people type it.

`swapdrop` runs a command within the test's process, because one of its own would spend most of its time on
imports. `swapdrop_process` starts the installed command, for the few tests that are about that.
"""

import logging
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

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
    *words: object, environment: Mapping[str, str] | None = None, cwd: Path | None = None
) -> Ended:
    """Run the installed command, on the code under test."""
    done = subprocess.run(
        [Path(sys.executable).with_name("swapdrop"), *map(str, words)],
        env={"PYTHONPATH": os.environ["PYTHONPATH"], **(os.environ if environment is None else environment)},
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=_TIMEOUT_S,
        check=False,
    )
    return Ended(exit_code=done.returncode, stdout=done.stdout, stderr=done.stderr)


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

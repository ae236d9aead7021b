"""What lies in the folder where a command is typed is none of its business."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from consumer.children import python_command
from storage.stores.s3_settings import S3Settings
from tests.support.command import LOOK_ALIKES, look_alikes
from tests.support.consumers import consumer_environment, run_consumer, without_settings
from tests.support.jobs import until


@pytest.mark.parametrize("module", ["consumer", "consumer.cli.local_s3"])
def test_a_child_imports_our_code_and_not_what_is_named_like_it(module: str, tmp_path: Path) -> None:
    folder = look_alikes(tmp_path / "here", *LOOK_ALIKES)
    command = python_command(module, "--help")
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "usage: " in done.stdout.lower()


def test_what_a_child_starts_may_look_into_its_own_folder() -> None:
    program = "import os, sys; print(sys.flags.safe_path, os.environ.get('PYTHONSAFEPATH'))"
    flags = python_command("consumer")[1:-2]
    shown = subprocess.run(
        [sys.executable, *flags, "-c", program], capture_output=True, text=True, check=True
    )
    assert shown.stdout == "True None\n"


def test_python_m_consumer_reads_no_file_that_is_named_like_a_package_of_ours(tmp_path: Path) -> None:
    folder = look_alikes(tmp_path / "here", *(name for name in LOOK_ALIKES if "consumer" not in name))
    command = [sys.executable, "-m", "consumer", "config"]
    done = subprocess.run(
        command, cwd=folder, env=without_settings(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


async def test_the_consumers_of_a_supervisor_start(bucket: S3Settings, tmp_path: Path) -> None:
    folder = look_alikes(tmp_path / "here", *LOOK_ALIKES)
    command = python_command("consumer", "run", "--devices", "cpu")
    environment = consumer_environment(bucket, engine="mesh")
    with run_consumer(environment, tmp_path / "log", command, cwd=folder) as supervisor:
        await until(lambda: bool(supervisor.events("starting") or supervisor.events("consumer_died")))
        assert await asyncio.to_thread(supervisor.terminate) == 0, supervisor.output()
    assert supervisor.events("consumer_died") == []

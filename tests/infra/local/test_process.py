"""Processes of the local stack: none outlives its block, none dies unseen."""

import asyncio
import os
import sys
from pathlib import Path

import pytest

from infra.local.process import PartFailed, Program, run_to_end, running, while_all_run
from tests.support.consumers import alive

# Prints its child's id once both are as they should be; the child heeds nothing but SIGKILL.
_STUBBORN_CHILD = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, lambda *_: (print("told to stop", flush=True), sys.exit(0)))
child = '''
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("up", flush=True)
time.sleep(60)
'''
process = subprocess.Popen([sys.executable, "-c", child], stdout=subprocess.PIPE)
process.stdout.readline()
print(process.pid, flush=True)
time.sleep(60)
"""


def program(folder: Path, source: str) -> Program:
    command = [sys.executable, "-c", source]
    return Program(
        name="toy", command=command, folder=folder, environ=os.environ, log=folder / "logs" / "toy.log"
    )


async def first_line(one: Program) -> str:
    while True:
        if "\n" in (text := one.log.read_text()):
            return text.splitlines()[0]
        await asyncio.sleep(0.02)


async def test_a_process_is_asked_to_end_and_what_it_started_goes_with_it(tmp_path: Path) -> None:
    stubborn = program(tmp_path, _STUBBORN_CHILD)
    async with running(stubborn) as it:
        child = int(await first_line(stubborn))
        assert alive(child)
    assert it.process.returncode == 0
    assert stubborn.log.read_text().splitlines()[1:] == ["told to stop"]
    for _ in range(100):
        if not alive(child):
            return
        await asyncio.sleep(0.02)
    pytest.fail("a process is left")


async def test_the_first_to_end_stops_the_work_and_its_last_words_are_told(tmp_path: Path) -> None:
    async with (
        running(program(tmp_path / "a", "import time; time.sleep(60)")) as lasting,
        running(program(tmp_path / "b", "print('no such bucket'); raise SystemExit(3)")) as ending,
    ):
        with pytest.raises(PartFailed, match=r"(?s)ended with code 3\. .*toy\.log.*no such bucket"):
            await while_all_run(asyncio.Event().wait(), lasting, ending)
        assert lasting.process.returncode is None


async def test_work_that_is_done_first_leaves_the_processes_running(tmp_path: Path) -> None:
    async with running(program(tmp_path, "import time; time.sleep(60)")) as lasting:
        await while_all_run(asyncio.sleep(0), lasting)
        assert lasting.process.returncode is None


async def test_a_program_that_should_end_well_fails_with_its_last_words(tmp_path: Path) -> None:
    await run_to_end(program(tmp_path, "print('built')"))
    with pytest.raises(PartFailed, match="cannot build"):
        await run_to_end(program(tmp_path, "raise SystemExit('cannot build')"))

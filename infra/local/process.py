"""Processes that live as long as a block, with all that they have started."""

import asyncio
import os
import signal
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

_PATIENCE_S: Final = 10.0
_TAIL: Final = 15


class PartFailed(Exception):
    """A process that the others need has ended, or does not become ready."""


@dataclass(frozen=True, kw_only=True)
class Program:
    """What to run: its name for people, and the file that takes its output."""

    name: str
    command: Sequence[str]
    folder: Path
    environ: Mapping[str, str]
    log: Path

    def failed(self, how: str) -> PartFailed:
        """Say how it failed, with the end of what it printed."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return PartFailed("\n".join([f"The {self.name} {how}. The end of {self.log}:", "", *lines[-_TAIL:]]))


@dataclass(frozen=True, kw_only=True)
class Running:
    """A program at work."""

    program: Program
    process: Process

    async def end(self) -> None:
        """Wait until it has ended, which it should not; raises PartFailed then."""
        code = await self.process.wait()
        raise self.program.failed(f"has ended with code {code}")


@asynccontextmanager
async def running(program: Program) -> AsyncIterator[Running]:
    """Run a program until the block ends: then SIGTERM, and soon SIGKILL for all that is left of it.

    It has a process group of its own, so that Ctrl-C reaches us alone and we end one after the other. Its
    standard input is empty and ends when we do.
    """
    program.log.parent.mkdir(parents=True, exist_ok=True)
    with program.log.open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *program.command,
            cwd=program.folder,
            env=dict(program.environ),
            stdin=PIPE,
            stdout=log,
            stderr=STDOUT,
            start_new_session=True,
        )
    try:
        yield Running(program=program, process=process)
    finally:
        try:
            if process.returncode is None:
                process.send_signal(signal.SIGTERM)
                async with asyncio.timeout(_PATIENCE_S):
                    await process.wait()
        except TimeoutError:
            pass  # it is killed below
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()


async def run_to_end(program: Program) -> None:
    """Run a program that ends by itself; raises PartFailed where it fails."""
    async with running(program) as it:
        if await it.process.wait():
            await it.end()


async def while_all_run(work: Coroutine[Any, Any, object], *programs: Running) -> None:
    """Do `work`; raises PartFailed as soon as one of `programs` has ended before it is done."""
    tasks = [asyncio.ensure_future(work), *(asyncio.ensure_future(each.end()) for each in programs)]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

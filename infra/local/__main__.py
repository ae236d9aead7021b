"""Run the local stack until Ctrl-C: build the page, start the Worker, then a consumer on its bucket."""

import argparse
import asyncio
import errno
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import AsyncExitStack
from enum import Enum
from pathlib import Path
from typing import Final

import aiohttp

from infra.local.process import PartFailed, Program, run_to_end, running, while_all_run
from infra.local.programs import HOST, MODULES, ROOT, Stack

_PORT: Final = 8788
_PATIENCE_S: Final = 60.0
_POLL_S: Final = 0.1
_OK: Final = 200


class Build(Enum):
    """When the page is built: as it was before, at the start, or whenever its sources change as well."""

    NEVER = "never"
    ONCE = "once"
    ALWAYS = "always"


class CannotStart(Exception):
    """Something that the stack needs is not there."""


async def run(stack: Stack, *, build: Build, say: Callable[[str], object]) -> None:
    """Run the stack until cancelled; raises PartFailed when a part of it ends, after ending the others."""
    if build != Build.NEVER:
        say("Building the page …")
        await run_to_end(stack.page())
    say("Starting the Worker and a consumer …")
    async with AsyncExitStack() as parts:
        started = []
        for program, health in (
            (stack.worker(), stack.worker_health),
            (stack.consumer(), stack.consumer_health),
        ):
            started.append(await parts.enter_async_context(running(program)))
            await while_all_run(_ready(program, health), *started)
        if build == Build.ALWAYS:
            started.append(await parts.enter_async_context(running(stack.page(watch=True))))
        say(_what_next(stack))
        await while_all_run(asyncio.Event().wait(), *started)


async def _ready(program: Program, health: str) -> None:
    """Wait until there is a good answer from a program's health address; raises PartFailed."""
    try:
        async with asyncio.timeout(_PATIENCE_S), aiohttp.ClientSession(trust_env=False) as session:
            while True:
                if await _is_fine(session, health):
                    return
                await asyncio.sleep(_POLL_S)
    except TimeoutError as error:
        raise program.failed(f"is not ready after {_PATIENCE_S:.0f} s") from error


async def _is_fine(session: aiohttp.ClientSession, address: str) -> bool:
    try:
        async with session.get(address) as answer:
            return answer.status == _OK
    except aiohttp.ClientError:
        return False  # it does not listen yet


def _what_next(stack: Stack) -> str:
    return f"""
swapdrop is ready: {stack.url}

  Open it in a browser. How programs use it is in docs/web.md; to begin: curl {stack.url}/health
  Its bucket and logs are in {_shown(stack.data)}. Changes in infra/worker/src are taken up at once.
  Ctrl-C ends it.
"""


def _stack(port: int, data: Path, variables: list[str], signing: Path | None) -> Stack:
    if not MODULES.exists():
        raise CannotStart("The Worker's packages are not installed; `make web` does that.")
    if signing is not None and not (signing / "chain.pem").is_file():
        raise CannotStart(f"There is no chain in {signing}; `swapdrop provenance init {signing}` makes one.")
    return Stack(
        port=_free_port(port),
        health_port=_free_port(0),
        data=data.resolve(),
        variables=variables,
        signing=None if signing is None else signing.resolve(),
    )


def _free_port(wanted: int) -> int:
    """`wanted`, or any free port for 0; raises CannotStart where it is taken."""
    try:
        with socket.create_server((HOST, wanted)) as server:
            port: int = server.getsockname()[1]
            return port
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise CannotStart(f"Port {wanted} cannot be used: {error.strerror}.") from error
        raise CannotStart(
            f"Port {wanted} is taken, by another `make web` perhaps; `make web PORT=0` takes a free one."
        ) from error


def _shown(path: Path) -> str:
    return str(path.relative_to(ROOT) if path.is_relative_to(ROOT) else path)


async def _until_signalled(stack: Stack, build: Build) -> None:
    work = asyncio.ensure_future(run(stack, build=build, say=_say))
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, work.cancel)
    await asyncio.wait([work])
    if not work.cancelled():
        work.result()


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main(words: list[str] | None = None) -> int:
    """Run it as the command line says; 0 when told to stop, 1 when something is missing or has ended."""
    parser = argparse.ArgumentParser(prog="python -m infra.local", description=__doc__)
    parser.add_argument("--port", type=int, default=_PORT, help="0 takes one that is free")
    parser.add_argument("--data", type=Path, default=ROOT / "build" / "web", help="where bucket and logs go")
    parser.add_argument(
        "--var", action="append", default=[], help="a variable of the Worker, as NAME:value; may be repeated"
    )
    parser.add_argument(
        "--signing", type=Path, help="sign results with this folder of `swapdrop provenance init`"
    )
    parser.set_defaults(build=Build.ONCE)
    building = parser.add_mutually_exclusive_group()
    for word, build, meaning in (
        ("--watch", Build.ALWAYS, "build the page anew whenever its sources change"),
        ("--built", Build.NEVER, "serve the page as it was built last"),
    ):
        building.add_argument(word, dest="build", action="store_const", const=build, help=meaning)
    chosen = parser.parse_args(words)
    try:
        stack = _stack(chosen.port, chosen.data, chosen.var, chosen.signing)
        asyncio.run(_until_signalled(stack, chosen.build))
    except (CannotStart, PartFailed) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""`swapdrop run --devices`: one consumer process for each device, started again when it dies.

A child's standard input is its lifeline: nothing is ever written to it, and when it ends, the supervisor
has died, whichever way, and the child drains. So no consumer goes on with nobody to restart or stop it.
"""

import asyncio
import os
import random
import re
import signal
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import structlog

from consumer.children import python_command
from consumer.config.group import SettingsError
from consumer.config.settings import Settings
from consumer.devices.memory import memory_limit_bytes, processes_for_segments

if TYPE_CHECKING:
    from asyncio.subprocess import Process

    from consumer.app import Consumer

COMMAND: Final = python_command("consumer", "run", "--supervised")
_CPU: Final = "cpu"
_A_PROCESS_EACH: Final = frozenset({_CPU, "cuda", "tensorrt"})
_GPU: Final = re.compile(r"\d+|(GPU|MIG)-[\w/-]+")  # what CUDA_VISIBLE_DEVICES understands
_LAST_PORT: Final = 65_535
_SPARE_S: Final = 25.0  # over the grace: jobs are given back, senders called, traces sent, each for seconds

_log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True)
class Child:
    """One consumer to keep running; `name` is its device's, for people."""

    name: str
    environ: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class RestartPolicy:
    """How a child that died is started again.

    After `first_s` seconds, twice as many each further time up to `longest_s`, less up to half at random;
    its deaths are forgotten once it has lived for `healthy_s`. When each child has died `give_up_after` times
    on end, the machine is taken for unfit.
    """

    first_s: float = 1.0
    longest_s: float = 60.0
    healthy_s: float = 60.0
    give_up_after: int = 5

    def delay_s(self, deaths: int, rng: random.Random) -> float:
        """Seconds to wait after a death, the `deaths`-th on end."""
        longest = min(self.first_s * 2 ** (deaths - 1), self.longest_s)
        return float(longest * rng.uniform(0.5, 1))


class Supervisor:
    """Keeps each child running with `command` until told to stop.

    Those that have not ended `kill_after_s` seconds after the first signal are killed.
    """

    def __init__(
        self,
        children: Sequence[Child],
        *,
        kill_after_s: float,
        command: Sequence[str] = COMMAND,
        policy: RestartPolicy | None = None,
        rng: random.Random | None = None,
    ) -> None:
        self._children = children
        self._kill_after_s = kill_after_s
        self._command = command
        self._policy = policy or RestartPolicy()
        self._rng = rng or random.Random()  # noqa: S311 -- spreads restarts, guards nothing
        self._running: dict[str, Process] = {}
        self._deaths = dict.fromkeys((child.name for child in children), 0)
        self._stopping = asyncio.Event()
        self._failed = False

    async def run(self) -> int:
        """Work until `stop`, SIGTERM or SIGINT, which each child is told of, and all children have ended.

        Returns 0 then, and 1 when the children did not stay alive here or one of them had to be killed.
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
        try:
            async with asyncio.TaskGroup() as group:
                for child in self._children:
                    group.create_task(self._keep(child))
        finally:
            self._kill()
        return int(self._failed)

    def stop(self) -> None:
        """Have each child drain and start none again; called again, have them give their jobs back."""
        if not self._stopping.is_set():
            asyncio.get_running_loop().call_later(self._kill_after_s, self._kill)
        self._stopping.set()
        for process in self._running.values():
            _tell(process)

    async def _keep(self, child: Child) -> None:
        while not self._stopping.is_set():
            began = time.monotonic()
            ended = await self._run_once(child)
            if self._stopping.is_set():
                return
            self._deaths[child.name] += 1
            if min(self._deaths.values()) >= self._policy.give_up_after:
                _log.error("giving_up", deaths=dict(self._deaths))
                self._failed = True
                self.stop()
                return
            delay_s = self._policy.delay_s(self._deaths[child.name], self._rng)
            _log.warning(
                "consumer_died",
                device=child.name,
                exit_code=ended,
                lived_s=round(time.monotonic() - began, 1),
                deaths=self._deaths[child.name],
                again_in_s=round(delay_s, 2),
            )
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), delay_s)

    async def _run_once(self, child: Child) -> int | str:
        """Run a child to its end; returns its exit code, or why it could not be started."""
        try:
            process = await asyncio.create_subprocess_exec(
                *self._command,
                env=dict(child.environ),
                stdin=asyncio.subprocess.PIPE,
                start_new_session=True,  # Ctrl-C is for the supervisor, which passes it on once
            )
        except OSError as error:  # no process or memory to be had: no reason to end the others
            return str(error)
        self._running[child.name] = process
        _log.info("consumer_started", device=child.name, pid=process.pid)
        if self._stopping.is_set():
            _tell(process)
        forgiving = asyncio.get_running_loop().call_later(self._policy.healthy_s, self._forgive, child)
        exit_code = await process.wait()
        forgiving.cancel()
        del self._running[child.name]
        return exit_code

    def _forgive(self, child: Child) -> None:
        self._deaths[child.name] = 0

    def _kill(self) -> None:
        for name, process in self._running.items():
            self._failed = True
            _log.error("consumer_killed", device=name, pid=process.pid)
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def plan_children(devices: str, settings: Settings, environ: Mapping[str, str]) -> list[Child]:
    """One child for each of `devices`: GPUs by number or id, or `cpu`, separated by commas.

    Each sees its own GPU only, and has its own health port: the one in the settings and those after it, or
    free ones for 0. What memory the container has, and the cores for processes that make segments of videos,
    are shared out evenly. Raises SettingsError.
    """
    names = [name.strip() for name in devices.split(",")]
    port, limit = settings.health_port, memory_limit_bytes(settings)
    if port and port + len(names) - 1 > _LAST_PORT:
        raise SettingsError(f"SWAPDROP_HEALTH_PORT: {len(names)} ports from {port} on are needed.")
    children = []
    for number, name in enumerate(names):
        label = name if names.count(name) == 1 else f"{name}#{number}"
        own = {"SWAPDROP_DEVICE": label, "SWAPDROP_HEALTH_PORT": str(port and port + number)}
        if settings.memory_limit_bytes is None and limit is not None:
            own["SWAPDROP_MEMORY_LIMIT_BYTES"] = str(limit // len(names))
        if not settings.video_processes:
            own["SWAPDROP_VIDEO_PROCESSES"] = str(processes_for_segments(settings, sharers=len(names)))
        children.append(Child(name=label, environ={**environ, **own, **_device(name, settings, environ)}))
    return children


async def run_supervised(consumer: "Consumer", *, kill_after_s: float) -> int:
    """Run a consumer that drains when its standard input ends, because its supervisor has died then."""
    loop, lifeline = asyncio.get_running_loop(), sys.stdin.fileno()

    def ended() -> None:
        loop.remove_reader(lifeline)
        _log.warning("supervisor_died")
        consumer.stop()
        # Nobody is left to kill a process that hangs while it ends.
        last = threading.Timer(kill_after_s, os._exit, (1,))
        last.daemon = True
        last.start()

    loop.add_reader(lifeline, ended)
    return await consumer.run()


def kill_after_s(settings: Settings) -> float:
    """How long after its first signal a consumer must have ended, in seconds."""
    return settings.drain_grace_s + _SPARE_S


def _tell(process: "Process") -> None:
    with suppress(ProcessLookupError):
        process.send_signal(signal.SIGTERM)


def _device(name: str, settings: Settings, environ: Mapping[str, str]) -> dict[str, str]:
    """What makes a process see this device and no other."""
    provider = settings.provider
    if name == _CPU and provider == _CPU:
        return {}
    if provider not in _A_PROCESS_EACH:
        raise SettingsError(
            f"--devices: a process for each device is for cuda, tensorrt and cpu; with {provider} start one "
            "`swapdrop run` for each."
        )
    if name == _CPU or not _GPU.fullmatch(name):
        raise SettingsError(f"--devices: {name!r} is no device for {provider}; give GPUs as 0,1 or cpu,cpu.")
    if provider == _CPU:
        raise SettingsError(f"--devices {name}: SWAPDROP_PROVIDER=cpu uses no GPU; set cuda, or give cpu.")
    visible = [entry for entry in environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if entry]
    if visible and name.isdigit():
        if int(name) >= len(visible):
            raise SettingsError(f"--devices: CUDA_VISIBLE_DEVICES shows {len(visible)} GPUs, from 0 on.")
        name = visible[int(name)]
    # Numbers as nvidia-smi shows them; CUDA's own order is by speed.
    return {"CUDA_VISIBLE_DEVICES": name, "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}

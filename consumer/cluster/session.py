"""The Ray that this process works with: one that runs already, or one of our own that ends with us."""

import asyncio
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Final

import structlog

from consumer.config.extras import how_to_add
from consumer.config.group import SettingsError
from consumer.config.groups.videos import LOCAL_RAY
from consumer.config.settings import Settings
from consumer.devices.cores import usable_cores
from consumer.devices.process_folder import ProcessFolder
from consumer.devices.worker import WorkerThread
from pipeline.errors import PipelineError

_STORE_BYTES: Final = 256 * 2**20
"""For orders and answers, some megabytes at most; whatever is larger goes by files."""
_STARTS: Final = 3
"""Ray gives a start up after half a minute, which on a busy machine is too short."""
_PROBE_S: Final = 10.0
"""Ray itself tries for a quarter of an hour to reach a machine that is not there."""
_ALWAYS: Final[Mapping[str, str]] = {"RAY_USAGE_STATS_ENABLED": "0"}
# The second is Ray's switch to keep to the loopback address, named for the systems where that is its default.
_OF_OUR_OWN: Final[Mapping[str, str]] = {
    "RAY_AUTH_MODE": "token",
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
}


_log = structlog.get_logger()


class ClusterUnavailable(PipelineError):
    """The Ray cluster could not be joined or started; `reason` is for whoever runs this machine."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"{reason} `swapdrop doctor` looks at it.")

    @property
    def for_sender(self) -> str:
        """Without what only whoever runs this machine can mend."""
        return "The machines that do the work cannot be reached."


@dataclass(frozen=True, kw_only=True)
class Places:
    """How many actors a cluster has room for, and whether each has a GPU of its own."""

    count: int
    with_gpu: bool


class RaySession:
    """A connection to Ray, of which a process can have one at a time; it is made when it is first needed.

    Raises SettingsError where Ray is not installed.
    """

    def __init__(self, settings: Settings) -> None:
        if find_spec("ray") is None:
            raise SettingsError(f"SWAPDROP_EXECUTOR: ray needs the extra `ray`: {how_to_add('ray')}")
        self._settings = settings
        # A Ray of our own ends with the thread that started it: the kernel sees to that.
        self._thread: WorkerThread | None = None
        # Else nobody could tell what a start that failed has left, or a process that was killed. Paths of
        # sockets in it must be short.
        base = Path(os.environ.get("RAY_TMPDIR", "/tmp"))  # noqa: S108 -- as Ray has it; the folder is private
        self._folder = ProcessFolder(base / f"ray-{os.getuid()}", chosen_by="RAY_TMPDIR")
        self._is_guest = False

    async def open(self) -> Places:
        """Join or start it, if that is not done yet; raises ClusterUnavailable."""
        tries = _STARTS if self._is_own else 1
        while self._thread is None:
            tries -= 1
            thread = WorkerThread(name="ray")
            try:
                await thread.run(self._connect, long=True)
            except BaseException as error:
                await self._leave(thread)
                if not (tries and isinstance(error, ClusterUnavailable)):
                    await asyncio.to_thread(self._folder.close)
                    raise
                _log.warning("ray_did_not_start", reason=str(error))
            else:
                self._thread = thread
        return self._places()

    async def close(self) -> None:
        """Leave it, or end it where it is our own, with its logs."""
        thread, self._thread = self._thread, None
        if thread is not None:
            await self._leave(thread)
            await asyncio.to_thread(self._folder.close)

    async def _leave(self, thread: WorkerThread) -> None:
        try:
            if not self._is_guest:
                await thread.run(load_ray().shutdown, long=True)
        finally:
            thread.close()

    def _connect(self) -> None:
        address, is_own = self._settings.ray_address, self._is_own
        for name, value in {**_ALWAYS, **(_OF_OUR_OWN if is_own else {})}.items():
            os.environ.setdefault(name, value)  # Ray reads nothing else, the first time it is imported
        try:
            if load_ray().is_initialized():  # we are part of something that runs there: a replica of Serve
                self._is_guest = True
                return
            if ":" in address:
                host, _, port = address.rpartition(":")
                socket.create_connection((host.strip("[]"), int(port)), _PROBE_S).close()
            own = self._own() if is_own else {}
            load_ray().init(address, log_to_driver=False, logging_level="error", **own)
        except Exception as error:
            where = "could not be started here" if is_own else f"at {address} could not be joined"
            raise ClusterUnavailable(f"Ray {where}: {str(error).strip() or type(error).__name__}") from error

    @property
    def _is_own(self) -> bool:
        return self._settings.ray_address == LOCAL_RAY

    def _own(self) -> Mapping[str, object]:
        settings = self._settings
        return {
            "_temp_dir": str(self._folder.path()),
            "num_cpus": settings.video_processes or usable_cores(),
            **({"num_gpus": 0} if settings.provider == "cpu" else {}),
            "include_dashboard": False,
            "object_store_memory": _STORE_BYTES,
        }

    def _places(self) -> Places:
        has = load_ray().cluster_resources()
        gpus, cpus = int(has.get("GPU", 0)), int(has.get("CPU", 0))
        return Places(count=self._settings.video_processes or gpus or max(1, cpus), with_gpu=gpus > 0)


def load_ray() -> ModuleType:
    """Ray, whose import takes a second, and which reads its variables then."""
    import ray  # noqa: PLC0415 -- see above; most run without

    return ray

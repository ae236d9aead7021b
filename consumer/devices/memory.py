"""How much memory this process holds, how much it may, and what that is enough for."""

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

from consumer.config.settings import Settings
from consumer.devices import cgroup
from consumer.devices.cores import usable_cores

_PROC: Final = Path("/proc")
_PROCESS_BYTES: Final = 512 * 2**20
"""A process with an engine and no frame yet: 0.25 GB with mesh, as measured, and more with larger ones."""
_SHARE: Final = 0.9  # of the container's memory; the kernel's own part and what is shared need the rest


def memory_limit_bytes(settings: Settings) -> int | None:
    """The limit in the settings, else nine tenths of the container's; None where there is neither."""
    if settings.memory_limit_bytes is not None:
        return settings.memory_limit_bytes
    container = cgroup.memory_bytes()
    return None if container is None else int(container * _SHARE)


def processes_for_segments(settings: Settings, *, sharers: int = 1) -> int:
    """How many processes make segments of videos where so many consumers share a machine.

    As many as the settings say, else one a core; no more than fit beside the consumer and decoded frames into
    the memory that each may have, where that has a limit: past it a consumer ends.
    """
    if settings.video_processes:
        return settings.video_processes
    cores, limit = usable_cores() // sharers, memory_limit_bytes(settings)
    if limit is None:
        return max(1, cores)
    own = limit if settings.memory_limit_bytes is not None else limit // sharers
    room = (own - settings.decoded_budget_bytes) // _PROCESS_BYTES - 1  # which is the consumer's
    return max(1, min(cores, room))


def own_bytes(status: Path = _PROC / "self" / "status") -> int:
    """Memory of this process' own.

    Files mapped from disk, such as libraries and models, are not counted where the kernel tells them apart
    (gVisor's does not): it drops them when it needs the room. Raises OSError, KeyError.
    """
    lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
    held = lines["RssAnon"] if "RssAnon" in lines else lines["VmRSS"]
    return int(held.split()[0]) * 1024


def bytes_of(pids: Iterable[int]) -> int:
    """Memory that other processes have of their own, as `own_bytes` counts; one that has ended has none."""
    held = 0
    for pid in pids:
        with suppress(OSError, KeyError):
            held += own_bytes(_PROC / str(pid) / "status")
    return held

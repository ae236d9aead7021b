"""How much memory this process holds, and how much it may."""

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

from consumer.config.settings import Settings
from consumer.devices import cgroup

_PROC: Final = Path("/proc")
_SHARE: Final = 0.9  # of the container's memory; the kernel's own part and what is shared need the rest


def memory_limit_bytes(settings: Settings) -> int | None:
    """The limit in the settings, else nine tenths of the container's; None where there is neither."""
    if settings.memory_limit_bytes is not None:
        return settings.memory_limit_bytes
    container = cgroup.memory_bytes()
    return None if container is None else int(container * _SHARE)


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

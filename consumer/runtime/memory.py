"""How much memory this process holds, and how much it may."""

from pathlib import Path
from typing import Final

from consumer.config.settings import Settings

_PROC: Final = Path("/proc/self")
_CGROUPS: Final = Path("/sys/fs/cgroup")
_SHARE: Final = 0.9  # of the container's memory; the kernel's own part and what is shared need the rest
_UNLIMITED_BYTES: Final = 2**60  # version 1 says "no limit" by a number near 2**63


def memory_limit_bytes(settings: Settings) -> int | None:
    """The limit in the settings, else nine tenths of the container's; None where there is neither."""
    if settings.memory_limit_bytes is not None:
        return settings.memory_limit_bytes
    container = container_limit_bytes()
    return None if container is None else int(container * _SHARE)


def own_bytes(status: Path = _PROC / "status") -> int:
    """Memory of this process' own.

    Files mapped from disk, such as libraries and models, are not counted where the kernel tells them apart
    (gVisor's does not): it drops them when it needs the room. Raises OSError, KeyError.
    """
    lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
    held = lines["RssAnon"] if "RssAnon" in lines else lines["VmRSS"]
    return int(held.split()[0]) * 1024


def container_limit_bytes(membership: Path = _PROC / "cgroup", root: Path = _CGROUPS) -> int | None:
    """What the kernel lets this process' control group have; None without one.

    Version 2 and 1 of control groups; in a container its own group is the root of what it sees.
    """
    try:
        lines = [line.split(":", 2) for line in membership.read_text().splitlines()]
    except OSError:
        return None
    limits = []
    for _, controllers, path in lines:
        if controllers == "":
            limits += [root / path.lstrip("/") / "memory.max", root / "memory.max"]
        elif "memory" in controllers.split(","):
            folder = root / "memory"
            limits += [folder / path.lstrip("/") / "memory.limit_in_bytes", folder / "memory.limit_in_bytes"]
    return next((limit for path in limits if (limit := _read_limit(path)) is not None), None)


def _read_limit(path: Path) -> int | None:
    try:
        limit = int(path.read_text())
    except (OSError, ValueError):  # not there, or "max"
        return None
    return limit if limit < _UNLIMITED_BYTES else None

"""What the kernel's control groups allow this process, where it is in one that is limited."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

PROC: Final = Path("/proc/self")
_CGROUPS: Final = Path("/sys/fs/cgroup")
_UNLIMITED: Final = 2**60  # version 1 says "no limit" by a number near 2**63


def memory_bytes(membership: Path = PROC / "cgroup", root: Path = _CGROUPS) -> int | None:
    """How much memory this process' group may have; None without a limit."""
    for folder, is_unified in _groups("memory", membership, root):
        text = _read(folder / ("memory.max" if is_unified else "memory.limit_in_bytes"))
        if text.isdecimal() and int(text) < _UNLIMITED:
            return int(text)
    return None


def cpus(membership: Path = PROC / "cgroup", root: Path = _CGROUPS) -> float | None:
    """How many processors' time this process' group may have; None without a limit."""
    for folder, is_unified in _groups("cpu", membership, root):
        names = ("cpu.max",) if is_unified else ("cpu.cfs_quota_us", "cpu.cfs_period_us")
        words = " ".join(_read(folder / name) for name in names).split()
        if len(words) == 2 and all(word.isdecimal() for word in words):  # noqa: PLR2004 -- quota and period
            return int(words[0]) / int(words[1])
    return None


def _groups(controller: str, membership: Path, root: Path) -> Iterator[tuple[Path, bool]]:
    """The folders of this process' groups, and whether one is of version 2.

    In a container its own group is the root of what it sees.
    """
    for line in _read(membership).splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            yield root / path.lstrip("/"), True
            yield root, True
        elif controller in controllers.split(","):
            yield root / controller / path.lstrip("/"), False
            yield root / controller, False


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""

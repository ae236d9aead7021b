"""How many processor cores there are for us."""

import math
import os

from consumer.devices import cgroup


def usable_cores() -> int:
    """Cores that this process may run on, and no more than its container has the time of."""
    # Only Linux says which cores are ours.
    ours = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    granted = cgroup.cpus()
    return ours if granted is None else max(1, min(ours, math.ceil(granted)))

"""The number of processor cores that this process may use."""

import os


def usable_cores() -> int:
    """Cores that this process may run on: fewer than the machine has in a container or under `taskset`."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

"""How many processor cores there are to work on."""

import os


def usable_cores() -> int:
    """Cores that this process may run on; fewer than the machine has where a container or a user said so."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

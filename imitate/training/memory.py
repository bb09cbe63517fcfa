"""Memory of this process: how much it has needed, and giving back what is free."""

import ctypes
import math
import sys
from pathlib import Path


def peak_memory_mb() -> float:
    """Most memory that this process ever held [MB]; NaN on Windows.

    On Linux, pages shared with other processes count in part.
    """
    try:
        import resource
    except ImportError:  # not POSIX
        return math.nan
    unit = 1.0 if sys.platform == "darwin" else 1024.0  # macOS counts in bytes, Linux in KiB
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    try:
        lines = Path("/proc/self/smaps_rollup").read_text(encoding="ascii").splitlines()[1:]
    except OSError:  # not Linux, or a container that forbids it
        return peak / 1e6
    held = {name: 1024.0 * float(size) for name, size, *_ in map(str.split, lines)}
    return (peak - held["Rss:"] + held["Pss:"]) / 1e6


def release_memory() -> None:
    """Gives freed memory back to the system where the C library is glibc."""
    # glibc keeps it in pieces that do not fit again, 100 MB of them within a minute.
    if sys.platform == "linux" and hasattr(libc := ctypes.CDLL(None), "malloc_trim"):
        libc.malloc_trim(0)

"""How much memory a process holds, and giving it back."""

import ctypes
import resource
import sys
from pathlib import Path


def peak_memory_mb() -> float:
    """Most memory that this process ever held [MB]; where Linux tells them, pages shared with others count in part."""
    unit = 1.0 if sys.platform == "darwin" else 1024.0  # macOS tells bytes, Linux KiB
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    try:
        told = Path("/proc/self/smaps_rollup").read_text(encoding="ascii").splitlines()[1:]
    except OSError:  # another system, or a container that forbids it
        told = []
    held = {name: 1024.0 * float(size) for name, size, *_ in map(str.split, told)}
    return (peak - held.get("Rss:", 0.0) + held.get("Pss:", 0.0)) / 1e6


def release_memory() -> None:
    """Gives freed memory back: glibc keeps it in pieces that do not fit again, 100 MB of them within a minute."""
    if hasattr(libc := ctypes.CDLL(None), "malloc_trim"):
        libc.malloc_trim(0)

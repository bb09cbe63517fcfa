"""Processes of the campaign of kills: their processor time, their end, and what outlives it. Linux only (/proc)."""

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

MARK = "SFV_CAMPAIGN"
"""Environment variable by which everything that a command starts is known, in whatever session."""
TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100


def find_marked(mark: str) -> list[int]:
    """Processes whose environment has the mark and that still run; zombies do not."""
    wanted, found = f"{MARK}={mark}\0".encode(), list[int]()
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            if wanted in (entry / "environ").read_bytes() and read_state(entry)[0] != "Z":
                found.append(int(entry.name))
        except OSError:  # it ended meanwhile, or is somebody else's
            continue
    return found


def read_state(entry: Path) -> tuple[str, float]:
    """State of a process, a letter, and the processor time that it and its dead children took [s]."""
    fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
    return fields[0], sum(int(fields[i]) for i in (11, 12, 13, 14)) / TICKS


def measure_seconds(mark: str) -> float:
    """Processor time of all marked processes so far [s]; grows, as long as parents wait for their children."""
    total = 0.0
    for process in find_marked(mark):
        try:
            total += read_state(Path("/proc") / str(process))[1]
        except OSError:
            continue
    return total


def measure_memory(process: int) -> float:
    """Memory of a process, its share of what it has in common with others (PSS) [MB]; 0 once it has ended."""
    try:
        rollup = (Path("/proc") / str(process) / "smaps_rollup").read_text()
    except OSError:
        return 0.0
    return next((float(line.split()[1]) * 1.024e-3 for line in rollup.splitlines() if line.startswith("Pss:")), 0.0)


def kill_group(leader: int) -> None:
    """`kill -9` of a whole process group."""
    with suppress(ProcessLookupError):
        os.killpg(leader, signal.SIGKILL)


def stop_for(mark: str, seconds: float) -> None:
    """Stops all marked processes for some time, as a laptop does that sleeps."""
    stopped = find_marked(mark)
    for number in (signal.SIGSTOP, signal.SIGCONT):
        for process in stopped:
            with suppress(ProcessLookupError):
                os.kill(process, number)
        time.sleep(seconds if number == signal.SIGSTOP else 0.0)


def wait_for_end(mark: str, seconds: float) -> list[int]:
    """Waits until nothing that is marked runs any more; what still does after that time."""
    until = time.monotonic() + seconds
    while (left := find_marked(mark)) and time.monotonic() < until:
        time.sleep(0.2)
    return left

"""One read in a process of its own: with limits of time and memory, its deeds watched, its end reported.

The process is forked from one that has imported everything, so that a read costs milliseconds. What Python does there
is seen through audit events (PEP 578): files opened to be written, connections, programs started, pickles loaded.
"""

import faulthandler
import json
import os
import select
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pose.errors import InputError, WorkError

CPU_SECONDS = 10
"""Processor time that a read may take [s]: on a busy machine the clock says nothing."""
WALL_SECONDS = 60.0
"""Time after which a process that waits for something is ended [s]."""
MEMORY = 2 * 1024**3
"""Memory that a read may take besides what the program itself has loaded [bytes]."""
LARGEST_FILE = 1024**3
FORBIDDEN = ("socket.connect", "socket.getaddrinfo", "socket.bind", "urllib.Request", "ftplib.connect")
STARTING = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.startfile", "pty.spawn")
CODE = ("pickle.find_class", "ctypes.dlopen")


@dataclass(frozen=True)
class Outcome:
    """What became of a read."""

    verdict: str
    """refused, read, or a fault: traceback, unsound, slow, memory, crash, wrote, network, started, code."""
    text: str
    """The line for the user, or what went wrong."""
    seconds: float
    """Processor time [s]."""

    @property
    def is_fault(self) -> bool:
        """Whether the program did what it must not do."""
        return self.verdict not in ("refused", "read")


def run_confined(read: Callable[[Path], str], path: Path, folder: Path) -> Outcome:
    """Reads a file in a process of its own; its working folder is `folder`, the only place where it may write.

    Args:
      read: returns what was read, in words.
      path: what it is given.
      folder: made for it; removed afterwards.
    """
    folder.mkdir(parents=True, exist_ok=True)
    receiver, sender = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(receiver)
        _run_child(read, path, folder, sender)
    os.close(sender)
    try:
        said = _receive(receiver)
    finally:
        os.close(receiver)
        _end(child)
    _, status, used = os.wait4(child, 0)
    shutil.rmtree(folder, ignore_errors=True)
    return _to_outcome(said, status, used.ru_utime + used.ru_stime)


def _receive(receiver: int) -> dict[str, Any] | None:
    """What the child reports; None if it ends or hangs without a word."""
    content, until = b"", time.monotonic() + WALL_SECONDS
    while (left := until - time.monotonic()) > 0 and select.select([receiver], [], [], left)[0]:
        chunk = os.read(receiver, 65536)
        if not chunk:
            return json.loads(content) if content else None
        content += chunk
    return {"verdict": "slow", "text": f"no end after {WALL_SECONDS:.0f} s", "seconds": WALL_SECONDS}


def _end(child: int) -> None:
    """Ends what is left of the child and what it started."""
    for kill, number in ((os.killpg, child), (os.kill, child)):
        try:
            kill(number, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            continue


def _to_outcome(said: dict[str, Any] | None, status: int, seconds: float) -> Outcome:
    if said is not None:
        return Outcome(**said)
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        if number in (signal.SIGXCPU, signal.SIGKILL):
            return Outcome("slow", f"over {CPU_SECONDS} s of processor time", seconds)
        return Outcome("crash", f"ended by {signal.Signals(number).name}", seconds)
    return Outcome("crash", f"ended with exit code {os.WEXITSTATUS(status)} without a word", seconds)


def _run_child(read: Callable[[Path], str], path: Path, folder: Path, sender: int) -> None:
    """The whole life of the child; never returns."""
    outcome = Outcome("crash", "the confinement failed", 0.0)
    try:
        faulthandler.disable()
        os.setsid()
        os.chdir(folder)
        # What the child may touch further is a log; what it prints is nobody's.
        log = os.open("log", os.O_WRONLY | os.O_CREAT, 0o600)
        os.dup2(log, 1)
        os.dup2(log, 2)
        deeds = _watch(folder)
        limit_process()
        begin = time.process_time()
        verdict, text = _read(read, path)
        outcome = Outcome(verdict, text, time.process_time() - begin)
        if deeds:
            verdict, _, text = deeds[0].partition(": ")
            outcome = Outcome(verdict, text, outcome.seconds)
    except BaseException:
        outcome = Outcome("crash", traceback.format_exc(limit=-2), 0.0)
    finally:
        os.write(sender, json.dumps(asdict(outcome)).encode())
        os._exit(0)


def limit_process() -> None:
    """Limits this process to `CPU_SECONDS`, `MEMORY` and `LARGEST_FILE`."""
    import resource

    used = next(int(line.split()[1]) for line in Path("/proc/self/status").read_text().splitlines() if "VmData" in line)
    memory = 1024 * used + MEMORY
    resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
    spent = int(sum(resource.getrusage(resource.RUSAGE_SELF)[:2])) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (spent + CPU_SECONDS, spent + CPU_SECONDS + 1))
    resource.setrlimit(resource.RLIMIT_FSIZE, (LARGEST_FILE, LARGEST_FILE))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _watch(folder: Path) -> list[str]:
    """Notes what Python code does from now on that reading a file must not do; the list grows."""
    deeds, allowed = list[str](), (str(folder) + os.sep, "/dev/null", "/proc/")

    def note(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            name, mode, flags = arguments
            writes = (isinstance(mode, str) and any(c in mode for c in "wax+")) or (
                isinstance(flags, int) and bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))
            )
            if writes and isinstance(name, str | os.PathLike) and not str(Path(name).absolute()).startswith(allowed):
                deeds.append(f"wrote: {name}")
        elif event in FORBIDDEN:
            deeds.append(f"network: {event} {arguments[1:] or arguments}")
        elif event in STARTING:
            deeds.append(f"started: {event} {arguments[:2]}")
        elif event in CODE:
            deeds.append(f"code: {event} {arguments}")

    sys.addaudithook(note)
    return deeds


def _read(read: Callable[[Path], str], path: Path) -> tuple[str, str]:
    """Verdict and text of a read, by how it ends."""
    try:
        return "read", read(path)
    except (InputError, WorkError) as error:
        line = str(error)
        if "\n" in line.strip() or len(line) < 10:
            return "traceback", f"not one line: {line!r}"
        return "refused", line
    except MemoryError:
        return "memory", traceback.format_exc(limit=-3)
    except UnsoundError as error:
        return "unsound", str(error)
    except Exception as error:
        kind = "memory" if "cannot allocate" in str(error).lower() else "traceback"
        return kind, traceback.format_exc(limit=-4)


class UnsoundError(Exception):
    """What was read is nothing that the next stage could use, and nothing was said."""

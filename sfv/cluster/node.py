"""What a machine does with a unit: fetches what is stored of it, runs its command, and keeps the store up to date."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import filelock

from pose.errors import WorkError
from sfv import __version__
from sfv.cluster.snapshot import Snapshots
from sfv.cluster.store import Store, TakenOverError, UnitStore, locate
from sfv.cluster.unit import STOPPED, Unit, explain_end, start_command

SCRATCH_VARIABLE = "SFV_SCRATCH"
"""Environment variable that names the folder for the work of this machine; the one for temporary files by default."""
PREFIX = "sfv-unit-"
YOUNG_SECONDS = 60.0
"""Age from which a folder without a lock is nobody's: a younger one may be about to be locked [s]."""
LOOK_SECONDS = 0.5
"""Time between two looks at the command and its marks [s]."""
LONGEST_SAVE = 90.0
"""Time that a command has to save and end when it is asked to [s]."""
RETRIES = 5
"""At the last copy, where the store does not answer; each waits twice as long as the one before."""


@dataclass(frozen=True)
class Order:
    """All that a machine must know of a unit."""

    unit: Unit
    url: str
    """Of the store."""
    mark: str
    """The store's name for itself."""
    input_digest: str
    asked: str
    """Digest of command, input and program: what is finished for it is not done again."""
    version: str = __version__


@dataclass(frozen=True)
class Outcome:
    """How a unit ended on a machine, and what that took."""

    error: str
    """Why it failed, in a line, or ''."""
    machine: str
    attempt: int = 0
    """Counts the machines that worked on it; 0 if it was finished before."""
    seconds: float = 0.0
    """Wall clock of its command [s]."""
    fetch_seconds: float = 0.0
    push_seconds: float = 0.0
    """Wall clock of the last copy to the store; those before do not hold up the command [s]."""
    bytes_read: int = 0
    bytes_sent: int = 0


def do_unit(order: Order, machine: str) -> Outcome:
    """Runs a unit on this machine; Ctrl-C, or the engine's request, ends it when all is saved.

    Args:
      order: what to do.
      machine: name of this machine, for messages.
    """
    try:
        return _do_unit(order, machine)
    except (WorkError, OSError) as error:
        return Outcome(f"{type(error).__name__}: {error}" if isinstance(error, OSError) else str(error), machine)


def _do_unit(order: Order, machine: str) -> Outcome:
    if order.version != __version__:
        raise WorkError(f"{machine} has version {__version__}, this is {order.version}; install the same everywhere")
    store, unit = Store(order.url), order.unit
    store.check_mark(order.mark, machine)
    kept, begun = UnitStore(store, unit.name), time.monotonic()
    found = kept.newest()
    if found is not None and found.finished == order.asked:
        return Outcome("", machine)
    with make_scratch() as work:
        folder, log = work / unit.name, work / f"{unit.name}.log"
        manifest = kept.claim()
        read = kept.fetch(folder, log)
        whole = {path: digest for path, digest in manifest.files.items() if locate(path, folder, log).is_file()}
        manifest = replace(manifest, files=whole)  # what is damaged in the store is made again, and put there again
        if unit.after and not manifest.files:
            read += UnitStore(store, unit.after).fetch(folder, work / "after.log", unit.shared)
        file = store.get_input(order.input_digest, unit.input.name, work / "input")
        read += file.stat().st_size
        outcome = Outcome("", machine, manifest.attempt, 0.0, time.monotonic() - begun, 0.0, read)
        snapshots = Snapshots(kept, folder, log, manifest)
        return _run(order, outcome, file, snapshots)


def _run(order: Order, outcome: Outcome, file: Path, snapshots: Snapshots) -> Outcome:
    """Runs the command to its end, and copies what it leaves."""
    log, unit = snapshots.log, order.unit
    size, begun = log.stat().st_size if log.is_file() else 0, time.monotonic()
    process, stopped = start_command(unit.make_command(file, snapshots.folder), log.parent, log), False
    try:
        while process.poll() is None:
            time.sleep(LOOK_SECONDS)
            if snapshots.is_due:
                with suppress(OSError):  # the store does not answer: the next look tries again
                    snapshots.push()
    except KeyboardInterrupt:
        stopped = True
        _end(process, signal.SIGTERM)  # saves as Ctrl-C does, which what a daemon starts may ignore
    except BaseException:  # taken over by another machine
        _end(process, signal.SIGTERM)
        raise
    seconds, ended = time.monotonic() - begun, time.monotonic()
    error = STOPPED if stopped else explain_end(process.wait(), log, size)
    _push_at_last(snapshots, "" if error else order.asked)
    return replace(
        outcome,
        error=error,
        seconds=seconds,
        push_seconds=time.monotonic() - ended,
        bytes_sent=snapshots.bytes_sent,
    )


def _end(process: subprocess.Popen[bytes], how: int) -> None:
    """Asks a command to end, and makes it."""
    with suppress(ProcessLookupError):
        process.send_signal(how)
    try:
        process.wait(LONGEST_SAVE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _push_at_last(snapshots: Snapshots, finished: str) -> None:
    for attempt in range(RETRIES):
        try:
            return snapshots.push(finished)
        except TakenOverError:
            raise
        except OSError:
            if attempt == RETRIES - 1:
                raise
            time.sleep(2.0**attempt)


@contextmanager
def make_scratch() -> Iterator[Path]:
    """A folder for one unit's work, removed at the end; what killed processes left of theirs goes at the beginning."""
    root = Path(os.environ.get(SCRATCH_VARIABLE) or tempfile.gettempdir())
    root.mkdir(parents=True, exist_ok=True)
    for left in root.glob(f"{PREFIX}*"):
        with suppress(OSError, filelock.Timeout):  # somebody's work, or somebody else's
            if time.time() - left.stat().st_mtime > YOUNG_SECONDS:
                with filelock.FileLock(left / ".lock", timeout=0):
                    pass
                shutil.rmtree(left)
    work = Path(tempfile.mkdtemp(prefix=PREFIX, dir=root))
    try:
        with filelock.FileLock(work / ".lock"):
            yield work
    finally:
        shutil.rmtree(work, ignore_errors=True)

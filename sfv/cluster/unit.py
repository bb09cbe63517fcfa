"""A unit of work: a command in a folder of its own. Whoever runs it need not know what it does."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from sfv.exit_codes import EXIT_INPUT, EXIT_INTERRUPTED
from sfv.installation import ROOT
from sfv.parent import VARIABLE

PAUSE = 1.0
"""Time between two looks at what is done [s]."""
STOPPED = "stopped"
"""Why a unit ended that was asked to."""


@dataclass(frozen=True)
class Unit:
    """A command that works in a folder and, run again, goes on from what it left there."""

    name: str
    """Of its folder; legal on every system."""
    words: tuple[str, ...]
    """Arguments of Python, in which `{input}` and `{folder}` stand for the input file and the folder."""
    input: Path
    """The file that it reads."""
    after: str = ""
    """The unit that it waits for; empty for none."""
    until: str = ""
    """Pattern of the file in that unit's folder, such as `3_draft/*/stage.json`, at which the waiting ends."""
    shared: tuple[str, ...] = ()
    """Files and folders in that unit's folder of which it begins with a copy."""

    def make_command(self, file: Path, folder: Path) -> list[str]:
        """The command for these places, on this machine."""
        return [sys.executable, *(word.format(input=file, folder=folder) for word in self.words)]


class Engine(Protocol):
    """Runs units somewhere. `run_units` says when."""

    def submit(self, unit: Unit) -> None:
        """Takes a unit, which begins when there is room for it."""
        ...

    def poll(self) -> Mapping[str, str]:
        """Units that have ended since the last call, with their folders in place: name -> why they failed, or ''."""
        ...

    def holds(self, name: str, pattern: str) -> bool:
        """Whether a unit that is at work has finished a file."""
        ...

    def stop(self) -> None:
        """Asks all units to save what they have and to end, and waits for it."""
        ...


def run_units(
    engine: Engine, units: list[Unit], report: Callable[[str, str], None], progress: Callable[[int, int], None]
) -> dict[str, str]:
    """Runs all units, each when the one that it waits for is far enough, or has ended.

    Args:
      engine: that runs them.
      units: in order of preference.
      report: called with a unit's name and why it failed, or '', when it has ended.
      progress: called with the number of units that have ended, and of all.

    Returns:
      Why each failed, by name, or ''.

    Raises:
      KeyboardInterrupt: Ctrl-C; all have saved what they had, and the same call goes on.
    """
    waiting, done = list(units), dict[str, str]()
    try:
        while len(done) < len(units):
            for unit in [unit for unit in waiting if _may_begin(unit, done, engine)]:
                waiting.remove(unit)
                engine.submit(unit)
            for name, error in engine.poll().items():
                done[name] = error
                report(name, error)
            progress(len(done), len(units))
            if len(done) < len(units):
                time.sleep(PAUSE)
    except BaseException:  # Ctrl-C, and a full disk: no unit is left to itself
        engine.stop()
        raise
    return done


def _may_begin(unit: Unit, done: Mapping[str, str], engine: Engine) -> bool:
    return not unit.after or unit.after in done or engine.holds(unit.after, unit.until)


def start_command(command: list[str], work: Path, log: Path) -> subprocess.Popen[bytes]:
    """Starts a command that ends with this process, in a group of its own; what it prints is added to `log`."""
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]  # the same program, wherever it works
    with open(log, "ab") as file:
        return subprocess.Popen(
            command,
            cwd=work,
            stdin=subprocess.PIPE,
            stdout=file,
            stderr=subprocess.STDOUT,
            env=os.environ | {VARIABLE: "yes", "PYTHONPATH": os.pathsep.join(paths)},
            start_new_session=True,
        )


def explain_end(code: int, log: Path, begun: int) -> str:
    """Why a command failed, in a line, or ''.

    Args:
      code: that it ended with.
      log: what it printed.
      begun: size of the log when it began [bytes].
    """
    if code == 0:
        return ""
    with open(log, "rb") as file:
        file.seek(begun)
        lines = file.read().decode("utf-8", errors="replace").strip().splitlines()
    if code in (EXIT_INPUT, EXIT_INTERRUPTED) and lines:
        return lines[-1].removeprefix("error: ")
    return f"ended with exit code {code}; see {log.name}"

"""Units as processes of this machine."""

import os
import shutil
import signal
import subprocess
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from sfv.cluster.node import LONGEST_SAVE
from sfv.cluster.unit import STOPPED, Unit, explain_end, start_command


class LocalEngine:
    """Runs some units at once, each in its folder in `out`, its log beside it."""

    def __init__(self, out: Path, jobs: int):
        self.out = out
        self._pool = ThreadPoolExecutor(jobs)
        self._running = dict[str, Future[str]]()
        self._begun = list[subprocess.Popen[bytes]]()
        self._stopping = False

    def submit(self, unit: Unit) -> None:
        """Takes a unit, which begins when there is room for it."""
        self._running[unit.name] = self._pool.submit(self._run, unit)

    def poll(self) -> dict[str, str]:
        """Units that have ended since the last call: name -> why they failed, or ''."""
        ended = [name for name, future in self._running.items() if future.done()]
        return {name: self._running.pop(name).result() for name in ended}

    def holds(self, name: str, pattern: str) -> bool:
        """Whether a unit has finished a file."""
        return any((self.out / name).glob(pattern))

    def stop(self) -> None:
        """Asks all units to save what they have and to end, and waits for it."""
        self._stopping = True
        for future in self._running.values():
            future.cancel()
        begun = list(self._begun)
        for process in begun:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)  # SIGINT is ignored by what a shell starts in its background
        for process in begun:
            try:
                process.wait(LONGEST_SAVE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._pool.shutdown()

    def _run(self, unit: Unit) -> str:
        if self._stopping:
            return STOPPED
        folder = self.out / unit.name
        if unit.after and not folder.exists():
            share_folder(self.out / unit.after, folder, unit.shared)
        log = self.out / f"{unit.name}.log"
        log.unlink(missing_ok=True)
        process = start_command(unit.make_command(unit.input, folder), Path.cwd(), log)
        self._begun.append(process)
        if self._stopping:  # was asked for while the folder was made ready
            process.send_signal(signal.SIGTERM)
        code = process.wait()
        self._begun.remove(process)
        return explain_end(code, log, 0)


def share_folder(first: Path, folder: Path, parts: tuple[str, ...]) -> None:
    """Makes a folder with what is finished of some parts of another; nothing if that lacks the first part.

    Hard links cost no space, and where there are none, it copies; a part that is made again replaces its files without
    touching the other folder's.
    """
    if not parts or not (first / parts[0]).exists():
        return
    work = folder.with_name(f".{folder.name}.{os.getpid()}.tmp")
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    for part in parts:
        own = first / part
        for path in sorted(own.rglob("*")) if own.is_dir() else [own]:
            if path.is_file() and not any(above.suffix in (".partial", ".old") for above in path.parents):
                copy = work / path.relative_to(first)
                copy.parent.mkdir(parents=True, exist_ok=True)
                _link(path, copy)
    work.rename(folder)  # whoever is killed here leaves all of it or nothing


def _link(path: Path, copy: Path) -> None:
    try:
        os.link(path, copy)
    except OSError:  # a file system without them
        shutil.copyfile(path, copy)

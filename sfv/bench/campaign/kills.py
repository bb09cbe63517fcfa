"""The campaign of kills: `kill -9` of a whole command at random moments, then the same command again.

What is asked: the same command ends with the result of one that nobody killed; nothing that was cut off is taken for
done; no process is left, and no file that the unbroken command does not leave. Every second kill is a power cut: files
that were not on disk for certain (fsync) are cut off at a random place.

A moment is a share of the processor time that the unbroken command takes: a busy machine changes nothing.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from imitate.policy import load_torch
from pose.files import HOST, sha256_of
from pose.video import read_frames
from sfv.bench.campaign.jobs import Job, drop_clock
from sfv.bench.campaign.processes import MARK, find_marked, kill_group, measure_seconds, stop_for, wait_for_end
from sfv.installation import ROOT
from sfv.parent import VARIABLE
from sfv.stage import write_json

POWER_CUT = Path(__file__).with_name("power_cut")
STRAY_SECONDS = 20.0
"""Time in which what a killed command started must see that it is alone [s]."""
LONGEST_SECONDS = 3600.0
"""Time after which a command is taken for hung [s]."""
HUNG = "hung"
"""Takes the place of the exit code of a command that did not end in `LONGEST_SECONDS`."""
TEMPORARY = re.compile(rf"\.(.+)\.{HOST}\.\d+\.tmp")
"""Name of a file that is being written, see `pose.files.replace_file`."""
CHAIN = 6
"""Kills of one run before it is let to its end."""
IDS = re.compile(r"\b[0-9a-f]{16}\b")
"""What the page calls jobs and uploads: at random."""
SLEEP_SECONDS = 3.0
"""Time for which all processes of a command are stopped [s]."""
LATER = 0.5
"""Share of the unbroken command's processor time within which later kills of a run come: less is left to do then."""
PASSING = ("*/tensorboard/*", "*/.lock", ".lock", "*.log", "made/*")
"""Files whose names differ between runs."""


@dataclass(frozen=True)
class Kill:
    """A kill, and what was found after it."""

    job: str
    chain: int
    moment: float
    """Processor time after which it came [s]."""
    at: str
    """The work that was in progress: the newest unfinished folder."""
    power_cut: bool
    fault: str = ""
    """What went wrong; empty where it was survived."""
    writing: str = ""
    """Files that were being written, by their names."""
    slept: bool = False
    """Whether the run that was let to its end was stopped for some seconds on its way, as a laptop that sleeps."""


@dataclass(frozen=True)
class Unbroken:
    """What a command leaves that nobody kills."""

    seconds: float
    """Processor time of it [s]."""
    results: dict[str, Any]
    files: list[str]
    program: str = ""
    """Digest of the program's files: what another one left is measured again."""


class Command:
    """A job's command in a folder, and all that it starts."""

    def __init__(self, job: Job, folder: Path, name: str):
        self.job, self.folder, self.name = job, folder, name
        self.log, self.temporary = folder.with_name("fsync.log"), folder.with_name("temporary")
        self.temporary.mkdir(exist_ok=True)
        self.slept = False

    def start(self) -> subprocess.Popen[bytes]:
        """Starts it in a process group of its own."""
        paths = [str(POWER_CUT), str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
        own = {MARK: self.name, "SFV_FSYNC_LOG": str(self.log), "TMPDIR": str(self.temporary), VARIABLE: "yes"}
        environment = os.environ | own | {"PYTHONPATH": os.pathsep.join(paths)}
        with open(self.folder.with_name("output.log"), "ab") as out:
            return subprocess.Popen(
                [sys.executable, "-m", self.job.module, *self.job.words],
                cwd=self.folder, env=environment, stdin=subprocess.PIPE,  # it ends with the campaign
                stdout=out, stderr=out, start_new_session=True,
            )  # fmt: skip

    def run_until(self, moment: float | None, sleep_at: float | None = None) -> tuple[int | str | None, float]:
        """Runs it to its end, or kills it after so much processor time [s]; makes it sleep after some on request.

        Returns:
          The exit code, None where it was killed, `HUNG` where it took too long; and the processor time.
        """
        process, spent, until = self.start(), 0.0, time.monotonic() + LONGEST_SECONDS
        while process.poll() is None:
            spent = max(spent, measure_seconds(self.name))
            hung = time.monotonic() > until
            if hung or (moment is not None and spent >= moment and self.wait_for_writing(process, until)):
                kill_group(process.pid)
                process.wait()
                return HUNG if time.monotonic() > until else None, spent
            if sleep_at is not None and spent >= sleep_at:
                self.slept, sleep_at = True, None
                stop_for(self.name, SLEEP_SECONDS)
            time.sleep(0.02 if moment is not None or sleep_at is not None else 0.2)
        return process.returncode, spent

    def wait_for_writing(self, process: subprocess.Popen[bytes], until: float) -> bool:
        """Waits until the job writes the file that kills are to hit, if they are; False if it ended before.

        Args:
          process: the command.
          until: moment of `time.monotonic` at which it is taken for hung [s].
        """
        if not self.job.writing:
            return True
        while not any(self.folder.glob(self.job.writing)):
            if process.poll() is not None:
                return False
            if time.monotonic() > until:
                break
            time.sleep(0.001)
        return True

    def list_files(self) -> list[str]:
        """Files in its folder, and in the one for temporary files, by their paths."""
        found = [path.relative_to(self.folder) for path in self.folder.rglob("*") if path.is_file()]
        kept = [path.as_posix() for path in found if not any(path.match(pattern) for pattern in PASSING)]
        kept = [name for name in kept if "/tensorboard/" not in name]
        kept += [f"TMPDIR/{path.name}" for path in self.temporary.iterdir()]
        return sorted({IDS.sub("ID", name) for name in kept})

    def read_results(self) -> dict[str, Any]:
        """What decides, without what the clock does."""
        found = sorted(self.folder.glob(self.job.results))
        return {path.relative_to(self.folder).as_posix(): read_result(path) for path in found}

    def last_line(self) -> str:
        """The last line that it printed."""
        log = self.folder.with_name("output.log")
        text = log.read_text(encoding="utf-8", errors="replace").strip() if log.is_file() else ""
        return text.splitlines()[-1] if text else ""


def read_result(path: Path) -> Any:
    """What a result says: JSON its content, weights their names, a film the sizes of its frames.

    Pictures differ a little each time they are drawn, weights where the budget of a training is time.
    """
    if path.suffix == ".json":
        return drop_clock(json.loads(path.read_text(encoding="utf-8")))
    if path.suffix == ".pt":
        return sorted(load_torch(path, "result"))
    return [list(image.shape) for _, image in read_frames(path)]


def name_end(code: int | str | None) -> str:
    """How a command ended, in words."""
    return HUNG if code == HUNG else f"exit code {code}"


def make_command(job: Job, folder: Path, name: str) -> Command:
    """A command in an empty folder with what it needs."""
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "work").mkdir(parents=True)
    job.prepare(folder / "work")
    return Command(job, folder / "work", name)


def run_unbroken(job: Job, folder: Path, name: str) -> Unbroken:
    """Runs a job without a kill; what an earlier campaign measured is read again."""
    kept, program = folder / f"unbroken_{job.name}.json", digest_program()
    if kept.is_file():
        known = Unbroken(**json.loads(kept.read_text(encoding="utf-8")))
        if known.program == program:
            return known
    command = make_command(job, folder / f"unbroken_{job.name}", name)
    code, seconds = command.run_until(None)
    if code != 0:
        raise RuntimeError(f"{job.name}: {name_end(code)} without any kill: {command.last_line()}")
    found = Unbroken(seconds, command.read_results(), command.list_files(), program)
    write_json(kept, asdict(found))
    return found


@cache
def digest_program() -> str:
    """SHA-256 of what decides results: the program's source files, without its benches."""
    files = sorted(path for part in ("pose", "reconstruct", "imitate", "sfv") for path in (ROOT / part).rglob("*.py"))
    files = [path for path in files if not path.is_relative_to(ROOT / "sfv" / "bench")]
    return hashlib.sha256("".join(map(sha256_of, files)).encode()).hexdigest()


def run_chain(job: Job, unbroken: Unbroken, folder: Path, number: int, name: str, seed: int = 0) -> list[Kill]:
    """Kills one run several times, lets it end, and compares."""
    rng = np.random.default_rng([seed, number, *job.name.encode()])
    command, kills = make_command(job, folder / f"chain_{job.name}", name), list[Kill]()
    for attempt in range(CHAIN):
        share = job.within if attempt == 0 or job.within < LATER else LATER
        moment, began = float(rng.uniform(0.0, share * unbroken.seconds)), time.time()
        code, spent = command.run_until(moment)
        if code is not None:  # what was left took less time than that
            if code != 0:
                kills.append(Kill(job.name, number, spent, "end", False, f"{name_end(code)}: {command.last_line()}"))
            break
        strays, power_cut = wait_for_end(name, STRAY_SECONDS), bool(rng.random() < 0.5)
        at, writing = find_work(command.folder, began), find_writing(command.folder, began)
        if power_cut:
            lose_unwritten(command.folder, command.log, began, rng)
        fault = f"{len(strays)} processes outlived it" if strays else ""
        for stray in strays:
            kill_group(stray)
        kills.append(Kill(job.name, number, spent, at, power_cut, fault, writing))
    fault = finish(command, unbroken, float(rng.uniform(0.0, LATER * unbroken.seconds)))
    kills = [replace(kill, slept=command.slept) for kill in kills]
    if fault:  # which of the kills it was is not known: none counts as survived
        kills = [replace(kill, fault=kill.fault or fault) for kill in kills]
    shutil.rmtree(command.folder.parent, ignore_errors=True)
    return kills


def find_work(folder: Path, began: float) -> str:
    """What a command that was begun then and killed was at: its newest unfinished stage."""
    partial = sorted(folder.rglob("*.partial"), key=lambda path: path.stat().st_mtime)
    if partial:
        return partial[-1].relative_to(folder).as_posix()
    touched = [path for path in folder.rglob("*") if path.is_file() and path.name != ".lock"]
    return "between stages" if any(path.stat().st_mtime >= began for path in touched) else "starting"


def find_writing(folder: Path, began: float) -> str:
    """Names of the files that a killed command was writing."""
    found = [TEMPORARY.fullmatch(path.name) for path in folder.rglob(".*.tmp") if path.stat().st_mtime >= began]
    return ", ".join(sorted({IDS.sub("ID", match[1]) for match in found if match}))


def lose_unwritten(folder: Path, log: Path, began: float, rng: np.random.Generator) -> None:
    """Cuts off what a power cut may cut off: files written since, and not synchronised as they are."""
    durable = {tuple(map(int, line.split())) for line in log.read_text().splitlines()} if log.is_file() else set()
    for path in sorted(folder.rglob("*")):
        if path.is_symlink() or not path.is_file():
            continue
        there = path.stat()
        if there.st_mtime >= began and (there.st_dev, there.st_ino, there.st_size) not in durable and there.st_size:
            os.truncate(path, int(rng.integers(0, there.st_size)))


def finish(command: Command, unbroken: Unbroken, sleep_at: float | None = None) -> str:
    """Runs a command to its end; what is not as it was without kills, or nothing."""
    code, _ = command.run_until(None, sleep_at)
    if code != 0:
        return f"{name_end(code)} after the kills: {command.last_line()}"
    found, files = command.read_results(), command.list_files()
    if command.job.exact and found != unbroken.results:
        return f"another result: {describe_difference(unbroken.results, found)}"
    if not command.job.exact and found.keys() != unbroken.results.keys():
        return f"results {', '.join(found)} instead of {', '.join(unbroken.results)}"
    left, gone = sorted(set(files) - set(unbroken.files)), sorted(set(unbroken.files) - set(files))
    if left or gone:
        return f"left over: {', '.join(left[:3]) or 'nothing'}; missing: {', '.join(gone[:3]) or 'nothing'}"
    return ""


def describe_difference(expected: dict[str, Any], found: dict[str, Any]) -> str:
    """The first value in which two results differ."""
    for file, content in expected.items():
        other = found.get(file)
        if not isinstance(content, dict) or not isinstance(other, dict):
            return file
        for name, value in content.items():
            if other.get(name) != value:
                return f"{name} is {other.get(name)}, without kills {value}"
    return "more files"


def run_campaign(
    folder: Path, jobs: list[Job], wanted: int, seed: int = 0, report: Callable[[int, int, str], None] = print
) -> list[Kill]:
    """Kills until there are so many; what an earlier attempt did counts.

    Args:
      folder: keeps what was found (`kills.jsonl`).
      jobs: what is killed, each for as much processor time as the others: a short one more often.
      wanted: number of kills.
      seed: of the moments.
      report: called with the number of kills, of those wanted, and the job.
    """
    folder.mkdir(parents=True, exist_ok=True)
    kept, name = folder / "kills.jsonl", f"{os.getpid()}-{tempfile.gettempprefix()}"
    done = list(read_kills(kept))
    chains = {job.name: 1 + max((kill.chain for kill in done if kill.job == job.name), default=-1) for job in jobs}
    seconds = dict.fromkeys(chains, 0.0)
    while len(done) < wanted:
        job = min(jobs, key=lambda job: (chains[job.name] * seconds[job.name], chains[job.name]))
        report(len(done), wanted, job.name)
        unbroken = run_unbroken(job, folder, name)
        seconds[job.name] = unbroken.seconds
        kills = run_chain(job, unbroken, folder, chains[job.name], name, seed)
        chains[job.name] += 1
        with open(kept, "a", encoding="utf-8") as file:
            file.writelines(json.dumps(asdict(kill)) + "\n" for kill in kills)
        done += kills
    for stray in find_marked(name):
        kill_group(stray)
    return done


def read_kills(path: Path) -> Iterator[Kill]:
    """The kills of an earlier attempt; a line that was cut off is left out."""
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else ():
        try:
            yield Kill(**json.loads(line))
        except (ValueError, TypeError):
            continue

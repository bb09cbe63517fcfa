"""What the page was asked to do: one job after the other, each in a process of its own, none forgotten.

A job is a call of the Python API. Its state lies in a file, so closing the page, or ending the program and starting it
again, loses nothing; stages that are done are skipped when a job goes on.
"""

import json
import os
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from pose.errors import InputError
from pose.files import remove_leftovers, replace_file
from sfv.exit_codes import EXIT_INTERRUPTED
from sfv.parent import VARIABLE as PARENT

Action = Literal["clip", "retarget", "complete", "export"]
State = Literal["waiting", "running", "done", "failed", "stopped"]
OPEN = ("waiting", "running")
OWN_FOLDER = ".app"
"""Folder in the runs folder for uploads and jobs."""
STOP_S = 90.0
"""Time that a job has to save what it has when it is asked to stop [s]."""
LOG_LINES, LOG_BYTES = 12, 20_000
"""Last lines of a job's log that the page shows, and the end of the log in which they are looked for."""


@dataclass(frozen=True)
class Job:
    """One call of the Python API."""

    id: str
    action: Action
    run: str
    """Name of the run's folder that it works in."""
    arguments: dict[str, Any]
    """Of the API's function, as JSON knows them."""
    state: State = "waiting"
    message: str = ""
    """Why it failed, in one line."""
    created: float = field(default_factory=time.time)
    """Seconds since 1970."""
    order: float = field(default_factory=time.time)
    """Place in the queue: when it was asked for last [s since 1970]."""


class Jobs:
    """The jobs in a folder, and the thread that does them."""

    def __init__(self, folder: Path, runs: Path):
        self.folder, self.runs = folder, runs
        folder.mkdir(parents=True, exist_ok=True)
        remove_leftovers(folder)  # of a program that was killed
        self._lock = threading.Condition()
        self._process: tuple[str, subprocess.Popen[bytes]] | None = None
        self._stopped = False
        """The running job was asked to stop."""
        self._closing = False
        self._jobs = {job.id: job for job in map(_read_job, sorted(folder.glob("*.job.json"))) if job}
        for job in list(self._jobs.values()):
            if job.state in OPEN:  # the program ended in between
                self._put(replace(job, state="stopped", message=""))
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def list(self) -> list[Job]:
        """All jobs, the newest first."""
        with self._lock:
            return sorted(self._jobs.values(), key=lambda job: -job.created)

    def add(self, action: Action, run: str, arguments: Mapping[str, Any]) -> Job:
        """Queues a job.

        Raises:
          InputError: the same run is worked on already.
        """
        with self._lock:
            if any(job.run == run and job.state in OPEN for job in self._jobs.values()):
                raise InputError(f"{run}: is worked on already; stop that first, or wait for it")
            job = Job(secrets.token_hex(8), action, run, dict(arguments))
            self._put(job)
            self._lock.notify_all()
            return job

    def go_on(self, key: str) -> Job:
        """Queues a job again that was stopped or failed; what is done is skipped.

        Raises:
          InputError: there is no such job, or its run is worked on.
        """
        with self._lock:
            job = self._find(key)
            if any(other.run == job.run and other.state in OPEN for other in self._jobs.values()):
                raise InputError(f"{job.run}: is worked on already")
            job = replace(job, state="waiting", message="", order=time.time())
            self._put(job)
            self._lock.notify_all()
            return job

    def stop(self, key: str) -> Job:
        """Takes a job out of the queue, or asks it to save and end.

        Raises:
          InputError: there is no such job.
        """
        with self._lock:
            job = self._find(key)
            if job.state == "waiting":
                job = replace(job, state="stopped")
                self._put(job)
            elif self._process and self._process[0] == key:
                self._stopped = True
                _interrupt(self._process[1])
            return job

    def progress(self, job: Job) -> dict[str, Any]:
        """What a job last reported: stage, done, total, note, seconds; and the end of its log."""
        found: dict[str, Any] = {}
        with suppress(OSError, ValueError):  # not begun yet
            found = json.loads(self._path(job, "progress.json").read_text(encoding="utf-8"))
        try:
            with open(self._path(job, "log"), "rb") as file:
                file.seek(max(0, file.seek(0, os.SEEK_END) - LOG_BYTES))
                lines = file.read().decode("utf-8", "replace").splitlines()
        except OSError:
            lines = []
        return {**found, "log": lines[-LOG_LINES:]}

    def close(self) -> None:
        """Ends the running job in good order."""
        with self._lock:
            self._closing = True
            process = self._process[1] if self._process else None
            if process:
                self._stopped = True
                _interrupt(process)
            self._lock.notify_all()
        self._thread.join(timeout=STOP_S)
        if process and process.poll() is None:
            process.kill()

    def _find(self, key: str) -> Job:
        if key not in self._jobs:
            raise InputError("there is no such job")
        return self._jobs[key]

    def _put(self, job: Job) -> None:
        self._jobs[job.id] = job
        with replace_file(self._path(job, "job.json")) as temporary:
            temporary.write_text(json.dumps(asdict(job), indent=1), encoding="utf-8")

    def _path(self, job: Job, kind: str) -> Path:
        return self.folder / f"{job.id}.{kind}"

    def _work(self) -> None:
        """Body of the thread."""
        while True:
            with self._lock:
                while not self._closing and not self._next():
                    self._lock.wait()
                if self._closing:
                    return
                job = self._next()
                assert job is not None
                try:
                    job = replace(job, state="running")
                    self._put(job)
                    process = self._start(job)
                except OSError as error:  # a full disk, for one
                    self._jobs[job.id] = replace(job, state="failed", message=f"could not be begun: {error}")
                    continue
                self._process, self._stopped = (job.id, process), False
            code = process.wait()
            with self._lock:
                self._process = None
                ended = self._end(job, code)
                self._jobs[job.id] = ended
                with suppress(OSError):
                    self._put(ended)

    def _next(self) -> Job | None:
        waiting = [job for job in self._jobs.values() if job.state == "waiting"]
        return min(waiting, key=lambda job: job.order, default=None)

    def _start(self, job: Job) -> subprocess.Popen[bytes]:
        """Starts the process of a job."""
        self._path(job, "progress.json").unlink(missing_ok=True)
        files = [str(self._path(job, kind)) for kind in ("job.json", "progress.json")]
        command = [sys.executable, "-m", "sfv.app.worker", *files, str(self.runs)]
        # Its standard input is a pipe that nobody writes to: it ends with this program, however that ends.
        environment = {**os.environ, PARENT: "1"}
        group: dict[str, Any] = {"start_new_session": True}
        if os.name == "nt":
            group = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}  # pyright: ignore[reportAttributeAccessIssue]
        with open(self._path(job, "log"), "wb") as log:
            return subprocess.Popen[bytes](
                command, stdin=subprocess.PIPE, stdout=log, stderr=log, env=environment, **group
            )

    def _end(self, job: Job, code: int) -> Job:
        """What became of a job, by the exit code of its process."""
        if code == 0:
            return replace(job, state="done")
        if code == EXIT_INTERRUPTED or self._stopped:
            return replace(job, state="stopped")
        errors = [line for line in self.progress(job)["log"] if line.startswith("error: ")]
        why = errors[-1].removeprefix("error: ") if errors else f"the work ended with exit code {code}; see its log"
        return replace(job, state="failed", message=why)


def _read_job(path: Path) -> Job | None:
    try:
        return Job(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None  # damaged: the run itself is not


def _interrupt(process: subprocess.Popen[bytes]) -> None:
    """Ctrl-C for a process."""
    process.send_signal(signal.CTRL_BREAK_EVENT if os.name == "nt" else signal.SIGINT)  # pyright: ignore[reportAttributeAccessIssue]

"""Training a policy: starts the processes that run `loop.train`, waits for them and ends them."""

import errno
import multiprocessing
import os
import signal
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any, cast

import torch
import torch.distributed as dist

from imitate.env.task import Task
from imitate.policy import Policy
from imitate.tracking.draft import Draft
from imitate.tracking.track import TrackConfig, track_motion
from imitate.training.bearable_noise import find_bearable_std
from imitate.training.config import ResolvedTrainConfig, TrainConfig
from imitate.training.job import Job
from imitate.training.loop import BEST_POLICY, TrainingStatus, train
from imitate.training.ppo import NonFiniteError
from imitate.training.process_group import TIMEOUT, ProcessGroup, use_loopback
from imitate.training.start import Start
from imitate.training.torchrun import broadcast_job, own_process_group
from imitate.training.work_clock import work_seconds
from pose.cores import usable_cores
from pose.errors import InputError, WorkError
from pose.parent import exit_after_parent
from pose.progress import Progress, silent

STOP_TIMEOUT = 60.0
"""Time that workers have to save and end when they are asked to [s]."""

ENDS = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))
"""Signals by which a system that shuts down, or a terminal that closes, asks processes to end."""

FULL = {getattr(errno, name) for name in ("ENOSPC", "EDQUOT", "EFBIG", "EROFS") if hasattr(errno, name)}
"""What is wrong with a disk that takes no more."""

Report = Callable[[TrainingStatus], None]


class TrainingError(WorkError):
    """Training failed; the message says why and what was kept."""


@dataclass(frozen=True)
class Training:
    """Result of a training."""

    policy: Policy
    """The best policy by the periodic evaluations."""
    summary: str
    """One line for people."""
    metrics: dict[str, Any]
    """Rows of `result.json` that training knows: samples, train_seconds, best_return, seed ..."""


def train_policy(
    task: Task,
    config: TrainConfig,
    folder: Path,
    progress: Progress = silent,
    draft: Draft | None = None,
    start: Start | None = None,
) -> Training:
    """Learns to perform a motion; continues from the folder's checkpoint if there is one of the same task.

    Leaves policy.pt (the best so far), checkpoint.pt, curves.csv and tensorboard/ in `folder`.

    Args:
      task: what is learnt, by whom, where.
      config: options, resolved here if they are not yet.
      folder: of the training; made if it is absent.
      progress: is called with the fraction of the budget that is used.
      draft: the motion performed by tracking control; a warm start without one makes it first, within the budget.
      start: another beginning, which is imitated in the draft's place where it has an expert.

    Raises:
      InputError: an option is out of its range, or the draft was made with a box where there is none, or without.
      TrainingError: numbers exploded or a worker died; the last checkpoint is kept.
      KeyboardInterrupt: Ctrl-C; everything was saved before it is passed on.
    """
    if draft is not None and draft.qvel.shape[1] != task.model.nv:
        raise InputError(
            f"the draft was made in another scene than '{task.scene.kind}'; make it for this one: sfv.track"
        )
    resolved = config.resolve().check()
    folder.mkdir(parents=True, exist_ok=True)
    began, cpu_began, usual = work_seconds(), sum(os.times()[:4]), resolved.initial_std
    if draft is None and resolved.warm_start != "none":
        draft = track_motion(task.drafted, TrackConfig(), progress).draft
    if draft is not None and start is None and resolved.reduce_std and resolved.warm_start != "none":
        resolved = replace(resolved, initial_std=find_bearable_std(task, draft, resolved))
    before, cpu_before = work_seconds() - began, sum(os.times()[:4]) - cpu_began
    resolved = replace(resolved, minutes=max(resolved.minutes - before / 60.0, 0.01))
    metrics = run_job(Job(task, resolved, folder, draft, start), progress)
    metrics["initial_std"] = resolved.initial_std
    metrics["train_seconds"] += before
    metrics["cpu_seconds"] += cpu_before
    if metrics["skill_seconds"] is not None:
        metrics["skill_seconds"] += before
        metrics["skill_cpu_seconds"] += cpu_before
    policy = Policy.load(folder / BEST_POLICY)
    calmer = resolved.initial_std < usual
    summary = (
        f"return {metrics['best_return']:.3f}, completed {metrics['best_completed']:.0%} "
        f"after {metrics['samples'] / 1e6:.2f} M samples; ended because {metrics['reason']}"
        + (f"; {metrics['outlook']}" if metrics["outlook"] else "")
        + (f"; began with noise {resolved.initial_std:.3g}: the draft falls with more" if calmer else "")
    )
    return Training(policy, summary, metrics)


def run_job(job: Job, progress: Progress = silent) -> dict[str, Any]:
    """Trains with one process a core, or with those that torchrun has started; returns the metrics of the run.

    Raises:
      TrainingError: numbers exploded or a worker died; the last checkpoint is kept.
      KeyboardInterrupt: Ctrl-C; everything was saved before it is passed on.
    """
    report = _report_to(progress, job.config)
    if dist.is_initialized():  # torchrun started this process and others
        return train(cast(Job, broadcast_job(job)), own_process_group(), report, lambda: False)
    return _train_with_workers(job, report)


def _report_to(progress: Progress, config: ResolvedTrainConfig) -> Report:
    """What passes the state of training on as the fraction of the budget that is used."""

    def report(status: TrainingStatus) -> None:
        used = status.seconds / (60.0 * config.minutes)
        if config.samples is not None:
            used = max(used, status.samples / config.samples)
        progress(
            min(used, 1.0),
            1.0,
            f"return {status.episode_return:.3f}, completed {status.completed:.0%}, "
            f"{status.samples / 1e6:.2f} M samples, {status.steps_per_second:.0f} steps/s"
            + (f"; not in time: {status.outlook}" if status.outlook else ""),
        )

    return report


def _train_with_workers(job: Job, report: Report) -> dict[str, Any]:
    """Starts one worker a core and waits for them.

    Workers are spawned, not forked: a fork would copy torch's and OpenGL's threads in an unknown state, and some
    hundred megabytes that workers do not need.
    """
    count = job.config.workers or usable_cores()
    context = multiprocessing.get_context("spawn")
    stop = context.Event()
    # In the run's folder, where what a killed training leaves is found again.
    with tempfile.TemporaryDirectory(dir=job.folder, prefix=".meeting.", suffix=f".{os.getpid()}.tmp") as meeting:
        workers: list[SpawnProcess] = []
        pipes: list[Connection] = []
        try:
            with _interrupts_ignored():  # what a child ignores from its first moment cannot kill it while it imports
                for rank in range(count):
                    receiver, sender = context.Pipe(duplex=False)
                    worker = context.Process(
                        target=_run_worker,
                        args=(job, ProcessGroup(rank, count), meeting, sender, stop),
                        name=f"train-{rank}",
                        daemon=True,
                    )
                    worker.start()
                    workers.append(worker)
                    sender.close()
                    pipes.append(receiver)
            return _wait_for(workers, pipes, stop, report, job.folder)
        finally:
            _end(workers)


def _end(workers: list[SpawnProcess]) -> None:
    """Ends the workers that still run, by force: what they had to save is saved."""
    for worker in workers:
        if worker.is_alive():
            worker.kill()
    for worker in workers:
        worker.join()


def _wait_for(
    workers: list[SpawnProcess], pipes: list[Connection], stop: Any, report: Report, folder: Path
) -> dict[str, Any]:
    """Passes reports on until the workers are done; turns Ctrl-C into a request to save and end."""
    result: dict[str, Any] | None = None
    interrupted_at: float | None = None
    open_pipes = dict(zip(pipes, workers, strict=True))
    while open_pipes:
        try:
            for pipe in wait(list(open_pipes), timeout=1.0):
                assert isinstance(pipe, Connection)
                try:
                    kind, content = pipe.recv()
                except EOFError:
                    _check_exit(open_pipes.pop(pipe), folder)
                    continue
                if kind == "status":
                    report(content)
                elif kind == "done":
                    result = content
                elif kind == "fault":
                    raise OSError(*content)
                else:
                    raise TrainingError(f"{content}; the last checkpoint is kept in {folder}")
        except KeyboardInterrupt:
            if interrupted_at is not None:
                raise
            interrupted_at = time.monotonic()
            stop.set()
        if interrupted_at is not None and time.monotonic() - interrupted_at > STOP_TIMEOUT:
            break
    if interrupted_at is not None:
        raise KeyboardInterrupt
    if result is None:
        raise TrainingError(f"the workers ended without a result; the last checkpoint is kept in {folder}")
    return result


def _check_exit(worker: SpawnProcess, folder: Path) -> None:
    """Waits for a worker that has closed its pipe; raises `TrainingError` if it did not end in good order."""
    worker.join(timeout=STOP_TIMEOUT)
    code = worker.exitcode
    if code != 0:
        how = f"by signal {-code}" if code is not None and code < 0 else f"with exit code {code}"
        if code == -getattr(signal, "SIGKILL", 9):
            how += " (by the system, most likely, because memory ran out: fewer --workers need less)"
        name = worker.name.replace("train-", "training worker ")
        raise TrainingError(
            f"{name} died {how}; the last checkpoint is kept in {folder}: run again to continue"
        ) from None


def _run_worker(job: Job, group: ProcessGroup, meeting: str, sender: Connection, stop: Any) -> None:
    """Body of a worker process."""
    torch.set_num_threads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # inherited on POSIX, not on Windows
    asked = list[int]()  # to end, by a system that shuts down and asks all processes; an event's lock may be held here
    for number in ENDS:
        signal.signal(number, lambda number, _: asked.append(number))
    # Even while it waits for a peer that will not come; one that trains sees that it is an orphan, and saves first.
    exit_after_parent(STOP_TIMEOUT)
    try:
        if group.size > 1:
            use_loopback()
            store = dist.FileStore(str(Path(meeting) / "peers"), group.size)  # pyright: ignore[reportPrivateImportUsage]
            dist.init_process_group("gloo", timeout=TIMEOUT, store=store, rank=group.rank, world_size=group.size)
        result = train(
            job,
            group,
            lambda status: sender.send(("status", status)),
            lambda: bool(asked) or stop.is_set() or not _parent_is_alive(),
        )
        if group.is_main:
            sender.send(("done", result))
    except NonFiniteError as error:
        sender.send(("failed", f"training stopped: {error}"))
    except BrokenPipeError:
        pass  # nobody listens any more
    except Exception as error:
        if isinstance(error, OSError) and error.errno in FULL:  # explained as if it were the parent's own
            sender.send(("fault", (error.errno, error.strerror, error.filename)))
            os._exit(0)
        # When a peer dies, the others fail in the exchange of gradients. The one that died says more: let it be first.
        text = str(error).lower()
        if group.size > 1 and isinstance(error, RuntimeError) and ("connection" in text or "gloo" in text):
            time.sleep(2.0)
        log = job.folder / f"worker_{group.rank}.log"
        log.write_text(traceback.format_exc(), encoding="utf-8")
        message = " ".join(repr(error).split())
        sender.send(("failed", f"training worker {group.rank} failed: {message}; details in {log}"))
    finally:
        if group.size > 1 and dist.is_initialized():
            dist.destroy_process_group()
        sender.close()
    # All is reported and saved. A worker once aborted after this, in what libraries tear down at the end of a process.
    os._exit(0)


def _parent_is_alive() -> bool:
    parent = multiprocessing.parent_process()
    return parent is None or parent.is_alive()


@contextmanager
def _interrupts_ignored() -> Iterator[None]:
    """Children started within ignore what the terminal or system sends to all of us; the parent asks them to end."""
    try:
        before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, *ENDS)}
    except ValueError:  # not the main thread: signals do not come here
        yield
        return
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

"""Training a policy: workers are started, watched and stopped here; what they do stands in `worker.py`."""

import multiprocessing
import os
import signal
import tempfile
import threading
import time
import traceback
from contextlib import contextmanager
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, cast

import torch
import torch.distributed as dist

from imitate.env.env import PUSH_SECONDS
from imitate.policy import Policy
from imitate.scene.scene import Scene
from imitate.tracking.draft import Draft
from imitate.tracking.track import TrackConfig, track_motion
from imitate.training.config import TrainConfig, resolved
from imitate.training.loop import BEST_POLICY, Job, train
from imitate.training.ppo import NonFiniteError
from imitate.training.process_group import ProcessGroup
from imitate.training.torchrun import broadcast_job, own_process_group
from pose.cores import usable_cores
from pose.errors import InputError, WorkError
from pose.progress import Progress, silent
from reconstruct.characters.character import Character
from reconstruct.motion import ReferenceMotion

PATIENCE_AT_STOP = 60.0
"""Workers are given this long to save and end when they are asked to [s]."""


class TrainingError(WorkError):
    """Training ended against its will; the message says why and what was kept."""


@dataclass(frozen=True)
class Training:
    """What training left."""

    policy: Policy
    """The best policy by the periodic evaluations."""
    summary: str
    """One line for people."""
    figures: dict[str, Any]
    """Rows of DESIGN.md, "Figures", as far as training knows them."""


def train_policy(
    motion: ReferenceMotion,
    character: Character,
    scene: Scene,
    config: TrainConfig,
    folder: Path,
    progress: Progress = silent,
    draft: Draft | None = None,
) -> Training:
    """Learns to perform a motion; goes on from the folder's checkpoint if there is one of the same task.

    Leaves policy.pt (the best so far), checkpoint.pt, curves.csv and tensorboard/ in `folder`. A warm start without
    a `draft` makes one first, within the budget.

    Raises:
      TrainingError: numbers exploded or a worker died; the last checkpoint is kept.
      KeyboardInterrupt: Ctrl-C; everything was saved before it is passed on.
    """
    if config.minutes <= 0:
        raise InputError(f"a training budget of {config.minutes} minutes; give a positive number")
    if not config.env.push >= 0.0 or not config.env.push_every >= 2.0 * PUSH_SECONDS:
        raise InputError(
            f"env.push {config.env.push} m/s, env.push_every {config.env.push_every} s: give 0 m/s or more, "
            f"{2.0 * PUSH_SECONDS:g} s or more"
        )
    folder.mkdir(parents=True, exist_ok=True)
    config, drafting = resolved(config), 0.0
    if draft is None and config.warm_start == "draft":
        began = time.monotonic()
        draft = track_motion(motion, character, scene.drafted, TrackConfig(), progress)
        drafting = time.monotonic() - began
        config = replace(config, minutes=max(config.minutes - drafting / 60.0, 0.01))
    job = Job(motion, character, scene, config, folder, draft)
    show = _shown(config, progress)
    if dist.is_initialized():  # torchrun started this process and others
        figures = train(cast(Job, broadcast_job(job)), own_process_group(), show, lambda: False)
    else:
        figures = _train_here(job, show)
    figures["train_seconds"] += drafting
    policy = Policy.load(folder / BEST_POLICY)
    summary = (
        f"return {figures['best_return']:.3f}, completed {figures['best_completed']:.0%} "
        f"after {figures['samples'] / 1e6:.2f} M samples; ended because {figures['reason']}"
    )
    return Training(policy, summary, figures)


def _shown(config: TrainConfig, progress: Progress) -> Any:
    def show(state: dict[str, Any]) -> None:
        share = state["seconds"] / (60.0 * config.minutes)
        if config.samples is not None:
            share = max(share, state["samples"] / config.samples)
        progress(
            min(share, 1.0),
            1.0,
            f"return {state['return']:.3f}, completed {state['completed']:.0%}, "
            f"{state['samples'] / 1e6:.2f} M samples, {state['speed']:.0f} steps/s",
        )

    return show


def _train_here(job: Job, show: Any) -> dict[str, Any]:
    """Starts one worker a core and waits for them.

    Workers are spawned, not forked: a fork would copy torch's and OpenGL's threads in an unknown state, and some
    hundred megabytes that workers do not need.
    """
    count = job.config.workers or usable_cores()
    context = multiprocessing.get_context("spawn")
    stop = context.Event()
    with tempfile.TemporaryDirectory(prefix="sfv-train-") as meeting:
        workers, pipes = [], []
        with _interrupts_ignored():  # what a child ignores from its first moment cannot kill it while it imports
            for rank in range(count):
                receiver, sender = context.Pipe(duplex=False)
                worker = context.Process(
                    target=_work,
                    args=(job, rank, count, meeting, sender, stop, os.getpid()),
                    name=f"train-{rank}",
                    daemon=True,
                )
                worker.start()
                sender.close()
                workers.append(worker)
                pipes.append(receiver)
        try:
            return _watch(workers, pipes, stop, show, job)
        finally:
            for worker in workers:
                if worker.is_alive():
                    worker.terminate()
            for worker in workers:
                worker.join(timeout=5)
                if worker.is_alive():
                    worker.kill()
                    worker.join()


def _watch(workers: list[Any], pipes: list[Connection], stop: Any, show: Any, job: Job) -> dict[str, Any]:
    """Passes reports on until the workers are done; turns Ctrl-C into a request to save and end."""
    result: dict[str, Any] | None = None
    interrupted_at: float | None = None
    open_pipes = {pipe: rank for rank, pipe in enumerate(pipes)}
    while open_pipes:
        try:
            ready = wait(list(open_pipes), timeout=1.0)
            for pipe in ready:
                assert isinstance(pipe, Connection)
                rank = open_pipes[pipe]
                try:
                    kind, content = pipe.recv()
                except EOFError:
                    del open_pipes[pipe]
                    workers[rank].join(timeout=PATIENCE_AT_STOP)
                    if workers[rank].exitcode != 0:
                        raise TrainingError(_obituary(rank, workers[rank].exitcode, job.folder)) from None
                    continue
                if kind == "state":
                    show(content)
                elif kind == "done":
                    result = content
                else:
                    raise TrainingError(f"{content}; the last checkpoint is kept in {job.folder}")
        except KeyboardInterrupt:
            if interrupted_at is not None:
                raise
            interrupted_at = time.monotonic()
            stop.set()
        if interrupted_at is not None and time.monotonic() - interrupted_at > PATIENCE_AT_STOP:
            break
    if interrupted_at is not None:
        raise KeyboardInterrupt
    if result is None:
        raise TrainingError(f"the workers ended without a result; the last checkpoint is kept in {job.folder}")
    return result


def _obituary(rank: int, exitcode: int | None, folder: Path) -> str:
    how = f"by signal {-exitcode}" if exitcode is not None and exitcode < 0 else f"with exit code {exitcode}"
    return f"training worker {rank} died {how}; the last checkpoint is kept in {folder}: run again to go on"


def _work(job: Job, rank: int, size: int, meeting: str, sender: Connection, stop: Any, parent: int) -> None:
    """Body of a worker process."""
    torch.set_num_threads(1)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    try:
        if size > 1:
            # Peers on this machine find each other through a file, and talk over the loopback device.
            os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo" if os.uname().sysname == "Linux" else "lo0")
            dist.init_process_group("gloo", init_method=f"file://{meeting}/peers", rank=rank, world_size=size)
        result = train(
            job,
            ProcessGroup(rank, size),
            lambda state: sender.send(("state", state)),
            lambda: stop.is_set() or os.getppid() != parent,  # orphans end, too
        )
        if rank == 0:
            sender.send(("done", result))
    except NonFiniteError as error:
        sender.send(("failed", f"training stopped: {error}"))
    except BrokenPipeError:
        pass  # nobody listens any more
    except Exception as error:
        # When a peer dies, the others fail in the exchange of gradients. Who died tells the more: let that be heard.
        if size > 1 and isinstance(error, RuntimeError) and ("onnection" in str(error) or "gloo" in str(error).lower()):
            time.sleep(2.0)
        log = job.folder / f"worker_{rank}.log"
        log.write_text(traceback.format_exc(), encoding="utf-8")
        sender.send(("failed", f"training worker {rank} failed: {' '.join(repr(error).split())}; details in {log}"))
    finally:
        if size > 1 and dist.is_initialized():
            dist.destroy_process_group()
        sender.close()
    # All is said and saved. A worker once aborted after this, in what libraries tear down at the end of a process.
    os._exit(0)


def _end_with(parent: int) -> None:
    """Ends this process some time after its parent, even while it waits for a peer that will not come.

    A worker that is training sees for itself that it has become an orphan, and saves first.
    """
    while os.getppid() == parent:
        time.sleep(1.0)
    time.sleep(PATIENCE_AT_STOP)
    os._exit(1)


@contextmanager
def _interrupts_ignored() -> Any:
    """Children started within ignore Ctrl-C, which the terminal sends to all of us; the parent tells them to end."""
    try:
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    except ValueError:  # not the main thread: signals do not come here
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)

"""Training a policy: workers are started, watched and stopped here; what they do stands in `worker.py`."""

import multiprocessing
import os
import signal
import tempfile
import threading
import time
import traceback
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, Literal, cast

import torch
import torch.distributed as dist

from imitate.distill import DistillConfig
from imitate.draft import Draft
from imitate.env import PUSH_SECONDS, EnvConfig
from imitate.learners.ppo import NonFiniteError, PPOConfig
from imitate.policy import Policy, bfloat16_is_fast
from imitate.ranks import Ranks
from imitate.scene import Scene
from imitate.torchrun import own_ranks, shared
from imitate.track import TrackConfig, track_motion
from imitate.worker import BEST_POLICY, Job, train
from pose.cores import usable_cores
from pose.errors import InputError, WorkError
from pose.progress import Progress, silent
from reconstruct.character import Character
from reconstruct.motion import ReferenceMotion

PATIENCE_AT_STOP = 60.0
"""Workers are given this long to save and end when they are asked to [s]."""
PUSH = 0.6
"""Strongest push while learning [m/s]. Who has learnt to recover falls less of itself, too: of the jumps from video a
sixth fell without pushes, an eighth with them in less time, and none in more. A walk from video pays .02."""
SCRATCH_STEPS = 8
"""Decisions between updates for a policy that begins with nothing: its first updates need few samples, but many."""
BUDGET = ("minutes", "samples", "early_stop", "patience", "workers", "checkpoint_seconds", "tensorboard")


class TrainingError(WorkError):
    """Training ended against its will; the message says why and what was kept."""


@dataclass(frozen=True)
class TrainConfig:
    """Learning a skill by PPO."""

    minutes: float = 20.0
    """Budget of wall-clock time for training [min]; the same command with more goes on."""
    samples: int | None = None
    """Budget of decisions, all processes together; none if left out."""
    seed: int = 0
    """Of weights, starts and noise. One worker with the same seed learns the same, bit for bit."""
    workers: int = 0
    """Processes that gather and learn; 0: one a core."""
    preset: Literal["tuned", "sfv"] = "tuned"
    """Tuned for minutes on few cores, or the paper's network, noise and PPO settings, wherever an option has its
    default."""
    initial_state: Literal["fixed", "reference", "adaptive", "failures"] = "reference"
    """Where episodes start: at the first frame, anywhere along the reference, where a second agent finds it pays, or
    where they are often lost soon."""
    early_stop: bool = True
    """End when every judged rollout reaches the end and the return has stopped rising."""
    patience: int = 4
    """So many evaluations, on average no better than as many before them, count as 'stopped rising'."""
    environments: int = 512
    """Simulations, shared out among the processes: learning goes alike on few cores and on many."""
    steps: int = 16
    """Decisions in each of them between updates (T). Half as many from scratch: a walk is at .93 instead of .65 after
    600,000 samples then, but one from video, after a warm start, at .93 instead of .95 after 1.2 M. That was before
    weights were averaged; since, a walk has .95 either way, but a spin .66 instead of .84 after 1 M."""
    hidden: tuple[int, ...] = (256, 256)
    """Widths of the hidden layers of actor and critic. SFV's 1024-512 takes 8 times as long for no better walk."""
    initial_std: float = 0.15
    """Standard deviation of actions at the start; with targets around the reference, little noise is enough."""
    learn_std: bool = True
    """Let the standard deviations of actions be learnt, one number an action; SFV keeps them fixed."""
    numerics: Literal["auto", "float32", "bfloat16"] = "auto"
    """Of the hidden layers while learning; auto takes bfloat16 where the processor is faster with it."""
    evaluate_samples: int = 200_000
    """Samples between evaluations by which the best policy is chosen."""
    judge_seconds: float = 10.0
    """Length of a rollout of a loop in those evaluations [s]."""
    checkpoint_seconds: float = 30.0
    """Time between checkpoints [s]."""
    tensorboard: bool = True
    """Write TensorBoard scalars beside the policy."""
    warm_start: Literal["draft", "none"] = "draft"
    """What the policy knows when PPO begins: what tracking control does, learnt from its draft, or nothing. From
    nothing it is not pushed either, unless asked for."""
    distill: DistillConfig = field(default_factory=DistillConfig)
    env: EnvConfig = field(default_factory=lambda: EnvConfig(push=PUSH))
    ppo: PPOConfig = field(default_factory=lambda: PPOConfig(epochs=2))
    """Two epochs: with a third each sample takes a tenth longer, and the walk (one seed each) was not learnt sooner."""

    @property
    def coarse(self) -> bool:
        """Hidden layers learn in bfloat16."""
        return self.numerics == "bfloat16" or (self.numerics == "auto" and bfloat16_is_fast())

    def budget(self) -> dict[str, Any]:
        """Options whose change continues the training instead of starting over."""
        return {name: getattr(self, name) for name in BUDGET}

    def without_budget(self) -> dict[str, Any]:
        """Options that decide what is learnt."""
        return {name: value for name, value in asdict(self).items() if name not in BUDGET}


SFV = {
    "hidden": (1024, 512),
    "environments": 256,
    "steps": 16,
    "initial_std": 0.2,
    "learn_std": False,
    "warm_start": "none",
}
"""The paper's networks; 4096 samples an update; fixed noise of .05 rad, here in units of `action_scale`."""
SFV_PPO = {
    "epochs": 1,
    "minibatch": 256,
    "gamma": 0.95,
    "gae_lambda": 0.95,
    "clip_range": 0.2,
    "learning_rate": 5e-5,
    "learning_rate_range": (5e-5, 5e-5),
}
"""As in the paper and in DeepMimic, whose code it is. Those use gradient descent with momentum at this rate for the
policy and .01 for the value function; here both are Adam's."""


def resolved(config: TrainConfig) -> TrainConfig:
    """The config with its preset's settings wherever an option was left at its default."""
    usual = TrainConfig()

    def untouched(chosen: dict[str, Any], given: Any, default: Any) -> dict[str, Any]:
        return {name: value for name, value in chosen.items() if getattr(given, name) == getattr(default, name)}

    if config.preset == "sfv":
        ppo = replace(config.ppo, **untouched(SFV_PPO, config.ppo, usual.ppo))
        config = replace(config, ppo=ppo, **untouched(SFV, config, usual))
    elif config.warm_start == "none":
        config = replace(config, **untouched({"steps": SCRATCH_STEPS}, config, usual))
    if config.warm_start == "none":  # who begins with nothing is not pushed, as in the papers
        config = replace(config, env=replace(config.env, **untouched({"push": 0.0}, config.env, usual.env)))
    return config


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
        figures = train(cast(Job, shared(job)), own_ranks(), show, lambda: False)
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
            Ranks(rank, size),
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

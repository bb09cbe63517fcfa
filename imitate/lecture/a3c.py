"""Asynchronous advantage actor-critic (A3C, Mnih et al. 2016).

Workers share one set of parameters in memory. Each, in a process of its own and at its own pace:

    1. copies the shared parameters theta into its own theta'
    2. acts for t_max steps in its own environments with pi(.|s; theta')
    3. gradient of its loss with respect to theta': advantage by n-step returns, critic, entropy
    4. adds it to theta by RMSprop, whose running squares are shared too

Nobody waits for anybody: parameters are read and written without locks (Hogwild, Recht et al. 2011), so a step may
start from parameters that others are just changing. The paper and the lecture's table show that it learns all the same.
"""

import copy
import multiprocessing.connection
import signal
import time
import traceback
from collections.abc import Callable, Generator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

import torch
import torch.multiprocessing as mp
from torch import Tensor, nn

from imitate.lecture.actor_critic import actor_critic_loss, run_networks
from imitate.lecture.collector import Collector
from imitate.lecture.problems import LectureProblem
from imitate.training.advantage import compute_advantage
from imitate.training.collect import Transitions
from imitate.training.ppo import NonFiniteError
from pose.errors import WorkError


class WorkerError(WorkError):
    """A worker died; the message holds its traceback or how it ended."""


@dataclass(frozen=True)
class A3CConfig:
    """Settings of the learner."""

    num_workers: int = 2
    """Processes that learn at once."""
    num_envs: int = 1
    """Environments of each worker; the paper has one."""
    num_steps: int = 20
    """Steps between two updates of the shared parameters (t_max)."""
    gamma: float = 0.99
    """Discount."""
    learning_rate: float = 7e-4
    """Step of RMSprop at the start; it shrinks to nothing over the run, as in the paper."""
    ent_coef: float = 0.01
    """Weight of the policy's entropy in the loss."""
    reward_scale: float = 1.0
    """Rewards are multiplied by this, so that values are about 1."""
    clip_rewards: bool = False
    """Rewards are cut to their sign while learning (Mnih et al. 2015); returns of episodes are not."""
    max_grad_norm: float = 0.5
    """Gradients are clipped to this norm."""


class SharedRMSprop:
    """theta <- theta - eta g / sqrt(E[g^2] + eps), all of it in memory that processes share, none of it locked."""

    def __init__(self, shared: nn.Module, learning_rate: float, decay: float = 0.99, eps: float = 1e-5):
        self.parameters = list(shared.parameters())
        self.squares = [torch.zeros_like(p).share_memory_() for p in self.parameters]
        self.learning_rate, self.decay, self.eps = learning_rate, decay, eps

    @torch.no_grad()
    def step(self, gradients: list[Tensor]) -> None:
        """Adds one worker's gradients to the shared parameters."""
        for parameter, square, gradient in zip(self.parameters, self.squares, gradients, strict=True):
            square.mul_(self.decay).addcmul_(gradient, gradient, value=1.0 - self.decay)
            parameter.addcdiv_(gradient, square.add(self.eps).sqrt_(), value=-self.learning_rate)


class A3C:
    """One worker's learner: `update(batch)` turns what it saw into a step of the shared parameters."""

    def __init__(self, shared: nn.Module, optimiser: SharedRMSprop, config: A3CConfig):
        self.shared, self.optimiser, self.config = shared, optimiser, config
        self.policy: Any = copy.deepcopy(shared)
        self.pull()

    def pull(self) -> None:
        """Copies the shared parameters into the worker's own."""
        self.policy.load_state_dict(self.shared.state_dict())

    def update(self, batch: Transitions) -> dict[str, float]:
        """Applies the gradient of the loss at the worker's parameters to everybody's."""
        policy, config = self.policy, self.config
        output, predicted, next_value = run_networks(policy, batch)
        value, reward = policy.returns.inverse(predicted.detach()), config.reward_scale * batch.reward
        advantage = compute_advantage(reward, value, next_value, batch.terminated, batch.done, config.gamma, 1.0)
        loss, losses = actor_critic_loss(
            policy, batch.action, output, predicted, advantage, advantage + value, config.ent_coef
        )
        policy.zero_grad()
        loss.backward()
        parameters = list(policy.parameters())
        norm = nn.utils.clip_grad_norm_(parameters, config.max_grad_norm)
        if not torch.isfinite(norm):
            raise NonFiniteError("the gradient is not finite")
        self.optimiser.step([torch.zeros_like(p) if p.grad is None else p.grad for p in parameters])
        self.pull()
        return losses


@dataclass(frozen=True)
class A3CReport:
    """How far the workers have come."""

    samples: int
    """Actions taken by all of them."""
    finished: list[float]
    """Returns of the episodes that ended since the last report."""
    state: "A3CState"
    """All that a checkpoint needs besides the policy; it goes on changing."""


@dataclass(frozen=True)
class A3CState:
    """What workers share besides the policy, in memory of all of them."""

    squares: list[Tensor]
    """RMSprop's mean squared gradients, one for each parameter."""
    counts: Tensor
    """Actions of each worker so far, int (W,): one number a worker, so that nobody needs a lock."""
    cpu_seconds: Tensor
    """Processor time of each worker so far [s], float64 (W,)."""


@dataclass(frozen=True)
class WorkerTask:
    """All that a worker needs; tensors lie in memory that the processes share."""

    make: Callable[[int], LectureProblem]
    """Makes N environments; importable by name."""
    shared: nn.Module
    """The policy that everybody improves."""
    optimiser: SharedRMSprop
    config: A3CConfig
    samples: int
    """Actions of all workers together."""
    state: A3CState
    stop: Tensor
    """Becomes 1 when all are to stop, (1,)."""


def train_a3c(
    make: Callable[[int], LectureProblem],
    shared: nn.Module,
    config: A3CConfig,
    samples: int,
    seed: int,
    every: float = 0.2,
    state: A3CState | None = None,
) -> Generator[A3CReport, None, None]:
    """Learns until `samples` actions were taken; `shared` improves in place, in memory that others may read meanwhile.

    Closing the iterator, Ctrl-C or any other exception ends the workers.

    Args:
      make: makes N environments; importable by name, for it is called in other processes.
      shared: the policy.
      config: settings.
      samples: actions of all workers together.
      seed: of the first worker; the others follow.
      every: time between reports [s].
      state: of a run that is continued; `samples` counts those that it took, too. Episodes begin anew.

    Raises:
      WorkerError: a worker died, with its error.
    """
    context = _make_context()
    shared.share_memory()
    optimiser, stop = SharedRMSprop(shared, config.learning_rate), torch.zeros(1).share_memory_()
    own = _share_state(optimiser, config.num_workers, state)
    task = WorkerTask(make, shared, optimiser, config, samples, own, stop)
    workers, pipes = [], []
    try:
        for rank in range(config.num_workers):
            ours, theirs = context.Pipe(duplex=False)
            name, arguments = f"a3c-{rank}", (rank, task, seed + rank, theirs)
            worker = context.Process(target=_work, args=arguments, name=name, daemon=True)
            worker.start()
            theirs.close()
            workers.append(worker)
            pipes.append(ours)
        for finished in _gather_returns(pipes, workers, every):
            yield A3CReport(int(own.counts.sum()), finished, own)
    finally:
        stop.fill_(1.0)
        _end(workers)


def _share_state(optimiser: SharedRMSprop, workers: int, before: A3CState | None) -> A3CState:
    """Makes what workers share; of a run that is continued, maybe with another number of them, the sums go on."""
    counts = torch.zeros(workers, dtype=torch.int64).share_memory_()
    cpu_seconds = torch.zeros(workers, dtype=torch.float64).share_memory_()
    if before is not None:
        counts[0], cpu_seconds[0] = before.counts.sum(), before.cpu_seconds.sum()
        for own, old in zip(optimiser.squares, before.squares, strict=True):
            own.copy_(old)
    return A3CState(optimiser.squares, counts, cpu_seconds)


def _gather_returns(pipes: list, workers: list, every: float) -> Generator[list[float], None, None]:
    """Yields the returns of episodes that ended, now and then, until all workers are done."""
    ranks, finished, last = {pipe: rank for rank, pipe in enumerate(pipes)}, [], time.monotonic()
    while ranks:
        for pipe in multiprocessing.connection.wait(list(ranks), timeout=every):
            assert isinstance(pipe, Connection)
            message = _receive(pipe, ranks[pipe], workers)
            if message is None:
                del ranks[pipe]
            else:
                finished.extend(message)
        if time.monotonic() - last > every:
            last = time.monotonic()
            yield finished
            finished = []
    yield finished


def _make_context() -> Any:
    """Where processes come from: a server that has this module loaded already, or anew on systems that cannot fork."""
    context = mp.get_context("forkserver" if "forkserver" in mp.get_all_start_methods() else "spawn")
    if context.get_start_method() == "forkserver":
        context.set_forkserver_preload([__name__])
    return context


def _receive(pipe: Connection, rank: int, workers: list) -> list[float] | None:
    """Reads a worker's message: returns of finished episodes; None once it is done."""
    try:
        kind, content = pipe.recv()
    except (EOFError, OSError):
        workers[rank].join(5.0)
        code = workers[rank].exitcode
        how = signal.Signals(-code).name if code is not None and code < 0 else f"exit code {code}"
        raise WorkerError(f"A3C worker {rank} died ({how})") from None
    if kind == "error":
        raise WorkerError(f"A3C worker {rank} died:\n{content}")
    return None if kind == "done" else content


def _end(workers: list) -> None:
    """Waits for workers that were asked to stop; ends those that do not."""
    deadline = time.monotonic() + 5.0
    for worker in workers:
        worker.join(max(0.0, deadline - time.monotonic()))
    for worker in workers:
        if worker.is_alive():
            worker.kill()
            worker.join()


def _work(rank: int, task: WorkerTask, seed: int, pipe: Connection) -> None:
    """A worker's life. Ctrl-C reaches every process of the terminal: the parent decides, so here it is ignored."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(1)
    parent = multiprocessing.parent_process()
    config, counts, cpu_seconds = task.config, task.state.counts, task.state.cpu_seconds
    begin, cpu_begin = int(counts[rank]), float(cpu_seconds[rank]) - time.process_time()
    try:
        learner = A3C(task.shared, task.optimiser, config)
        problem = task.make(config.num_envs)
        collector = Collector(problem, seed, config.clip_rewards)
        last = time.monotonic()
        while not task.stop.item() and counts.sum() < task.samples:
            task.optimiser.learning_rate = config.learning_rate * max(0.0, 1.0 - float(counts.sum()) / task.samples)
            learner.update(collector.collect(learner.policy, config.num_steps))
            counts[rank] = begin + collector.samples
            cpu_seconds[rank] = cpu_begin + time.process_time()
            if time.monotonic() - last > 0.1:
                last = time.monotonic()
                pipe.send(("finished", collector.finished))
                collector.finished = []
                if parent is not None and not parent.is_alive():
                    return  # whoever started the run was killed: nobody would ask this worker to stop
        pipe.send(("finished", collector.finished))
        pipe.send(("done", None))
    except BrokenPipeError:
        pass  # the parent is gone
    except BaseException:
        pipe.send(("error", traceback.format_exc()))
        raise SystemExit(1) from None

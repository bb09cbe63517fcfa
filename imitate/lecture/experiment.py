"""One algorithm learns one problem, and its learning curve is recorded.

Every algorithm is used in the same way: a collector runs the policy, `update(batch)` improves it, and now and then the
policy is evaluated on fresh episodes with the clock stopped. So learning curves can be laid over each other.
"""

import copy
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import torch

from imitate.lecture.a3c import A3CConfig, train_a3c
from imitate.lecture.actor_critic import A2C, ActorCriticConfig, OnlineActorCritic, QActorCritic
from imitate.lecture.collector import Collector
from imitate.lecture.problems import LectureProblem, ProblemSpec, evaluate
from imitate.lecture.recurrent import make_recurrent_policy
from imitate.lecture.reinforce import Reinforce, ReinforceConfig
from imitate.lecture.settings import ALGORITHMS, SETTINGS, LearnerConfig, Settings
from imitate.lecture.softmax import SoftmaxPolicy
from imitate.policy import Policy, PolicyLayout
from imitate.training.collect import Transitions, surrogate_batch
from imitate.training.ppo import PPO, PPOConfig
from pose.errors import InputError
from pose.progress import Progress, silent

PolicyKind = Literal["auto", "softmax", "gaussian"]

Update = Callable[[Transitions], dict[str, float]]
"""Improves a policy by a batch; returns losses."""


@dataclass(frozen=True)
class Curve:
    """A learning curve of E points; the first is the untrained policy."""

    samples: np.ndarray
    """Actions taken, (E,)."""
    seconds: np.ndarray
    """Wall clock of learning, without evaluations [s], (E,)."""
    cpu_seconds: np.ndarray
    """Processor time of this process meanwhile [s], (E,); the better measure where others use the machine."""
    value: np.ndarray
    """The policy's value on fresh episodes, (E,)."""
    policy: Any
    """The policy at the end; None where it is not one of ours."""

    def find_crossing(self, threshold: float) -> int | None:
        """Index of the first point at the threshold whose successor, if it has one, is there too; None if none is.

        An untrained CartPole policy can stand for 500 steps by luck, which is why the first point never counts, but it
        does not do so twice.
        """
        good = self.value >= threshold
        lasting = good & np.append(good[1:], True)
        lasting[0] = False
        return int(lasting.argmax()) if lasting.any() else None


Results = dict[tuple[str, str], list[Curve]]
"""(problem, algorithm) -> one curve a seed."""


class CurveRecorder:
    """Says when a learning policy is to be evaluated, and keeps the time that it learns for.

    The clock starts with the recorder and stands still within `pause`.
    """

    def __init__(self, samples: int, evaluations: int):
        self.total, self.interval = samples, samples / evaluations
        self.samples, self.seconds, self.cpu_seconds = [0], [0.0], [0.0]
        self._begin = time.perf_counter(), time.process_time()

    def is_due(self, samples: int) -> bool:
        """Whether another point of the curve is due after so many samples."""
        return samples >= self.samples[-1] + self.interval or samples >= self.total

    @contextmanager
    def pause(self, samples: int) -> Iterator[None]:
        """Notes samples and time; what is done inside costs no time."""
        wall, cpu = (now - begin for now, begin in zip(_read_clocks(), self._begin, strict=True))
        self.samples.append(samples)
        self.seconds.append(wall)
        self.cpu_seconds.append(cpu)
        yield
        now = _read_clocks()
        self._begin = now[0] - wall, now[1] - cpu

    def to_curve(self, values: list[float], policy: Any) -> Curve:
        """The curve through these values, one for the start and one for each pause."""
        samples, seconds, cpu_seconds = np.array(self.samples), np.array(self.seconds), np.array(self.cpu_seconds)
        return Curve(samples, seconds, cpu_seconds, np.array(values), policy)


def _read_clocks() -> tuple[float, float]:
    return time.perf_counter(), time.process_time()


def check_fit(spec: ProblemSpec, algorithm: str, policy: PolicyKind = "auto") -> None:
    """Refuses what cannot work.

    Raises:
      InputError: unknown algorithm, or one that cannot learn this problem; it names those which can.
    """
    if algorithm not in ALGORITHMS:
        raise InputError(f"unknown algorithm '{algorithm}'; known ones: {', '.join(ALGORITHMS)}")
    problem = spec.make(1)
    able = [name for name in ALGORITHMS if not _find_obstacle(problem, name)]
    obstacle = _find_obstacle(problem, algorithm)
    if obstacle:
        raise InputError(f"{algorithm} cannot learn {spec.name}: {obstacle}; these can: {', '.join(able)}")
    natural = "softmax" if problem.actions else "gaussian"
    if policy not in ("auto", natural):
        acts = f"chooses among {problem.actions} actions" if problem.actions else "acts by real numbers"
        raise InputError(
            f"a {policy} policy cannot act in {spec.name}, which {acts}; use --policy {natural} "
            f"(with one of {', '.join(able)})"
        )


def _find_obstacle(problem: LectureProblem, algorithm: str) -> str:
    entry = ALGORITHMS[algorithm]
    if entry.one_step_only and problem.horizon > 1:
        return entry.one_step_only
    return entry.discrete_only if problem.actions is None else ""


def make_policy(problem: LectureProblem, settings: Settings, name: str, recurrent: bool = False) -> Any:
    """Makes an untrained policy: softmax where actions are chosen from a list, Gaussian where they are vectors.

    Args:
      problem: any number of its environments.
      settings: for the sizes of the networks and the Gaussian's standard deviation.
      name: of the problem.
      recurrent: whether it has a memory (LSTM).
    """
    if problem.actions is None:
        layout = PolicyLayout(
            character=name,
            height=1.0,
            observation={"state": problem.observation_size},
            action=tuple(f"action_{i}" for i in range(problem.action_size)),
            action_scale=1.0,
            hidden=settings.hidden_sizes,
        )
        return Policy(layout, settings.initial_std)
    if recurrent:
        return make_recurrent_policy(problem.observation_size, problem.actions)
    sizes = settings.hidden_sizes
    return SoftmaxPolicy(problem.observation_size, problem.actions, sizes, bias=bool(sizes))


def learn(
    spec: ProblemSpec,
    algorithm: str,
    samples: int,
    seed: int = 0,
    evaluations: int = 25,
    progress: Progress = silent,
) -> Curve:
    """Lets an algorithm learn a problem.

    Args:
      spec: the problem.
      algorithm: a name in `ALGORITHMS`.
      samples: actions to take.
      seed: of weights, environments and noise.
      evaluations: points of the learning curve.
      progress: called with samples and value at each of them.

    Raises:
      InputError: the algorithm cannot learn this problem.
    """
    check_fit(spec, algorithm)
    settings = SETTINGS.get(spec.name, Settings())
    torch.manual_seed(seed)
    policy = make_policy(spec.make(1), settings, spec.name, recurrent=algorithm == "a3c-lstm")
    entry = settings.adapt(algorithm)
    asynchronous = isinstance(entry.config, A3CConfig)
    if isinstance(entry.config, A3CConfig):
        num_steps = entry.num_steps or entry.config.num_steps
        config = replace(entry.config, num_envs=entry.num_envs, num_steps=num_steps)
        rounds = _run_workers(spec, policy, config, samples, seed)
    else:
        update = _make_update(algorithm, policy, entry.config, settings, seed, samples)
        rounds = _run_rounds(Collector(spec.make(entry.num_envs), seed), policy, update, entry.num_steps)

    values, snapshots = [evaluate(spec, copy.deepcopy(policy))], []
    recorder = CurveRecorder(samples, evaluations)
    with closing(rounds):
        for taken in rounds:
            if recorder.is_due(taken):
                with recorder.pause(taken):
                    if asynchronous:  # workers go on meanwhile: their policy is put aside and evaluated in the end
                        snapshots.append(copy.deepcopy(policy))
                    else:
                        values.append(evaluate(spec, policy))
                    note = f"{taken:,} samples" + ("" if asynchronous else f", {values[-1]:.4g}")
                    progress(min(taken, samples), samples, note)
            if taken >= samples:
                break
    values += [evaluate(spec, snapshot) for snapshot in snapshots]
    return recorder.to_curve(values, policy)


def _run_rounds(collector: Collector, policy: Any, update: Update, num_steps: int | None) -> Generator[int, None, None]:
    """Collects, updates, and again; yields the samples taken so far."""
    while True:
        batch = collector.collect_trajectories(policy) if num_steps is None else collector.collect(policy, num_steps)
        update(batch)
        yield collector.samples


def _run_workers(
    spec: ProblemSpec, policy: Any, config: A3CConfig, samples: int, seed: int
) -> Generator[int, None, None]:
    """Lets workers update the shared policy at their own pace; yields the samples taken so far."""
    with closing(train_a3c(spec.make, policy, config, samples, seed)) as reports:
        for report in reports:
            yield report.samples


def _make_update(
    algorithm: str, policy: Any, config: LearnerConfig, settings: Settings, seed: int, samples: int
) -> Update:
    """The learner's `update`."""
    if isinstance(config, ReinforceConfig):
        return Reinforce(policy, config, settings.normalise).update
    if isinstance(config, ActorCriticConfig):
        if algorithm == "online":
            return OnlineActorCritic(policy, config, settings.normalise).update
        if algorithm == "a2c":
            return A2C(policy, config, settings.normalise, samples).update
        return QActorCritic(policy, config, settings.hidden_sizes).update
    assert isinstance(config, PPOConfig)
    ppo, generator = PPO(policy, config), torch.Generator().manual_seed(seed)

    def update(batch: Transitions) -> dict[str, float]:
        surrogate = surrogate_batch(policy, batch, config.gamma, config.gae_lambda)
        if not settings.normalise:
            surrogate = replace(surrogate, observation_moments=torch.zeros_like(batch.moments))
        return ppo.update(surrogate, generator)

    return update

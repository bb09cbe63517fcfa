"""Which algorithm can learn which problem, with which settings, and the loop that lets it.

Every algorithm is used in the same way: a collector runs the policy, `update(batch)` improves it, and now and then the
policy is evaluated on fresh episodes with the clock stopped. So learning curves can be laid over each other.
"""

import copy
import time
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
import torch

from imitate.lecture.a3c import A3CConfig, train_a3c
from imitate.lecture.actor_critic import A2C, ActorCriticConfig, OnlineActorCritic, QActorCritic
from imitate.lecture.collector import Collector
from imitate.lecture.problems import LectureProblem, ProblemKind, evaluate
from imitate.lecture.recurrent import RecurrentPolicy
from imitate.lecture.reinforce import Reinforce, ReinforceConfig
from imitate.lecture.softmax import SoftmaxPolicy
from imitate.policy import Policy, PolicyLayout
from imitate.training.collect import Transitions, surrogate_batch
from imitate.training.ppo import PPO, PPOConfig
from pose.errors import InputError
from pose.progress import Progress, silent

PolicyKind = Literal["auto", "softmax", "gaussian"]


@dataclass(frozen=True)
class Algorithm:
    """One way of the lecture to improve a policy."""

    title: str
    """As on the slide."""
    environments: int
    """Environments in step with each other, for REINFORCE the N trajectories."""
    steps: int | None
    """Steps of each between updates; None: whole trajectories."""
    config: Any
    """Settings of the learner."""
    discrete_only: str = ""
    """Why it needs finitely many actions, if it does."""
    one_step_only: str = ""
    """Why it needs episodes of a single step, if it does."""


ALGORITHMS: dict[str, Algorithm] = {
    "reinforce-step": Algorithm(
        "REINFORCE, single-step version",
        16,
        None,
        ReinforceConfig(weight="step", baseline=False),
        one_step_only="it weighs an action by the reward of its own step and is blind to what follows",
    ),
    "reinforce": Algorithm(
        "REINFORCE, return of the trajectory", 16, None, ReinforceConfig(weight="trajectory", baseline=False)
    ),
    "reinforce-to-go": Algorithm("REINFORCE, reward to go", 16, None, ReinforceConfig(baseline=False)),
    "reinforce-baseline": Algorithm("REINFORCE, reward to go, baseline V(s)", 16, None, ReinforceConfig()),
    "q-actor-critic": Algorithm(
        "actor-critic with Q(s, a)",
        8,
        8,
        ActorCriticConfig(baseline=False),
        discrete_only="its critic has one output Q(s, a) for every action",
    ),
    "q-advantage": Algorithm(
        "actor-critic with Q(s, a) - V(s)",
        8,
        8,
        ActorCriticConfig(),
        discrete_only="its critic has one output Q(s, a) for every action",
    ),
    "online": Algorithm("online actor-critic", 1, 1, ActorCriticConfig()),
    "a2c": Algorithm("A2C", 8, 8, ActorCriticConfig()),
    "a3c": Algorithm("A3C, feed-forward", 1, None, A3CConfig()),
    "a3c-lstm": Algorithm(
        "A3C, LSTM", 1, None, A3CConfig(), discrete_only="its LSTM carries a softmax policy (imitate/recurrent.py)"
    ),
    "ppo": Algorithm("PPO", 8, 64, PPOConfig()),
}


@dataclass(frozen=True)
class Settings:
    """How an algorithm is set for a problem."""

    hidden: tuple[int, ...] = (64, 64)
    """Widths of the hidden layers; none makes the policy linear in the features."""
    initial_std: float = 0.6
    """Deviation of a Gaussian policy's actions at the start."""
    normalise: bool = False
    """Learns mean and deviation of observations and returns along with the policy."""
    changes: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Algorithm -> what differs from its own settings; `environments` and `steps` are the algorithm's."""


TABLE = {"hidden": (), "normalise": False}
SETTINGS: dict[str, Settings] = {
    "bandit": Settings(
        **TABLE,
        changes={
            "reinforce-step": {"learning_rate": 0.05},
            "reinforce": {"learning_rate": 0.05},
            "reinforce-to-go": {"learning_rate": 0.05},
            "reinforce-baseline": {"learning_rate": 0.05, "value_steps": 2},
            "q-actor-critic": {"steps": 1, "environments": 16, "learning_rate": 0.05, "critic_rate": 1.0},
            "q-advantage": {"steps": 1, "environments": 16, "learning_rate": 0.05, "critic_rate": 1.0},
            "online": {"learning_rate": 0.2, "critic_rate": 0.5},
            "a2c": {"steps": 1, "environments": 16, "learning_rate": 0.05},
            "a3c": {"steps": 16, "learning_rate": 0.02, "entropy_weight": 0.0},
            "ppo": {
                "environments": 16,
                "steps": 1,
                "learning_rate": 0.05,
                "learning_rate_range": (1e-3, 0.2),
            },
        },
    ),
    "grid": Settings(
        **TABLE,
        changes={
            "reinforce": {"environments": 32, "learning_rate": 0.1, "gamma": 0.95},
            "reinforce-to-go": {"environments": 32, "learning_rate": 0.1, "gamma": 0.95},
            "reinforce-baseline": {"environments": 32, "learning_rate": 0.1, "gamma": 0.95, "value_steps": 5},
            "q-actor-critic": {"environments": 32, "learning_rate": 0.05, "gamma": 0.95},
            "q-advantage": {"environments": 32, "learning_rate": 0.05, "gamma": 0.95},
            "online": {"environments": 8, "learning_rate": 0.5, "critic_rate": 1.0, "gamma": 0.95},
            "a2c": {"environments": 32, "learning_rate": 0.05, "gamma": 0.95},
            "a3c": {"environments": 8, "learning_rate": 0.03, "gamma": 0.95, "entropy_weight": 0.0},
            "a3c-lstm": {"environments": 8, "learning_rate": 3e-3, "gamma": 0.95, "entropy_weight": 0.003},
            "ppo": {
                "environments": 32,
                "steps": 32,
                "minibatch_size": 256,
                "gamma": 0.95,
                "learning_rate": 0.03,
                "learning_rate_range": (1e-3, 0.1),
            },
        },
    ),
    "cartpole": Settings(
        normalise=True,
        changes={
            "reinforce": {"learning_rate": 3e-3},
            "reinforce-to-go": {"learning_rate": 3e-3},
            "reinforce-baseline": {"learning_rate": 3e-3},
            "q-actor-critic": {"learning_rate": 1e-3},
            "q-advantage": {"learning_rate": 1e-3},
            "online": {"learning_rate": 3e-3, "environments": 8},
            "a2c": {"environments": 16, "steps": 16, "gae_lambda": 0.95, "learning_rate": 3e-3},
            "a3c": {"environments": 8, "learning_rate": 2e-3, "entropy_weight": 0.0, "reward_scale": 0.02},
            "a3c-lstm": {"environments": 8, "learning_rate": 2e-3, "entropy_weight": 0.0, "reward_scale": 0.02},
            "ppo": {
                "minibatch_size": 256,
                "update_epochs": 10,
                "gamma": 0.98,
                "gae_lambda": 0.9,
                "learning_rate": 1e-3,
            },
        },
    ),
    "imitation": Settings(
        hidden=(128, 128),
        initial_std=0.15,
        normalise=True,
        changes={
            "reinforce-to-go": {"environments": 64, "gamma": 0.97, "learning_rate": 1e-3},
            "reinforce-baseline": {"environments": 64, "gamma": 0.97, "learning_rate": 1e-3},
            "a2c": {"environments": 128, "gamma": 0.97, "gae_lambda": 0.95, "learning_rate": 3e-4},
            "ppo": {"environments": 128, "steps": 16, "minibatch_size": 512},
        },
    ),
    "pendulum": Settings(
        normalise=True,
        changes={
            "a2c": {"environments": 16, "steps": 16, "gamma": 0.95, "gae_lambda": 0.9, "learning_rate": 7e-4},
            "a3c": {"environments": 8, "gamma": 0.95, "entropy_weight": 0.0, "reward_scale": 0.02},
            "ppo": {
                "environments": 16,
                "steps": 128,
                "minibatch_size": 256,
                "update_epochs": 10,
                "gamma": 0.95,
                "learning_rate": 1e-3,
                "learning_rate_range": (1e-4, 1e-3),
            },
        },
    ),
}


@dataclass(frozen=True)
class Curve:
    """How a policy became better."""

    samples: np.ndarray
    """Actions taken, (E,)."""
    seconds: np.ndarray
    """Wall clock of learning, evaluation left out [s], (E,)."""
    cpu_seconds: np.ndarray
    """Processor time of this process meanwhile [s], (E,); says more than the clock on a shared machine."""
    value: np.ndarray
    """The policy's value on fresh episodes, (E,)."""
    policy: Any
    """The last one."""

    def find_crossing(self, threshold: float) -> int | None:
        """Which point of the curve is the first at the threshold, the next one too if there is one; None if no one is.

        (An untrained CartPole policy can stand for 500 steps by luck; it does not do so twice.)
        """
        good = self.value >= threshold
        lasting = good & np.append(good[1:], True)
        lasting[0] = False
        return int(lasting.argmax()) if lasting.any() else None


def check_fit(problem_name: str, problem: LectureProblem, algorithm: str, policy: PolicyKind = "auto") -> None:
    """Refuses what cannot work.

    Raises:
      InputError: unknown algorithm, or one that cannot learn this problem; it names those which can.
    """
    if algorithm not in ALGORITHMS:
        raise InputError(f"unknown algorithm '{algorithm}'; known ones: {', '.join(ALGORITHMS)}")
    able = [name for name in ALGORITHMS if not _obstacle(problem, name)]
    obstacle = _obstacle(problem, algorithm)
    if obstacle:
        raise InputError(f"{algorithm} cannot learn {problem_name}: {obstacle}; these can: {', '.join(able)}")
    natural = "softmax" if problem.actions else "gaussian"
    if policy not in ("auto", natural):
        acts = f"chooses among {problem.actions} actions" if problem.actions else "acts by real numbers"
        raise InputError(
            f"a {policy} policy cannot act in {problem_name}, which {acts}; use --policy {natural} "
            f"(with one of {', '.join(able)})"
        )


def _obstacle(problem: LectureProblem, algorithm: str) -> str:
    entry = ALGORITHMS[algorithm]
    if entry.one_step_only and problem.horizon > 1:
        return entry.one_step_only
    return entry.discrete_only if problem.actions is None else ""


def make_policy(problem: LectureProblem, settings: Settings, name: str, recurrent: bool = False) -> Any:
    """Softmax where actions are chosen from a list, Gaussian where they are vectors, with a memory if wanted."""
    if problem.actions is None:
        layout = PolicyLayout(
            character=name,
            height=1.0,
            observation={"state": problem.observation_size},
            action=tuple(f"action_{i}" for i in range(problem.action_size)),
            action_scale=1.0,
            hidden=settings.hidden,
        )
        return Policy(layout, settings.initial_std)
    if recurrent:
        return RecurrentPolicy(problem.observation_size, problem.actions)
    return SoftmaxPolicy(problem.observation_size, problem.actions, settings.hidden, bias=bool(settings.hidden))


def learn(
    name: str,
    kind: ProblemKind,
    algorithm: str,
    samples: int,
    seed: int = 0,
    evaluations: int = 25,
    overrides: dict[str, Any] | None = None,
    progress: Progress = silent,
) -> Curve:
    """Lets an algorithm learn a problem.

    Args:
      name: of the problem, for its settings.
      kind: the problem.
      algorithm: a name in `ALGORITHMS`.
      samples: actions to take.
      seed: of weights, environments and noise.
      evaluations: points of the learning curve.
      overrides: settings that differ from the table's, by name.
      progress: called with samples and value.

    Raises:
      InputError: the algorithm cannot learn this problem.
    """
    settings = SETTINGS.get(name, Settings())
    check_fit(name, kind.make(1), algorithm)
    torch.manual_seed(seed)
    policy = make_policy(kind.make(1), settings, name, recurrent=algorithm == "a3c-lstm")
    rounds = _start_rounds(kind, algorithm, policy, settings, overrides or {}, (samples, seed))
    asynchronous = isinstance(ALGORITHMS[algorithm].config, A3CConfig)
    clock = Stopwatch()
    seen, seconds, cpu, values = [0], [0.0], [0.0], [evaluate(kind, copy.deepcopy(policy))]
    snapshots: list[Any] = []
    clock.start()
    for done in rounds:
        if done >= seen[-1] + samples / evaluations or done >= samples:
            clock.stop()
            seen.append(done)
            seconds.append(clock.seconds)
            cpu.append(clock.cpu_seconds)
            if asynchronous:
                # The workers go on meanwhile: their policy is put aside and evaluated when they are done.
                snapshots.append(copy.deepcopy(policy))
            else:
                values.append(evaluate(kind, policy))
            progress(min(done, samples), samples, f"{done:,} samples" + ("" if snapshots else f", {values[-1]:.4g}"))
            clock.start()
        if done >= samples:
            break
    rounds.close()
    values += [evaluate(kind, snapshot) for snapshot in snapshots]
    return Curve(np.array(seen), np.array(seconds), np.array(cpu), np.array(values), policy)


class Stopwatch:
    """Wall clock and processor time, with pauses."""

    def __init__(self) -> None:
        self.seconds = self.cpu_seconds = 0.0

    def start(self) -> None:
        """Goes on."""
        self._begin = time.perf_counter(), time.process_time()

    def stop(self) -> None:
        """Pauses."""
        self.seconds += time.perf_counter() - self._begin[0]
        self.cpu_seconds += time.process_time() - self._begin[1]


def _start_rounds(
    kind: ProblemKind,
    algorithm: str,
    policy: Any,
    settings: Settings,
    overrides: dict[str, Any],
    budget: tuple[int, int],
) -> Generator[int, None, None]:
    """Improves `policy` in rounds and yields the samples taken so far; `budget` is samples and seed."""
    samples, seed = budget
    entry = ALGORITHMS[algorithm]
    changes = settings.changes.get(algorithm, {}) | overrides
    size, steps = changes.pop("environments", entry.environments), changes.pop("steps", entry.steps)
    if isinstance(entry.config, A3CConfig):
        config = replace(entry.config, environments=size, **changes, **({} if steps is None else {"steps": steps}))
        return _asynchronous(kind, policy, config, samples, seed)
    update = _learner(algorithm, policy, replace(entry.config, **changes), settings, seed, samples)
    return _synchronous(Collector(kind.make(size), seed), policy, update, steps)


def _synchronous(
    collector: Collector, policy: Any, update: Callable[[Transitions], dict[str, float]], steps: int | None
) -> Generator[int, None, None]:
    """Collect, update, and again; yields the samples taken so far."""
    while True:
        update(collector.trajectories(policy) if steps is None else collector.collect(policy, steps))
        yield collector.samples


def _asynchronous(
    kind: ProblemKind, policy: Any, config: A3CConfig, samples: int, seed: int
) -> Generator[int, None, None]:
    """Workers update the shared policy at their own pace; yields the samples taken so far."""
    with closing(train_a3c(kind.make, policy, config, samples, seed)) as reports:
        for report in reports:
            yield report.samples


def _learner(
    algorithm: str, policy: Any, config: Any, settings: Settings, seed: int, samples: int
) -> Callable[[Transitions], dict[str, float]]:
    """The learner's `update`."""
    if isinstance(config, ReinforceConfig):
        return Reinforce(policy, config, settings.normalise).update
    if algorithm == "online":
        return OnlineActorCritic(policy, config, settings.normalise).update
    if algorithm == "a2c":
        return A2C(policy, config, settings.normalise, samples).update
    if isinstance(config, ActorCriticConfig):
        return QActorCritic(policy, config, settings.hidden).update
    ppo, generator = PPO(policy, config), torch.Generator().manual_seed(seed)

    def update(batch: Transitions) -> dict[str, float]:
        surrogate = surrogate_batch(policy, batch, config.gamma, config.gae_lambda)
        if not settings.normalise:
            surrogate = replace(surrogate, observation_moments=torch.zeros_like(batch.moments))
        return ppo.update(surrogate, generator)

    return update

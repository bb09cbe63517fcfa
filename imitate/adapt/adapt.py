"""A skill learns to adapt to its load, its strength and the ground (RMA, Kumar et al. 2021, section III).

Phase 1: the skill's policy is given a latent z = mu(e) of the extrinsics, and both are learnt by PPO in randomised
dynamics. Phase 2: the adaptation module phi learns to say z from what the body felt in the last 1.7 s, on rollouts that
it steers itself.
"""

from dataclasses import dataclass, field, replace
from math import inf
from pathlib import Path
from typing import Any

from imitate.adapt.networks import AdaptiveSkill
from imitate.adapt.skill_regression import SkillRegressionConfig, fit_adaptation
from imitate.adapt.start import AdaptiveStart, extend_policy
from imitate.env.dynamics import DynamicsConfig
from imitate.env.task import Task
from imitate.policy import Policy
from imitate.training.config import ResolvedTrainConfig, TrainConfig
from imitate.training.job import Job
from imitate.training.loop import BEST_POLICY
from imitate.training.train import run_job
from pose.errors import InputError
from pose.progress import Progress, silent

PUSH = 0.8
"""Strongest push while learning [m/s]."""
LEARNING_RATE = 2e-4
"""Initial step size of PPO, small so that what the skill can do is kept."""


@dataclass(frozen=True)
class AdaptConfig:
    """Learning to adapt."""

    minutes: float = 8.0
    """Wall-clock time for PPO in randomised dynamics [min]; the adaptation module takes a minute or two more."""
    samples: int | None = None
    """Most control steps of PPO; unlimited if left out."""
    margin: float = 1.1
    """What is learnt in reaches further than the ranges by this factor."""
    workers: int = 0
    """Processes that collect and learn; 0 for one a core."""
    seed: int = 0
    """Seed of weights, dynamics and noise."""
    trials: int = 100
    """Rollouts that survival in varied dynamics is measured over at the end."""
    dynamics: DynamicsConfig = field(default_factory=DynamicsConfig)
    regression: SkillRegressionConfig = field(default_factory=SkillRegressionConfig)

    def check(self) -> "AdaptConfig":
        """The config itself.

        Raises:
          InputError: an option is out of its range.
        """
        if not 0.0 < self.minutes < inf:
            raise InputError(f"minutes {self.minutes}: learning to adapt needs some time; give a positive number")
        if self.samples is not None and self.samples < 1:
            raise InputError(f"samples {self.samples}: give a positive number of control steps")
        if self.trials < 1:
            raise InputError(f"trials {self.trials}: give 1 or more")
        if self.seed < 0 or self.workers < 0:
            raise InputError(f"seed {self.seed}, workers {self.workers}: give 0 or more")
        if not 1.0 <= self.margin <= 2.0:
            raise InputError(f"margin {self.margin:g}: give 1 to 2")
        self.dynamics.check()
        self.regression.check()
        return self


def adapt_policy(
    policy: Policy, task: Task, config: AdaptConfig, folder: Path, progress: Progress = silent
) -> tuple[AdaptiveSkill, dict[str, Any]]:
    """Learns to adapt; continues from the folder's checkpoint if there is one of the same skill and ranges.

    Args:
      policy: the skill's.
      task: what it performs, on the plane.
      config: how.
      folder: of the training; made if it is absent.
      progress: is called with the fraction of the budget that is used.

    Returns:
      The policy with its encoder and its adaptation module, and metrics of the training.

    Raises:
      InputError: an option is out of range, the ground is no plane, or the character lacks the limbs.
      TrainingError: numbers exploded or a worker died; the last checkpoint is kept.
    """
    config.check()
    dynamics = replace(config.dynamics, seed=config.seed + config.dynamics.seed).widen(config.margin)
    start = AdaptiveStart(extend_policy(policy, dynamics, config.seed), dynamics)
    folder.mkdir(parents=True, exist_ok=True)
    metrics = run_job(Job(task, choose_training(policy, config), folder, start=start), progress)
    found = AdaptiveSkill.load(folder / BEST_POLICY)
    phi, fitted = fit_adaptation(found.policy, task, dynamics, config.regression, progress, config.seed)
    return AdaptiveSkill(found.policy, phi), metrics | fitted


def choose_training(policy: Policy, config: AdaptConfig) -> ResolvedTrainConfig:
    """The options of PPO: a skill's, but from its own weights, with stronger pushes, and only falls end an episode."""
    options = TrainConfig(
        minutes=config.minutes,
        samples=config.samples,
        seed=config.seed,
        workers=config.workers,
        warm_start="none",
        num_steps=16,
        hidden_sizes=policy.layout.hidden,
        early_stop=False,
    ).resolve()
    env = replace(options.env, push_speed=PUSH, tracking_threshold=inf, action_scale=policy.layout.action_scale)
    return replace(options, env=env, ppo=replace(options.ppo, learning_rate=LEARNING_RATE))

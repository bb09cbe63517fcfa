"""Phase 2 of RMA for a skill from video: its adaptation module, learnt on rollouts in varied dynamics."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from imitate.adapt.networks import AdaptationModule, AdaptivePolicy
from imitate.adapt.regression import Regression, RegressionConfig
from imitate.adapt.runner import AdaptiveRunner
from imitate.env.dynamics import DynamicsConfig
from imitate.env.env import EnvConfig, ImitationEnv
from imitate.env.task import Task
from pose.errors import InputError
from pose.progress import Progress, silent

PERIOD, DELAY = 3, 1
"""Control steps between runs of phi (10 Hz beside 30 Hz), and until its answer is used."""


@dataclass(frozen=True)
class SkillRegressionConfig(RegressionConfig):
    """How the adaptation module of a skill is learnt."""

    buffer: int = 6144
    """Latest pairs of history and truth that it is fitted to."""
    updates: int = 10
    """Steps of the optimiser for every so many new pairs as a minibatch has."""
    steps: int = 2400
    """Control steps that each environment takes."""
    num_envs: int = 96
    """Environments."""

    def check(self) -> None:
        """Raises `InputError` if an option is out of its range."""
        super().check()
        for name, least in (("steps", 1), ("num_envs", 2)):
            if getattr(self, name) < least:
                raise InputError(f"regression.{name} {getattr(self, name)}: give {least} or more")
        if self.num_envs > self.buffer:
            raise InputError(f"regression.buffer {self.buffer}: give at least num_envs {self.num_envs}")


def fit_adaptation(
    policy: AdaptivePolicy,
    task: Task,
    dynamics: DynamicsConfig,
    config: SkillRegressionConfig,
    progress: Progress = silent,
    seed: int = 0,
) -> tuple[AdaptationModule, dict[str, float]]:
    """Learns phi for a policy.

    Args:
      policy: pi and mu, which stay as they are.
      task: what is performed.
      dynamics: ranges of the extrinsics.
      config: how long.
      progress: is called with the control steps taken.
      seed: of weights, starts and samples.

    Returns:
      phi, and `phi_error`: the root mean square error of z^ over the standard deviation of z, at the end.
    """
    torch.manual_seed(seed)
    rng, layout = np.random.default_rng(seed), policy.layout
    phi = AdaptationModule(layout.state_size + layout.action_size, layout.latent)
    env_config = EnvConfig(action_scale=layout.sensed.action_scale, tracking_threshold=np.inf, push_speed=0.4)
    env = ImitationEnv(task, env_config, config.num_envs, dynamics=dynamics)
    errors: list[Tensor] = []

    def find_truth(ids: np.ndarray) -> np.ndarray:
        return policy.encode(env.observe()[ids, layout.sensed_size :])

    regression = Regression(phi, config, find_truth, seed)

    def record(ids: np.ndarray, history: Tensor) -> None:
        truth = regression.record(ids, history)
        if len(ids) < 2:
            return  # has no spread
        with torch.no_grad():
            errors.append(torch.stack([(phi(history) - truth).square().mean(), truth.var(0).mean()]))

    runner = AdaptiveRunner(policy, phi, config.num_envs, PERIOD, DELAY, record=record)
    frames = rng.integers(0, env.reference.starts, config.num_envs)
    env.start(frames, rng=rng, offset=env.rest(frames))
    for step in range(config.steps):
        result = env.step(runner.act(env.observe(), rng))
        ended = np.flatnonzero(result.done)
        if len(ended):
            frames = rng.integers(0, env.reference.starts, len(ended))
            env.start(frames, ended, rng, env.rest(frames))
            runner.forget(ended)
        regression.improve(step / config.steps)
        progress(step + 1, config.steps, f"adaptation module, {len(errors)} runs")
    if not errors:
        raise InputError(f"regression.steps {config.steps}: too few for the adaptation module to run; give more")
    late = torch.stack(errors[-max(1, len(errors) // 5) :]).mean(0)
    return phi, {"phi_error": float((late[0] / late[1].clamp(min=1e-9)).sqrt())}

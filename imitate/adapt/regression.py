"""Phase 2 of RMA: the adaptation module learns to say z, on rollouts that it steers itself.

Taught on the expert's rollouts it looks accurate and fails once the loop is closed (RMA, section III-C): its mistakes
lead where the expert never was. So pi acts with phi's own z^ from the first step, phi at its own rate and late, as in
use, and every history that phi is given is a sample.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from imitate.adapt.networks import AdaptationModule, AdaptivePolicy
from imitate.adapt.runner import AdaptiveRunner
from imitate.env.dynamics import DynamicsConfig
from imitate.env.env import EnvConfig, ImitationEnv
from imitate.env.task import Task
from pose.errors import InputError
from pose.progress import Progress, silent

PERIOD, DELAY = 3, 1
"""Control steps between runs of phi (10 Hz beside 30 Hz), and until its answer is used."""


@dataclass(frozen=True)
class RegressionConfig:
    """How the adaptation module is learnt."""

    steps: int = 2400
    """Control steps that each environment takes."""
    num_envs: int = 96
    """Environments."""
    updates: int = 4
    """Steps of the optimiser after each run of phi."""
    minibatch_size: int = 256
    """Histories in each."""
    buffer: int = 6144
    """Latest histories that are learnt from."""
    learning_rate: float = 1e-3
    """Initial step size of Adam; it falls to a tenth."""

    def check(self) -> "RegressionConfig":
        """The config itself.

        Raises:
          InputError: an option is out of its range.
        """
        for name in ("steps", "num_envs", "updates", "minibatch_size", "buffer"):
            if getattr(self, name) < 1:
                raise InputError(f"regression.{name} {getattr(self, name)}: give 1 or more")
        if max(self.minibatch_size, self.num_envs) > self.buffer:
            raise InputError(
                f"regression.buffer {self.buffer}: give at least minibatch_size {self.minibatch_size} and "
                f"num_envs {self.num_envs}"
            )
        if not 0.0 < self.learning_rate <= 1.0:
            raise InputError(f"regression.learning_rate {self.learning_rate:g}: give a number over 0 up to 1")
        return self


class HistoryBuffer:
    """The latest histories that phi was given, and the z that would have been right."""

    def __init__(self, size: int, phi: AdaptationModule):
        self.size, self.count, self.at = size, 0, 0
        self.history = torch.zeros(size, phi.steps, phi.inputs, dtype=torch.float16)
        self.target = torch.zeros(size, phi.outputs)

    def add(self, history: Tensor, target: Tensor) -> None:
        """Takes in (M, k, inputs) and (M, outputs); the oldest ones go."""
        rows = (self.at + torch.arange(len(history))) % self.size
        self.history[rows], self.target[rows] = history.half(), target
        self.at, self.count = (self.at + len(history)) % self.size, min(self.count + len(history), self.size)

    def sample(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Some of them at random."""
        rows = torch.randint(self.count, (count,), generator=generator)
        return self.history[rows].float(), self.target[rows]


def fit_adaptation(
    policy: AdaptivePolicy,
    task: Task,
    dynamics: DynamicsConfig,
    config: RegressionConfig,
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
    generator, rng = torch.Generator().manual_seed(seed), np.random.default_rng(seed)
    layout = policy.layout
    phi = AdaptationModule(layout.state_size + layout.action_size, layout.latent)
    env_config = EnvConfig(action_scale=layout.sensed.action_scale, tracking_threshold=np.inf, push_speed=0.4)
    env = ImitationEnv(task, env_config, config.num_envs, dynamics=dynamics)
    buffer, errors = HistoryBuffer(config.buffer, phi), list[Tensor]()
    optimiser = torch.optim.Adam(phi.parameters(), lr=config.learning_rate)

    def record(ids: np.ndarray, history: Tensor) -> None:
        target = torch.from_numpy(policy.encode(env.observe()[ids, layout.sensed_size :]))
        errors.append(torch.stack([(phi(history) - target).square().mean(), target.var(0).mean()]).detach())
        buffer.add(history, target)

    runner = AdaptiveRunner(policy, phi, config.num_envs, PERIOD, DELAY, record=record)
    env.start(rng.integers(0, env.reference.starts, config.num_envs), rng=rng)
    for step in range(config.steps):
        result = env.step(runner.act(env.observe(), rng))
        ended = np.flatnonzero(result.done)
        if len(ended):
            env.start(rng.integers(0, env.reference.starts, len(ended)), ended, rng)
            runner.forget(ended)
        if step % PERIOD == 0 and buffer.count >= config.minibatch_size:
            for options in optimiser.param_groups:
                options["lr"] = config.learning_rate * 0.1 ** (step / config.steps)
            for _ in range(config.updates):
                history, target = buffer.sample(config.minibatch_size, generator)
                optimiser.zero_grad()
                (phi(history) - target).square().mean().backward()
                optimiser.step()
        progress(step + 1, config.steps, f"adaptation module, {len(errors)} runs")
    late = torch.stack(errors[-max(1, len(errors) // 5) :]).mean(0)
    return phi, {"phi_error": float((late[0] / late[1].clamp(min=1e-9)).sqrt())}

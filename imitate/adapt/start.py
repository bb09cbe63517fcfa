"""From a skill to one that can learn to adapt: the same actions, with a latent that says nothing yet."""

import copy
import hashlib
from dataclasses import dataclass, replace

import numpy as np
import torch

from imitate.adapt.networks import AdaptiveLayout, AdaptivePolicy
from imitate.env.dynamics import EXTRINSICS, PARTS, DynamicsConfig, nominal_extrinsics
from imitate.env.env import ImitationEnv
from imitate.env.task import Task
from imitate.policy import Policy
from imitate.training.config import ResolvedTrainConfig

LATENT = 8
"""Length of z (RMA)."""


@dataclass(frozen=True)
class AdaptiveStart:
    """What learning to adapt begins with."""

    policy: AdaptivePolicy
    """Acts as the skill does, whatever the extrinsics."""
    dynamics: DynamicsConfig
    """Ranges of the extrinsics."""
    value_samples: int = 120_000
    """Control steps that only the value function learns from, before PPO; a shipped skill has none."""

    @property
    def digest(self) -> str:
        """Names the weights and the ranges."""
        digest = hashlib.sha256(repr((self.dynamics, self.value_samples)).encode())
        for name, value in sorted(self.policy.state_dict().items()):
            if not name.startswith(NEW):
                digest.update(name.encode() + value.double().numpy().tobytes())
        return digest.hexdigest()

    def make_env(self, task: Task, config: ResolvedTrainConfig, num_envs: int, rank: int) -> ImitationEnv:
        """Environments of a process: pushed or not, with dynamics of their own or not, a quarter each."""
        number, dynamics = np.arange(num_envs), replace(self.dynamics, seed=self.dynamics.seed + rank)
        affected, varied = number % 2 == 0, number % 4 < 2
        return ImitationEnv(task, config.env, num_envs, affected=affected, dynamics=dynamics, varied=varied)

    def make_policy(self) -> AdaptivePolicy:
        """A copy to be trained."""
        return copy.deepcopy(self.policy)


NEW = ("critic.", "returns.", "actor.encoder.")
"""Prefixes of the names of weights that the skill does not have."""


def extend_policy(policy: Policy, dynamics: DynamicsConfig, seed: int = 0) -> AdaptivePolicy:
    """The skill's policy with extrinsics: pi(x, mu(e)), where the weights of z are zero, so that nothing changes yet.

    The paper's last action is left out: an imitation policy's observation has the whole state and the reference.
    """
    layout = AdaptiveLayout(policy.layout, dict(PARTS), LATENT)
    torch.manual_seed(seed)
    found = AdaptivePolicy(layout)
    size = layout.sensed_size
    old = [layer for layer in policy.actor if isinstance(layer, torch.nn.Linear)]
    new = [layer for layer in found.actor.base if isinstance(layer, torch.nn.Linear)]
    with torch.no_grad():
        for i, (source, target) in enumerate(zip(old, new, strict=True)):
            target.weight[:, : source.weight.shape[1]] = source.weight
            target.bias.copy_(source.bias)
            if i == 0:
                target.weight[:, size:] = 0.0
        found.log_std.copy_(policy.log_std)
        seen, own = found.observations, policy.observations
        mean, variance = extrinsic_moments(dynamics)
        seen.mean.copy_(torch.cat([own.mean, torch.from_numpy(mean).float()]))
        seen.variance.copy_(torch.cat([own.variance, torch.from_numpy(variance).float()]))
        seen.count.copy_(own.count)
    return found


def extrinsic_moments(dynamics: DynamicsConfig) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance of extrinsics that are drawn evenly, (E,) each, the variance positive."""

    def of(low: float, high: float, size: int) -> tuple[np.ndarray, np.ndarray]:
        return np.full(size, (low + high) / 2.0), np.full(size, max((high - low) ** 2 / 12.0, 1e-6))

    slope = np.sin(np.deg2rad(dynamics.slope))
    place = [of(-limit, limit, 1) for limit in dynamics.payload_place]
    parts = [
        of(*dynamics.payload, 1),
        *place,
        of(-dynamics.com, dynamics.com, 3),
        of(*dynamics.friction, 1),
        of(*dynamics.strength, PARTS["strength"]),
        of(-slope, slope, 2),
    ]
    means, variances = (np.concatenate(values) for values in zip(*parts, strict=True))
    assert means.shape == (EXTRINSICS,) == nominal_extrinsics().shape
    return means, variances

"""From a skill to one that can learn to adapt: the same actions, with a latent that says nothing yet."""

import copy
import hashlib
from dataclasses import dataclass, replace

import numpy as np
import torch

from imitate.adapt.networks import AdaptiveLayout, AdaptivePolicy
from imitate.env.dynamics import EXTRINSICS, PARTS, DynamicsConfig, nominal_extrinsics
from imitate.env.env import ImitationEnv
from imitate.env.observation import ObservationLayout
from imitate.env.task import Task
from imitate.policy import CLIP, VALUE_PARTS, FixedNormaliser, Policy, add_weights
from imitate.training.config import ResolvedTrainConfig
from imitate.training.evaluation import Evaluator
from imitate.training.process_group import ProcessGroup

LATENT = 8
"""Length of z (RMA)."""
LEAST_STD = 0.2
"""Least standard deviation of actions to begin with: what is learnt in an update is in proportion to it."""
LEASH = 0.3
"""Who is further ahead, behind or aside than this sees no more of it [m], however far the reference goes."""
# On ice or uphill nobody keeps the reference's pace; to hurry the more, the further it is away, throws the body.


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
        add_weights(digest, self.policy, NEW)
        return digest.hexdigest()

    def make_env(self, task: Task, config: ResolvedTrainConfig, num_envs: int, rank: int) -> ImitationEnv:
        """Environments of a process: of eight, five have dynamics of their own, three are pushed, one has neither."""
        number, dynamics = np.arange(num_envs) % 8, replace(self.dynamics, seed=self.dynamics.seed + rank)
        varied, affected = number < 5, (number >= 4) & (number < 7)
        return ImitationEnv(task, config.env, num_envs, affected=affected, dynamics=dynamics, varied=varied)

    def make_evaluator(self, task: Task, config: ResolvedTrainConfig, group: ProcessGroup) -> Evaluator:
        """Evaluations, half of what counts in dynamics that vary."""
        return Evaluator(task, config, group, self.dynamics)

    def make_expert(self, env: ImitationEnv) -> None:
        """There is none: the skill acts already."""

    def make_initial_states(self, env: ImitationEnv) -> None:
        """Those of the config."""

    def make_policy(self) -> AdaptivePolicy:
        """A copy to be trained."""
        return copy.deepcopy(self.policy)


NEW = (*VALUE_PARTS, "actor.encoder.")
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
        found.log_std.copy_(policy.log_std.clamp(min=float(np.log(LEAST_STD))))
        # What the skill was used to is not forgotten over those who are left far behind.
        found.observations = FixedNormaliser(size + EXTRINSICS)
        seen, own = found.observations, policy.observations
        mean, variance = extrinsic_moments(dynamics)
        seen.mean.copy_(torch.cat([own.mean, torch.from_numpy(mean).float()]))
        seen.variance.copy_(torch.cat([own.variance, torch.from_numpy(variance).float()]))
        seen.count.copy_(own.count)
        shorten_sight(found)
    return found


def shorten_sight(policy: AdaptivePolicy) -> None:
    """Lets the normaliser cut the horizontal offset from the reference at `LEASH`; within it nothing changes."""
    begin = ObservationLayout(policy.layout.sensed.observation).column("root_offset")
    seen, first = policy.observations, policy.actor.base[0]
    assert isinstance(first, torch.nn.Linear)
    for column in (begin, begin + 1):
        narrow = (LEASH / CLIP) ** 2 - 1e-6
        first.weight[:, column] *= float(((narrow + 1e-6) / (seen.variance[column] + 1e-6)).sqrt())
        first.bias += first.weight[:, column] * seen.mean[column] * -CLIP / LEASH
        seen.mean[column], seen.variance[column] = 0.0, narrow


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

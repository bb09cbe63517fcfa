"""Warm start: the tracker's controller distilled into a policy before reinforcement learning goes on from it.

The policy acts, the expert says in every state it comes to what it would have done, and the policy is fitted to that
(DAgger, Ross et al. 2011). The expert is the draft's own controller, feed-forward controls and feedback gains at every
step: one smooth function of the state, which plans made anew at every step are not, and free of cost. Actions carry
the policy's noise, half of the episodes start on the draft, half on the reference, so that what is learnt holds in a
tube around both. The value function learns from the same samples; when PPO begins it knows what the policy is worth
with that noise, and nothing has to be frozen. (With less noise in some of the simulations a walk's clone fell as soon,
and PPO then took longer: .80 instead of .95 after 0.25 M samples.)
"""

from dataclasses import dataclass
from typing import Any

import mujoco
import numpy as np
import torch
from torch import nn

from imitate.env.env import ImitationEnv
from imitate.policy import Normaliser, Policy
from imitate.tracking.draft import Draft
from imitate.training.collect import Actor, Batch
from imitate.training.initial_state import InitialStates
from imitate.training.process_group import ProcessGroup
from imitate.training.skill_collector import SkillCollector

REACH = 0.7
"""Where a joint or the root is this far from the draft [rad, m], the expert's word counts a third: its gains are those
of a model about the draft."""


@dataclass(frozen=True)
class DistillConfig:
    """Settings of the warm start."""

    samples: int = 160_000
    """Control steps that the policy imitates the expert for."""
    beta_decay: float = 0.4
    """Fraction of these samples over which the share of environments where the expert acts falls from 1 to 0."""
    update_epochs: int = 6
    """Passes over each batch."""
    minibatch_size: int = 512
    """Samples of all processes together in one step of the optimiser."""
    learning_rate: float = 1e-3
    """Step size of Adam, a third of it in the last third."""
    ppo_learning_rate: float = 1e-4
    """Initial step size of PPO after the warm start, small so that what was imitated is kept."""


class Expert:
    """The draft's controller at every row of an environment's reference.

    It is kept as differences from the reference, so that a loop's later cycles, which the draft did not perform, are
    done like its last but one (the last has no future to act for). It looks at the body alone, not at a scene's box.
    """

    def __init__(self, draft: Draft, env: ImitationEnv):
        reference, steps = env.reference, len(draft.controls)
        rows, cycle = np.arange(len(reference)), reference.starts
        own = np.minimum(rows, max(steps - 1, 0))
        """Row of the draft that each row of the reference is done like."""
        if reference.loop and steps >= cycle:
            first = max(0, steps - 2 * cycle)
            model = np.arange(first, first + cycle)
            apart = np.abs(reference.phase[rows][:, None] - reference.phase[model])
            nearest = model[np.minimum(apart, 1.0 - apart).argmin(axis=1)]
            own = np.where(rows < first, rows, nearest)
        self.covered = (rows < steps) | (reference.loop and steps >= cycle)
        self._turn = reference.heading[rows] - reference.heading[own]
        self._controls, self._gains = draft.controls[own], draft.gains[own].astype(np.float32)
        self.pose_offset = env.joints.difference(reference.qpos[own], draft.rollout.qpos[own])
        self.speed_offset = draft.qvel[own] - reference.qvel[own]
        for offset in (self.pose_offset, self.speed_offset):
            offset[:, :2] = _turned(offset[:, :2], self._turn)
        self._qpos, self._qvel = reference.qpos.copy(), reference.qvel + self.speed_offset
        for pose, step in zip(self._qpos, self.pose_offset, strict=True):
            mujoco.mj_integratePos(env.body, pose, step, 1.0)
        self._scale = env.config.action_scale

    def act(self, env: ImitationEnv) -> tuple[np.ndarray, np.ndarray]:
        """What the expert would do, and how much its word counts.

        Returns:
          Actions, float32 (N, nu), and weights from 0 to 1, float32 (N,).
        """
        row = env.row
        pose = env.joints.difference(self._qpos[row], env.qpos)
        weight = self.covered[row] * np.exp(-np.square(np.abs(pose).max(axis=1) / REACH))
        speed = env.qvel - self._qvel[row]
        for offset in (pose, speed):
            offset[:, :2] = _turned(offset[:, :2], -self._turn[row])
        away = np.concatenate([pose, speed], axis=1, dtype=np.float32, casting="same_kind")
        controls = self._controls[row] + np.matmul(self._gains[row], away[:, :, None])[:, :, 0]
        return (np.clip(controls, -1.0, 1.0) / self._scale).astype(np.float32), weight.astype(np.float32)


def _turned(xy: np.ndarray, angle: np.ndarray) -> np.ndarray:
    """Vectors turned about the vertical, (N, 2) by (N,) [rad]."""
    cos, sin = np.cos(angle), np.sin(angle)
    return np.stack([cos * xy[:, 0] - sin * xy[:, 1], sin * xy[:, 0] + cos * xy[:, 1]], axis=1)


class ExpertCollector(SkillCollector):
    """Collects with the expert looking on: what it would have done is kept beside the samples."""

    def __init__(self, env: ImitationEnv, initial_states: InitialStates, seed: int, expert: Expert):
        self.expert = expert
        self.share = 0.0
        """Share of the simulations in which the expert acts."""
        self.watched = False
        """The expert is asked at all."""
        self._said: list[tuple[np.ndarray, np.ndarray]] = []
        super().__init__(env, initial_states, seed)

    def act(self, policy: Actor, observation: np.ndarray) -> np.ndarray:
        """The policy's actions, or the expert's with the policy's noise."""
        if not self.watched:
            return super().act(policy, observation)
        wanted, weight = self.expert.act(self.env)
        self._said.append((wanted, weight))
        action = super().act(policy, observation)
        if self.share > 0.0:
            assert isinstance(policy, Policy)
            noise = np.exp(policy.log_std.detach().numpy()) * self.rng.standard_normal(wanted.shape, dtype=np.float32)
            led = (np.arange(self.env.size) < self.share * self.env.size) & (weight > 0.0)
            action = np.where(led[:, None], wanted + noise, action)
        return action

    def start(self, ids: np.ndarray) -> None:
        """Half of the episodes on the draft, half on the reference."""
        super().start(ids)
        if not self.watched:
            return
        rows, half = self.env.row[ids], self.rng.random(len(ids)) < 0.5
        half &= self.expert.covered[rows]
        if half.any():
            rows, ids = rows[half], ids[half]
            offset, speed = self.expert.pose_offset[rows], self.expert.speed_offset[rows]
            self.env.start(rows, ids, self.rng, offset, speed)

    def said(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Actions (M, nu) and weights (M,) since the last call, in the order of a batch."""
        wanted, weight = (np.concatenate(parts) for parts in zip(*self._said, strict=True))
        self._said.clear()
        return torch.from_numpy(wanted), torch.from_numpy(weight)


class Distiller:
    """Fits the policy to the expert and the value function to the returns."""

    def __init__(self, policy: Policy, config: DistillConfig, group: ProcessGroup):
        self.policy, self.config, self.group = policy, config, group
        self.parameters = [*policy.actor.parameters(), *policy.critic.parameters()]
        self.optimiser = torch.optim.Adam(self.parameters, lr=config.learning_rate, eps=1e-5)

    def expert_share(self, samples: int) -> float:
        """Share of the simulations in which the expert acts after so many samples."""
        return max(0.0, 1.0 - samples / max(self.config.beta_decay * self.config.samples, 1.0))

    def update(
        self, batch: Batch, wanted: torch.Tensor, weight: torch.Tensor, samples: int, generator: torch.Generator
    ) -> dict[str, float]:
        """K epochs of minibatch steps on one batch.

        Args:
          batch: what the policy met.
          wanted: the expert's actions there, (M, A).
          weight: how much they count, (M,).
          samples: seen so far, all processes together.
          generator: shuffles the minibatches.

        Returns:
          Mean squared error of actions (`imitation_loss`) and of the value function (`value_loss`).
        """
        policy, config, group = self.policy, self.config, self.group
        late = samples > config.samples * 2 / 3
        for options in self.optimiser.param_groups:
            options["lr"] = config.learning_rate * (1.0 / 3.0 if late else 1.0)
        returns = batch.advantage + batch.value
        policy.returns.update(group.sum(Normaliser.moments(returns[:, None])))
        target = ((returns - policy.returns.mean) * torch.rsqrt(policy.returns.variance + 1e-6)).detach()
        size = min(max(1, config.minibatch_size // group.size), len(target))
        losses = []
        for _ in range(config.update_epochs):
            order = torch.randperm(len(target), generator=generator)
            for rows in order[: len(target) // size * size].view(-1, size):
                observation = batch.observation[rows]
                missed = (policy.actor(observation) - wanted[rows]).square().mean(-1)
                imitation = (weight[rows] * missed).mean()
                value = (policy.critic(observation).squeeze(-1) - target[rows]).square().mean()
                self.optimiser.zero_grad()
                (imitation + value).backward()
                both = torch.stack([imitation.detach(), value.detach()])
                losses.append(group.average_gradients(self.parameters, both))
                nn.utils.clip_grad_norm_(self.parameters, 1.0)
                self.optimiser.step()
        # Only now, so that all of a batch was normalised alike.
        policy.observations.update(group.sum(batch.observation_moments.clone()))
        imitation, value = torch.stack(losses).mean(0).tolist()
        return {"imitation_loss": imitation, "value_loss": value}

    def state(self) -> dict[str, Any]:
        """What a checkpoint must hold."""
        return {"optimiser": self.optimiser.state_dict()}

    def restore(self, state: dict[str, Any]) -> None:
        """The opposite of `state`."""
        self.optimiser.load_state_dict(state["optimiser"])

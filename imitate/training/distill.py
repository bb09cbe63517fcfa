"""Warm start: the tracking controller is distilled into the policy before PPO takes over.

The policy acts, the expert labels every state with the action that it would have taken there, and the policy is fitted
to the labels (DAgger, Ross et al. 2011). The expert is the draft's own controller, feed-forward controls and feedback
gains at every control step: one smooth function of the state, which plans made anew at every step are not, and cheap.
Actions carry the policy's noise, and half of the episodes start on the draft, half on the reference, so that what is
learnt holds in a tube around both. The value function learns from the same samples; when PPO begins it knows the value
of the policy with that noise, and nothing has to be frozen.
"""
# With less noise in some of the environments a walk's clone fell as soon, and PPO then took longer: .80 instead of .95
# after 0.25 M samples.

from dataclasses import dataclass
from typing import Protocol

import mujoco
import numpy as np
import torch
from torch import Tensor, nn

from imitate.env.env import ImitationEnv
from imitate.policy import Policy
from imitate.tracking.draft import Draft
from imitate.training.collect import Batch, minibatches, value_target
from imitate.training.learner import BeforePPO, SkillPPO
from imitate.training.process_group import ProcessGroup
from imitate.training.skill_collector import EpisodeSums
from pose.ranges import check_ranges

TRUST_DISTANCE = 0.7
"""Distance of a joint or the root from the draft at which an expert label has 1/e of its weight [rad, m]."""
# The gains are those of a linear model about the draft.


@dataclass(frozen=True)
class DistillConfig:
    """Settings of the warm start."""

    samples: int = 160_000
    """Control steps that the policy imitates the expert for; 0 for none."""
    beta_decay: float = 0.4
    """Fraction of these samples over which the fraction of environments where the expert acts falls from 1 to 0."""
    update_epochs: int = 6
    """Passes over each batch."""
    minibatch_size: int = 512
    """Samples of all processes together in one step of the optimiser."""
    learning_rate: float = 1e-3
    """Step size of Adam, a third of it in the last third."""
    ppo_learning_rate: float = 1e-4
    """Initial step size of PPO after the warm start, small so that what was imitated is kept."""

    def check(self) -> None:
        """Raises `InputError` if an option is out of its range."""
        counts = {"samples": (0, 1e12)} | dict.fromkeys(("update_epochs", "minibatch_size"), (1, 1e12))
        rates = dict.fromkeys(("learning_rate", "ppo_learning_rate"), (1e-9, 1.0))
        check_ranges(self, counts | rates | {"beta_decay": (1e-6, 1.0)}, "distill.")


class Labeller(Protocol):
    """Who says what to do in the states that environments are in."""

    covered: np.ndarray
    """Frames of the reference that it has a performance of, bool (frames,)."""
    pose_offset: np.ndarray
    """Tangent step from the reference's pose to that of the performance, (frames, nv); the box's after the body's."""
    velocity_offset: np.ndarray
    """Velocity of the performance less that of the reference, (frames, nv)."""
    favoured: np.ndarray | None
    """Frames that half of the episodes begin at; None for any."""

    def label(self, env: ImitationEnv) -> tuple[np.ndarray, np.ndarray]:
        """Actions, float32 (N, nu), and their weights in the loss from 0 to 1, float32 (N,)."""
        ...


class Expert:
    """The draft's controller at every frame of an environment's reference.

    It is kept as differences from the reference, so that later cycles of a loop, which the draft did not perform, are
    controlled like the draft's last cycle but one (the last has no future to act for).
    """

    def __init__(self, draft: Draft, env: ImitationEnv):
        self.favoured: np.ndarray | None = None
        reference, steps = env.reference, len(draft.controls)
        frames, cycle = np.arange(len(reference)), reference.starts
        source = np.minimum(frames, max(steps - 1, 0))
        """Frame of the draft that controls each frame of the reference."""
        if reference.loop and steps >= cycle:
            first = max(0, steps - 2 * cycle)
            model = np.arange(first, first + cycle)
            apart = np.abs(reference.phase[frames][:, None] - reference.phase[model])
            nearest = model[np.minimum(apart, 1.0 - apart).argmin(axis=1)]
            source = np.where(frames < first, frames, nearest)
        self.covered = (frames < steps) | (reference.loop and steps >= cycle)
        """Frames that the draft has a controller for, bool (frames,)."""
        self._places = (0, env.body.nv) if env.scene.has_box else (0,)
        self._yaw = reference.heading[frames] - reference.heading[source]
        self._controls, self._gains = draft.controls[source], draft.gains[source].astype(np.float32)
        self.pose_offset = env.joints.difference_all(env.goal_qpos[source], draft.rollout.all_qpos[source])
        """Tangent step from the reference's pose to the draft's, (frames, nv)."""
        self.velocity_offset = draft.qvel[source] - env.goal_qvel[source]
        """Velocity of the draft less that of the reference, (frames, nv)."""
        for offset in (self.pose_offset, self.velocity_offset):
            _turn(offset, self._places, self._yaw)
        self._qpos, self._qvel = env.goal_qpos.copy(), env.goal_qvel + self.velocity_offset
        for pose, step in zip(self._qpos, self.pose_offset, strict=True):
            mujoco.mj_integratePos(env.model, pose, step, 1.0)
        self._action_scale = env.config.action_scale

    def label(self, env: ImitationEnv) -> tuple[np.ndarray, np.ndarray]:
        """The expert's actions in the states that the environments are in.

        Returns:
          Actions, float32 (N, nu), and their weights in the loss from 0 to 1, float32 (N,).
        """
        frame = env.frame
        pose = env.joints.difference_all(self._qpos[frame], env.all_qpos)
        weight = self.covered[frame] * compute_trust(pose[:, : env.body.nv])
        velocity = env.all_qvel - self._qvel[frame]
        for offset in (pose, velocity):
            _turn(offset, self._places, -self._yaw[frame])
        controls = apply_feedback(self._controls[frame], self._gains[frame], pose, velocity)
        return (controls / self._action_scale).astype(np.float32), weight.astype(np.float32)


def compute_trust(pose: np.ndarray, distance: float = TRUST_DISTANCE) -> np.ndarray:
    """Weights of an expert's labels, (N,), by tangent steps from its performance [rad, m], (N, nv)."""
    return np.exp(-np.square(np.abs(pose).max(axis=1) / distance))


def apply_feedback(controls: np.ndarray, gains: np.ndarray, pose: np.ndarray, velocity: np.ndarray) -> np.ndarray:
    """Offsets of the servo targets that a controller gives beside its performance, u + K x [rad], (N, nu).

    Args:
      controls: u, (N, nu).
      gains: K, float32 (N, nu, 2 nv).
      pose: tangent steps from the performance, (N, nv).
      velocity: differences from its velocities, (N, nv).
    """
    offset = np.concatenate([pose, velocity], axis=1, dtype=np.float32, casting="same_kind")
    return np.clip(controls + np.matmul(gains, offset[:, :, None])[:, :, 0], -1.0, 1.0)


def _turn(steps: np.ndarray, places: tuple[int, ...], angle: np.ndarray) -> None:
    """Rotates what is in world axes of tangent steps (N, nv), from these columns on, by angles (N,) [rad], in place."""
    cos, sin = np.cos(angle), np.sin(angle)
    for first in places:
        x, y = steps[:, first].copy(), steps[:, first + 1].copy()
        steps[:, first], steps[:, first + 1] = cos * x - sin * y, sin * x + cos * y


class LabellingActor:
    """The policy, with every state that it meets labelled by the expert.

    In the fraction `beta` of the environments (DAgger's mixing coefficient) the expert acts, with the policy's noise.
    """

    def __init__(self, policy: Policy, expert: Labeller, env: ImitationEnv, beta: float):
        self.policy, self.expert, self.env, self.beta = policy, expert, env, beta
        self.observations, self.forget = policy.observations, policy.forget
        self._labels: list[tuple[np.ndarray, np.ndarray]] = []

    def act(self, observation: np.ndarray, rng: np.random.Generator | None = None) -> np.ndarray:
        """Actions for raw observations (N, O) of the environment's present state, (N, A)."""
        label, weight = self.expert.label(self.env)
        self._labels.append((label, weight))
        action = self.policy.act(observation, rng)
        if self.beta > 0.0 and rng is not None:
            std = np.exp(self.policy.log_std.detach().numpy())
            noise = std * rng.standard_normal(label.shape, dtype=np.float32)
            by_expert = (np.arange(self.env.num_envs) < self.beta * self.env.num_envs) & (weight > 0.0)
            action = np.where(by_expert[:, None], label + noise, action)
        return action

    def labels(self) -> tuple[Tensor, Tensor]:
        """The expert's actions (M, A) and their weights (M,), in the order of a batch."""
        action, weight = (np.concatenate(parts) for parts in zip(*self._labels, strict=True))
        return torch.from_numpy(action), torch.from_numpy(weight)


@dataclass(frozen=True)
class LabelledBatch(Batch):
    """Samples with the expert's labels."""

    label: Tensor
    """The expert's actions (M, A)."""
    weight: Tensor
    """Weight of each label in the loss, 0 to 1 (M,)."""


class WarmStart(BeforePPO):
    """The learner before PPO: imitates the expert for a number of samples, then hands over to PPO."""

    def __init__(self, expert: Labeller, config: DistillConfig, ppo: SkillPPO, group: ProcessGroup):
        """Sets the learner up with the policy, collector and number of steps of `ppo`."""
        self.expert, self.config, self.policy, self.collector = expert, config, ppo.policy, ppo.collector
        parameters = [*self.policy.actor.parameters(), *self.policy.critic.parameters()]
        super().__init__(ppo, config.samples, group, parameters, config.learning_rate)

    @property
    def beta(self) -> float:
        """Fraction of the environments where the expert acts now."""
        return max(0.0, 1.0 - self.samples / max(self.config.beta_decay * self.config.samples, 1.0))

    def gather(self) -> tuple[Batch, EpisodeSums]:
        """The samples of one update, with the expert's labels."""
        actor, config = LabellingActor(self.policy, self.expert, self.collector.env, self.beta), self.ppo.ppo.config
        batch, sums = self.collector.collect(
            self.policy, self.ppo.num_steps, config.gamma, config.gae_lambda, actor, self._start_on_draft
        )
        return LabelledBatch(**vars(batch), **dict(zip(("label", "weight"), actor.labels(), strict=True))), sums

    def fit(self, batch: Batch) -> dict[str, float]:
        """Fits the policy to the labels and the value function to the returns.

        Returns:
          Mean squared error of actions (`imitation_loss`) and of the value function (`value_loss`).
        """
        assert isinstance(batch, LabelledBatch)
        policy, config, group = self.policy, self.config, self.group
        late = self.samples > config.samples * 2 / 3
        for options in self.optimiser.param_groups:
            options["lr"] = config.learning_rate * (1.0 / 3.0 if late else 1.0)
        target, losses = value_target(policy, batch, group), list[Tensor]()
        size = config.minibatch_size // group.size
        for ids in minibatches(len(target), size, config.update_epochs, self.ppo.shuffle):
            observation = batch.observation[ids]
            error = (policy.actor(observation) - batch.label[ids]).square().mean(-1)
            imitation_loss = (batch.weight[ids] * error).mean()
            value_loss = (policy.critic(observation).squeeze(-1) - target[ids]).square().mean()
            self.optimiser.zero_grad()
            (imitation_loss + value_loss).backward()
            both = torch.stack([imitation_loss.detach(), value_loss.detach()])
            losses.append(group.average_gradients(self.parameters, both))
            nn.utils.clip_grad_norm_(self.parameters, 1.0)
            self.optimiser.step()
        # Only now, so that all of a batch was normalised alike.
        policy.observations.update(group.sum(batch.observation_moments.clone()))
        imitation_loss, value_loss = torch.stack(losses).mean(0).tolist()
        return {"imitation_loss": imitation_loss, "value_loss": value_loss}

    def _start_on_draft(self, ids: np.ndarray, rng: np.random.Generator) -> None:
        """Moves half of the episodes that have just started in these environments from the reference to the draft."""
        env = self.collector.env
        frames, moved = env.frame[ids], rng.random(len(ids)) < 0.5
        if self.expert.favoured is not None and len(self.expert.favoured):
            frames = np.where(moved, rng.choice(self.expert.favoured, len(ids)), frames)
        moved &= self.expert.covered[frames]
        if moved.any():
            frames, ids = frames[moved], ids[moved]
            offset, velocity = self.expert.pose_offset[frames], self.expert.velocity_offset[frames]
            env.start(frames, ids, rng, offset, velocity)

"""The start of learning: the policy imitates the trot that knows everything, then its value function is fitted."""

from dataclasses import dataclass

import numpy as np
import torch

from imitate.adapt.networks import AdaptivePolicy
from imitate.locomotion.collector import WalkCollector
from imitate.locomotion.gait import Trot, phase_of
from imitate.policy import Normaliser
from imitate.training.collect import minibatches, value_loss

KICK_SPEED, KICK_RATE = 0.3, 0.8
"""Standard deviations of a kick ahead and aside [m/s], and of roll and pitch rate [rad/s]."""


@dataclass(frozen=True)
class ImitationConfig:
    """Settings of the imitation."""

    samples: int = 200_000
    """Control steps of the trot that are imitated."""
    noise: float = 0.3
    """Largest standard deviation that actions are disturbed with; robots have from none to all of it."""
    kick_chance: float = 0.01
    """Chance of a kick at a control step."""
    update_epochs: int = 4
    """Passes over each batch."""
    minibatch_size: int = 512
    """Samples in one step of the optimiser."""
    learning_rate: float = 1e-3
    """Step size of Adam, a third of it in the last third."""


class Imitation:
    """Fits the policy's mean to the trot's actions.

    The trot drives all robots, disturbed by noise and kicks. The last action, which the policy sees, shows where in its
    cycle the trot is; a policy that drives gets ahead of the trot's clock or behind. With DAgger, the policy driving
    half of the robots and the clock following it, the clone walked a sixth as fast.
    """

    def __init__(
        self, policy: AdaptivePolicy, collector: WalkCollector, config: ImitationConfig, shuffle: torch.Generator
    ):
        self.policy, self.collector, self.config, self.shuffle = policy, collector, config, shuffle
        self.trot = Trot()
        parameters = [*policy.actor.parameters(), *policy.critic.parameters()]
        self.optimiser = torch.optim.Adam(parameters, lr=config.learning_rate)

    def iterate(self, steps: int, progress: float) -> float:
        """Collects so many control steps of every robot and fits the policy to them; returns the mean squared error."""
        observations, labels = self.gather(steps)
        raw, target = torch.from_numpy(observations), torch.from_numpy(labels)
        policy = self.policy
        if progress < 0.5:
            policy.observations.update(Normaliser.moments(raw))
        inputs = policy.observations(raw)
        for options in self.optimiser.param_groups:
            options["lr"] = self.config.learning_rate * (1.0 if progress < 2.0 / 3.0 else 1.0 / 3.0)
        losses = []
        config = self.config
        for ids in minibatches(len(raw), config.minibatch_size, config.update_epochs, self.shuffle):
            loss = (policy.actor(inputs[ids]) - target[ids]).square().mean()
            self.optimiser.zero_grad()
            loss.backward()
            self.optimiser.step()
            losses.append(float(loss.detach()))
        return float(np.mean(losses))

    def gather(self, steps: int) -> tuple[np.ndarray, np.ndarray]:
        """Observations and the trot's actions, float32 (steps * N, ...) both."""
        env, rng = self.collector.env, self.collector.rng
        spread = np.linspace(0.0, self.config.noise, env.num_envs)[:, None]
        observations, labels = [], []
        for _ in range(steps):
            observations.append(env.observe())
            action = self.trot.act(env, phase_of(env, self.trot))
            labels.append(action.astype(np.float32))
            self._kick()
            result = env.step(action + spread * rng.standard_normal(action.shape))
            ids = np.flatnonzero(result.done)
            if len(ids):
                self.collector.start(ids)
        return np.concatenate(observations), np.concatenate(labels)

    def _kick(self) -> None:
        """Changes the velocity of some trunks, so that the policy sees how the trot gets over it."""
        env, rng = self.collector.env, self.collector.rng
        ids = np.flatnonzero(rng.random(env.num_envs) < self.config.kick_chance)
        env.qvel[ids, :2] += KICK_SPEED * rng.standard_normal((len(ids), 2))
        env.qvel[ids, 3:5] += KICK_RATE * rng.standard_normal((len(ids), 2))

    def fit_value(self, steps: int, gamma: float, gae_lambda: float) -> None:
        """Fits the value function to one batch of the policy's own."""
        batch, _ = self.collector.collect(self.policy, steps, gamma, gae_lambda)
        returns = batch.advantage + batch.value
        self.policy.returns.update(Normaliser.moments(returns[:, None]))
        for ids in minibatches(len(returns), self.config.minibatch_size, self.config.update_epochs, self.shuffle):
            loss = value_loss(self.policy, batch.observation[ids], returns[ids])
            self.optimiser.zero_grad()
            loss.backward()
            self.optimiser.step()

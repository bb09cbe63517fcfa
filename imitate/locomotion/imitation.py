"""The start of learning: the policy imitates the trot that knows everything, then its value function is fitted."""

from collections import deque
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from imitate.adapt.networks import AdaptivePolicy
from imitate.locomotion.collector import WalkCollector
from imitate.locomotion.gait import Trot, TrotClock
from imitate.policy import Normaliser
from imitate.training.collect import minibatches, value_loss

KICK_SPEED, KICK_RATE = 0.3, 0.8
"""Standard deviations of a kick ahead and aside [m/s], and of roll and pitch rate [rad/s]."""


@dataclass(frozen=True)
class ImitationConfig:
    """Settings of the imitation."""

    samples: int = 800_000
    """Control steps."""
    num_steps: int = 32
    """Control steps of each robot in one iteration."""
    noise: float = 0.3
    """Largest standard deviation that the trot's actions are disturbed with; robots have from none to all of it."""
    policy_noise: float = 0.05
    """Standard deviation that the policy's actions are disturbed with."""
    policy_share: float = 0.9
    """Robots that the policy drives from the middle on; before, their share grows."""
    kick_chance: float = 0.005
    """Chance of a kick at a control step."""
    memory: int = 40
    """Iterations whose samples are fitted to."""
    update_epochs: int = 4
    """Steps of the optimiser are as many as so many passes over one iteration's samples."""
    minibatch_size: int = 1024
    """Samples in one step of the optimiser."""
    learning_rate: float = 1e-3
    """Step size of Adam at the beginning; a tenth of it at the end."""


class Imitation:
    """Fits the policy's mean to the trot's actions, by DAgger (Ross, Gordon & Bagnell 2011).

    At first the trot drives, disturbed by noise and kicks, then more and more the policy; the trot says everywhere what
    it would have done.
    """

    def __init__(
        self, policy: AdaptivePolicy, collector: WalkCollector, config: ImitationConfig, shuffle: torch.Generator
    ):
        self.policy, self.collector, self.config, self.shuffle = policy, collector, config, shuffle
        self.trot = Trot()
        self.clock = TrotClock(self.trot, collector.env.num_envs)
        self._memory: deque[tuple[torch.Tensor, torch.Tensor]] = deque(maxlen=config.memory)
        parameters = [*policy.actor.parameters(), *policy.critic.parameters()]
        self.optimiser = torch.optim.Adam(parameters, lr=config.learning_rate)

    def iterate(self, steps: int, progress: float) -> float:
        """Collects so many control steps of every robot and fits the policy to the trot.

        Args:
          steps: to collect.
          progress: of the imitation, 0 to 1.

        Returns:
          The mean squared error.
        """
        config, policy = self.config, self.policy
        observations, labels = self.gather(steps, config.policy_share * np.clip((progress - 0.1) / 0.4, 0.0, 1.0))
        self._memory.append((torch.from_numpy(observations), torch.from_numpy(labels)))
        if progress < 0.2:
            policy.observations.update(Normaliser.moments(self._memory[-1][0]))
        raw, target = (torch.cat(parts) for parts in zip(*self._memory, strict=True))
        for options in self.optimiser.param_groups:
            options["lr"] = config.learning_rate * (1.0 - 0.9 * progress)
        losses = []
        for _ in range(max(1, config.update_epochs * len(observations) // config.minibatch_size)):
            ids = torch.randint(len(raw), (config.minibatch_size,), generator=self.shuffle)
            loss = (policy.actor(policy.observations(raw[ids])) - target[ids]).square().mean()
            self.optimiser.zero_grad()
            loss.backward()
            self.optimiser.step()
            losses.append(float(loss.detach()))
        return float(np.mean(losses))

    def gather(self, steps: int, policy_share: float) -> tuple[np.ndarray, np.ndarray]:
        """Observations and the trot's actions, float32 (steps * N, ...) both; the policy drives so many robots."""
        env, rng, config = self.collector.env, self.collector.rng, self.config
        spread = np.linspace(0.0, config.noise, env.num_envs)[:, None]
        # Every tenth robot has the same driver, so that both have all amounts of noise.
        driven = (np.arange(env.num_envs) % 10 < round(10 * policy_share))[:, None]
        observations, labels = [], []
        for _ in range(steps):
            observations.append(env.observe())
            label = self.trot.act(env, self.clock.phase)
            labels.append(label.astype(np.float32))
            action = np.where(driven, self.policy.act(observations[-1]), label)
            self.clock.advance(action)
            self._kick()
            noise = np.where(driven, config.policy_noise, spread)
            result = env.step(action + noise * rng.standard_normal(action.shape))
            ids = np.flatnonzero(result.done)
            if len(ids):
                self.collector.start(ids)
                self.clock.phase[ids] = 0.0
        return np.concatenate(observations), np.concatenate(labels)

    def state(self) -> dict[str, Any]:
        """Everything that it continues from, but for the samples in memory."""
        return {"optimiser": self.optimiser.state_dict(), "phase": self.clock.phase.copy()}

    def restore(self, state: dict[str, Any]) -> None:
        """Continues from what `state` returned."""
        self.optimiser.load_state_dict(state["optimiser"])
        self.clock.phase[:] = np.asarray(state["phase"])

    def _kick(self) -> None:
        """Changes the velocity of some trunks, so that the policy sees how the trot gets over it."""
        env, rng = self.collector.env, self.collector.rng
        ids = np.flatnonzero(rng.random(env.num_envs) < self.config.kick_chance)
        env.qvel[ids, :2] += KICK_SPEED * rng.standard_normal((len(ids), 2))
        env.qvel[ids, 3:5] += KICK_RATE * rng.standard_normal((len(ids), 2))

    def fit_value(self, steps: int, gamma: float, gae_lambda: float) -> float:
        """Fits the value function to one batch of the policy's own.

        Args:
          steps: to collect in every environment.
          gamma: discount.
          gae_lambda: of the returns that are fitted to.

        Returns:
          The mean squared error, of returns of variance 1.
        """
        batch, _ = self.collector.collect(self.policy, steps, gamma, gae_lambda)
        returns = batch.advantage + batch.value
        self.policy.returns.update(Normaliser.moments(returns[:, None]))
        for options in self.optimiser.param_groups:
            options["lr"] = self.config.learning_rate
        losses = []
        for ids in minibatches(len(returns), self.config.minibatch_size, self.config.update_epochs, self.shuffle):
            loss = value_loss(self.policy, batch.observation[ids], returns[ids])
            self.optimiser.zero_grad()
            loss.backward()
            self.optimiser.step()
            losses.append(float(loss.detach()))
        return float(np.mean(losses))

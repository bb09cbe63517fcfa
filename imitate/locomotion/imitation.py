"""The start of learning: the policy imitates the trot that knows everything, then its value function is fitted."""

from dataclasses import dataclass

import numpy as np
import torch

from imitate.adapt.networks import AdaptivePolicy
from imitate.locomotion.collector import WalkCollector
from imitate.locomotion.gait import Trot, phase_of
from imitate.policy import Normaliser
from imitate.training.collect import minibatches, value_loss


@dataclass(frozen=True)
class ImitationConfig:
    """Settings of the imitation."""

    samples: int = 200_000
    """Control steps of the trot that are imitated."""
    noise: float = 0.3
    """Largest standard deviation that actions are disturbed with; robots have from none to all of it."""
    update_epochs: int = 4
    """Passes over each batch."""
    minibatch_size: int = 512
    """Samples in one step of the optimiser."""
    learning_rate: float = 1e-3
    """Step size of Adam, a third of it in the last third."""


class Imitation:
    """Fits the policy's mean to the trot's actions.

    DAgger (Ross et al. 2011): the policy drives half of the robots, the trot the others, all disturbed by noise. The
    last action, which the policy sees, shows where in its cycle the trot is. A policy that drives gets ahead of the
    trot's clock or behind, so the clock follows it: the label is the trot's action at the phase that the policy is at.
    """

    def __init__(
        self, policy: AdaptivePolicy, collector: WalkCollector, config: ImitationConfig, shuffle: torch.Generator
    ):
        self.policy, self.collector, self.config, self.shuffle = policy, collector, config, shuffle
        self.trot = Trot()
        self.phase = phase_of(collector.env, self.trot)
        """Where each robot is in its cycle, (N,)."""
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
        own = np.arange(env.num_envs) % 2 == 0  # the policy drives these
        spread = np.linspace(0.0, self.config.noise, env.num_envs)[:, None] * np.where(own, 0.5, 1.0)[:, None]
        observations, labels = [], []
        for _ in range(steps):
            observation = env.observe()
            label = self.trot.act(env, self.phase)
            driven = np.where(own[:, None], self.policy.act(observation), label)
            observations.append(observation)
            labels.append(label.astype(np.float32))
            self.phase = (self.phase + own * self._find_lag(driven) + self.trot.phase_step) % 1.0
            result = env.step(driven + spread * rng.standard_normal(driven.shape))
            ids = np.flatnonzero(result.done)
            if len(ids):
                self.collector.start(ids)
                self.phase[ids] = 0.0
        return np.concatenate(observations), np.concatenate(labels)

    def _find_lag(self, action: np.ndarray) -> np.ndarray:
        """How far actions (N, 12) are ahead of the phase [cycles], (N,): where the trot would act most alike."""
        lags = np.array([-1.0, -0.5, 0.0, 0.5, 1.0]) * self.trot.phase_step
        errors = [np.square(self.trot.act(self.collector.env, self.phase + lag) - action).sum(1) for lag in lags]
        return lags[np.argmin(errors, axis=0)]

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

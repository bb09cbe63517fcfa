"""The start of learning: a recurrent policy imitates a guide that knows the ground, on its own rollouts (DAgger)."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from imitate.policy import Normaliser
from imitate.training.collect import Actor
from imitate.vision.collector import CourseCollector, SeeingRunner
from imitate.vision.descent import descend
from imitate.vision.networks import SeeingPolicy, pack

LARGEST_ACTION = 8.0
"""The guide's actions are cut to this before they are imitated."""


@dataclass(frozen=True)
class ImitationConfig:
    """Settings of the imitation."""

    samples: int = 150_000
    """Control steps that are imitated."""
    warm_up: float = 0.15
    """Share of them in which the guide drives all robots; then the policy takes over bit by bit."""
    noise: float = 0.3
    """Largest standard deviation that the guide's actions are disturbed with; robots have from none to all of it."""
    buffer: int = 40
    """Latest batches that are learnt from."""
    updates: int = 40
    """Steps of the optimiser for each batch."""
    sequences: int = 96
    """Sequences in each of them."""
    learning_rate: float = 1e-3
    """Step size of Adam, falling to a tenth of it."""


@dataclass(frozen=True)
class Sequences:
    """T control steps of N robots as they are imitated."""

    observation: Tensor
    """Raw, (T, N, O)."""
    begins: Tensor
    """bool (T, N)."""
    memory: Tensor
    """Before the first step, (N, H)."""
    label: Tensor
    """The guide's actions, (T, N, A)."""


class Imitation:
    """Fits a policy's mean to what the guide would do."""

    def __init__(
        self,
        policy: SeeingPolicy,
        collector: CourseCollector,
        guide: Actor,
        config: ImitationConfig,
        shuffle: torch.Generator,
    ):
        self.policy, self.collector, self.guide, self.config, self.shuffle = policy, collector, guide, config, shuffle
        self.runner = SeeingRunner(policy, collector.env.num_envs)
        self.optimiser = torch.optim.Adam(policy.actor.parameters(), lr=config.learning_rate)
        self.batches: list[Sequences] = []

    def iterate(self, steps: int, progress: float) -> dict[str, float]:
        """Collects so many control steps of every robot and fits the policy; returns error, falls and level."""
        falls, env = self.collector.falls, self.collector.env
        batch = self.gather(steps, max(0.0, (progress - self.config.warm_up) / (0.6 - self.config.warm_up)))
        if progress < self.config.warm_up:
            self.policy.observations.update(Normaliser.moments(batch.observation.flatten(0, 1)))
        self.batches = [*self.batches[-self.config.buffer + 1 :], batch]
        for options in self.optimiser.param_groups:
            options["lr"] = self.config.learning_rate * (1.0 - 0.9 * progress)
        losses = [self._fit() for _ in range(self.config.updates)]
        return {
            "error": float(np.mean(losses)),
            "falls_per_1000_steps": 1000.0 * (self.collector.falls - falls) / (steps * env.num_envs),
            "level": env.mean_level,
        }

    def gather(self, steps: int, share: float) -> Sequences:
        """Lets the policy drive this share of the robots, the guide the others."""
        collector, env, rng = self.collector, self.collector.env, self.collector.rng
        memory = self.runner.memory.clone()
        spread = np.linspace(0.0, self.config.noise, env.num_envs)[rng.permutation(env.num_envs), None]
        drives = rng.random(env.num_envs)[:, None] < share
        observations, begins, labels = [], [], []
        raw = collector.observe()
        for _ in range(steps):
            label = np.clip(np.nan_to_num(self.guide.act(raw)), -LARGEST_ACTION, LARGEST_ACTION)
            own = self.runner.act(raw)
            observations.append(raw)
            begins.append(collector.begins)
            labels.append(label.astype(np.float32))
            disturbed = label + spread * rng.standard_normal(label.shape)
            _, raw, ids = collector.step(np.where(drives, own, disturbed))
            if len(ids):
                self.runner.forget(ids)
                self.guide.forget(ids)
                raw[ids] = collector.observe(ids)
        stacked = (torch.from_numpy(np.stack(values)) for values in (observations, begins, labels))
        observation, begin, label = stacked
        return Sequences(observation, begin, memory, label)

    def _fit(self) -> float:
        """One step of the optimiser."""
        batch = self.batches[int(torch.randint(len(self.batches), (1,), generator=self.shuffle))]
        ids = torch.randperm(batch.memory.shape[0], generator=self.shuffle)[: self.config.sequences]
        packed = pack(self.policy.observations(batch.observation[:, ids]), batch.begins[:, ids], batch.memory[ids])
        error = self.policy.actor(packed).transpose(0, 1) - batch.label[:, ids]
        loss = torch.nn.functional.smooth_l1_loss(error, torch.zeros_like(error))
        descend(self.optimiser, loss, self.policy.actor.parameters())
        return float(loss.detach())

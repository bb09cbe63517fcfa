"""Phase 2 of Agarwal et al. 2022: a student with a camera learns to do what the teacher does, on its own rollouts.

DAgger (Ross et al. 2011): the student drives, however badly, more and more of the robots; what the teacher would have
done there is the label. The eye's memory is also fitted to the teacher's gamma, as RMA's phi is to z, without which
it learns late to use its pictures.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from imitate.vision.collector import CourseCollector, SeeingRunner, StudentRunner
from imitate.vision.descent import descend
from imitate.vision.networks import SeeingPolicy, Student


@dataclass(frozen=True)
class StudentConfig:
    """How the student learns."""

    samples: int = 100_000
    """Control steps of its robots."""
    num_envs: int = 64
    """Robots that walk side by side."""
    num_steps: int = 48
    """Control steps of each between updates, through which gradients go back."""
    warm_up: float = 0.1
    """Share of the samples in which the teacher drives all robots; then the student takes over bit by bit."""
    buffer: int = 24
    """Latest batches that are learnt from."""
    updates: int = 40
    """Steps of the optimiser for each batch."""
    sequences: int = 16
    """Sequences in each of them."""
    learning_rate: float = 1e-3
    """Step size of Adam, falling to a tenth of it."""
    gamma_weight: float = 1.0
    """Weight of the squared error of gamma, relative to its variance."""


@dataclass(frozen=True)
class SeenSequences:
    """T control steps of N robots with what they saw."""

    observation: Tensor
    """Normalised, (T, N, O)."""
    begins: Tensor
    """bool (T, N)."""
    pictures: Tensor
    """All that came in, half precision [m], (P, rows, columns)."""
    which: Tensor
    """Row of `pictures` that each robot had at each step, int (T, N)."""
    memory: tuple[Tensor, Tensor]
    """Of eye and actor before the first step, (N, ...) each."""
    action: Tensor
    """The teacher's, (T, N, A)."""
    gamma: Tensor
    """The teacher's, (T, N, G)."""


class StudentRegression:
    """Fits a student to its teacher."""

    def __init__(
        self,
        student: Student,
        teacher: SeeingPolicy,
        collector: CourseCollector,
        config: StudentConfig,
        shuffle: torch.Generator,
    ):
        self.student, self.teacher, self.collector = student, teacher, collector
        self.config, self.shuffle = config, shuffle
        self.runner = StudentRunner(student, collector.env)
        self.guide = SeeingRunner(teacher, collector.env.num_envs)
        self.optimiser = torch.optim.Adam(student.parameters(), lr=config.learning_rate)
        self.batches: list[SeenSequences] = []

    def iterate(self, progress: float) -> dict[str, float]:
        """Collects one batch and fits the student; returns errors, falls and level."""
        config, env, falls = self.config, self.collector.env, self.collector.falls
        share = (progress - config.warm_up) / (0.5 - config.warm_up)
        batch = self.gather(config.num_steps, min(max(0.0, share), 1.0))
        self.batches = [*self.batches[-config.buffer + 1 :], batch]
        for options in self.optimiser.param_groups:
            options["lr"] = config.learning_rate * (1.0 - 0.9 * progress)
        errors = np.mean([self._fit() for _ in range(config.updates)], axis=0)
        return {
            "error": float(errors[0]),
            "gamma_error": float(errors[1]),
            "falls_per_1000_steps": 1000.0 * (self.collector.falls - falls) / (config.num_steps * env.num_envs),
            "level": env.mean_level,
        }

    def gather(self, steps: int, share: float) -> SeenSequences:
        """Lets the student drive this share of the robots, the teacher the others."""
        env, collector = self.collector.env, self.collector
        memory = (self.runner.memory[0].clone(), self.runner.memory[1].clone())
        drives = collector.rng.random(env.num_envs)[:, None] < share
        pictures, which = [env.eyes.pictures.astype(np.float16)], [np.arange(env.num_envs)]
        observations, begins, actions = [], [], []
        raw, count = collector.observe(), env.num_envs
        for step in range(steps):
            new = np.flatnonzero(env.eyes.is_new)
            row = which[-1].copy()
            if step and len(new):
                pictures.append(env.eyes.pictures[new].astype(np.float16))
                row[new] = count + np.arange(len(new))
                count += len(new)
            which.append(row)
            label, own = self.guide.act(raw), self.runner.act(raw)
            observations.append(raw)
            begins.append(collector.begins)
            actions.append(label)
            _, raw, ids = collector.step(np.where(drives, own, label))
            if len(ids):
                self.runner.forget(ids)
                self.guide.forget(ids)
                raw[ids] = collector.observe(ids)
        observation = self.student.observations(torch.from_numpy(np.stack(observations)))
        with torch.no_grad():
            gamma = self.teacher.actor.see(observation)
        return SeenSequences(
            observation,
            torch.from_numpy(np.stack(begins)),
            torch.from_numpy(np.concatenate(pictures)),
            torch.from_numpy(np.stack(which[1:])),
            memory,
            torch.from_numpy(np.stack(actions)),
            gamma,
        )

    def _fit(self) -> tuple[float, float]:
        """One step of the optimiser; returns the errors of action and gamma."""
        batch = self.batches[int(torch.randint(len(self.batches), (1,), generator=self.shuffle))]
        ids = torch.randperm(batch.memory[0].shape[0], generator=self.shuffle)[: self.config.sequences]
        rows, which = torch.unique(batch.which[:, ids], return_inverse=True)
        seen = self.student.look(batch.pictures[rows].float())[which]
        memory = (batch.memory[0][ids], batch.memory[1][ids])
        begins = batch.begins[:, ids].float()
        mean, gamma, _ = self.student.run(batch.observation[:, ids], seen, begins, memory)
        action_error = torch.nn.functional.smooth_l1_loss(mean, batch.action[:, ids])
        spread = batch.gamma.var((0, 1)).mean().clamp(min=1e-6)
        gamma_error = (gamma - batch.gamma[:, ids]).square().mean() / spread
        loss = action_error + self.config.gamma_weight * gamma_error
        descend(self.optimiser, loss, self.student.parameters())
        return float(action_error.detach()), float(gamma_error.detach())

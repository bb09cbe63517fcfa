"""Collecting samples of the walk for PPO."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from imitate.adapt.networks import AdaptivePolicy
from imitate.env.step import StepResult
from imitate.locomotion.env import WalkEnv
from imitate.training.collect import Batch, EpisodeLoop, surrogate_batch

ALIVE = 10.0
"""Added to the reward of every step while learning."""
# RMA has no such term. Without it, what a trot is charged for its swings is more than what it is paid at first, and to
# fall soon pays.


@dataclass(frozen=True)
class WalkSums:
    """What happened while a batch was collected."""

    reward: float
    """Mean reward of a step."""
    terms: dict[str, float]
    """Means of its terms."""
    fallen: int
    """Falls."""
    steps: int
    """Control steps of all robots."""


class WalkCollector(EpisodeLoop):
    """The walk, whose episodes start anywhere on the terrain."""

    env: WalkEnv

    def __init__(self, env: WalkEnv, seed: int):
        super().__init__(env, seed)
        self.start_all()
        self._terms: dict[str, float] = {}

    def collect(
        self, policy: AdaptivePolicy, num_steps: int, gamma: float, gae_lambda: float
    ) -> tuple[Batch, WalkSums]:
        """Takes `num_steps` control steps of every robot and estimates the advantages."""
        self._terms = {}
        transitions = self.run(policy, num_steps)
        steps = transitions.reward.numel()
        sums = WalkSums(
            reward=float(transitions.reward.double().mean()),
            terms={name: value / steps for name, value in self._terms.items()},
            fallen=int(transitions.terminated.sum()),
            steps=steps,
        )
        transitions.reward.add_(ALIVE)
        return surrogate_batch(policy, transitions, gamma, gae_lambda), sums  # pyright: ignore[reportArgumentType]

    def start_all(self) -> None:
        """Begins an episode of every robot, out of step with each other, or all would end in the same batch."""
        env = self.env
        self.start(np.arange(env.num_envs))
        env.age += self.rng.integers(0, env.config.episode_steps // 2, env.num_envs)

    def start(self, ids: np.ndarray) -> None:
        """Begins episodes of these robots."""
        self.env.start(ids, self.rng)

    def observe(self, ids: np.ndarray) -> np.ndarray:
        """Raw observations of these robots."""
        return self.env.observe(ids)

    def record_step(self, result: StepResult, running: np.ndarray) -> None:
        """Sums the reward's terms."""
        for name, term in result.terms.items():
            self._terms[name] = self._terms.get(name, 0.0) + float(term.sum())

    def state(self) -> dict[str, Any]:
        """Everything that what is collected next depends on."""
        return {"env": self.env.state(), "rng": self.rng.bit_generator.state}

    def restore(self, state: dict[str, Any]) -> None:
        """Continues from what `state` returned."""
        self.env.restore(state["env"])
        self.rng.bit_generator.state = state["rng"]

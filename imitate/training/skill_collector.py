"""Collecting for the training of skills: where in the motion episodes start, what they earned, how a clip ends."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from imitate.env.env import ImitationEnv, StepResult
from imitate.policy import Policy
from imitate.scene.scene import CONTROL_HZ
from imitate.training.collect import Batch, Loop, surrogate_batch
from imitate.training.initial_state import FailureStart, InitialStates


@dataclass(frozen=True)
class Episodes:
    """What was seen while collecting, as sums that can be added up across processes."""

    reward: float
    """Sum of rewards."""
    terms: dict[str, float]
    """Sum of each reward term."""
    steps: int
    """Decisions taken."""
    ended: int
    """Episodes that ended."""
    completed: int
    """Those that ended in good order."""


class SkillCollector(Loop):
    """The imitation environment, whose episodes start where `initial_states` says."""

    env: ImitationEnv

    def __init__(self, env: ImitationEnv, initial_states: InitialStates, seed: int):
        super().__init__(env, seed)
        self.initial_states = initial_states
        self.starts = initial_states.choose(env.size, self.rng)
        env.start(self.starts.rows, rng=self.rng, offset=self.starts.offset)
        # Episodes begin out of step with each other, or all would end in the same iteration for ever.
        if env.reference.loop:
            env.age += self.rng.integers(0, env.episode_steps, env.size)
        self.discount = np.ones(env.size)
        """gamma^t of the episodes that go on, (N,)."""
        self._gamma = 1.0
        self._terms: dict[str, float] = {}
        self._failed = np.zeros(env.size, dtype=bool)

    def collect(self, policy: Policy, steps: int, gamma: float, gae_lambda: float) -> tuple[Batch, Episodes]:
        """Runs `policy` for `steps` decisions in every simulation and estimates the advantages."""
        self._terms, self._gamma = {}, gamma
        seen = self.run(policy, steps)
        completed = seen.done & ~seen.terminated
        episodes = Episodes(
            reward=float(seen.reward.double().sum()),
            terms=self._terms,
            steps=seen.reward.numel(),
            ended=int(seen.done.sum()),
            completed=int(completed.sum()),
        )
        if not self.env.reference.loop:
            seen = replace(seen, reward=self._paid(seen.reward, completed), terminated=seen.terminated | completed)
        return surrogate_batch(policy, seen, gamma, gae_lambda), episodes

    def _paid(self, reward: Any, completed: Any) -> Any:
        """Rewards, those at a clip's end paid for ever: r + gamma r / (1 - gamma) = r / (1 - gamma).

        Nothing is ever seen after the end, so no value could be learnt there and a body might as well topple in the
        last frames. Arrays or tensors.
        """
        return reward if self.env.reference.loop else reward / (1.0 - self._gamma * completed)

    def start(self, ids: np.ndarray) -> None:
        """Where the distribution of initial states says."""
        starts = self.initial_states.choose(len(ids), self.rng)
        self.starts.put(ids, starts)
        self.env.start(starts.rows, ids, self.rng, starts.offset)

    def observe(self, ids: np.ndarray) -> np.ndarray:
        """Raw observations of these simulations."""
        return self.env.observe(ids)

    def note(self, outcome: StepResult, live: np.ndarray) -> None:
        """Adds up the rewards, as the policy is to maximise them, and their terms, and remembers who failed."""
        self._failed = outcome.terminated
        self.earned += self.discount * self._paid(outcome.reward, outcome.truncated)
        self.discount *= self._gamma
        for name, term in outcome.terms.items():
            self._terms[name] = self._terms.get(name, 0.0) + float(term.sum())

    def ended(self, ids: np.ndarray) -> None:
        """Tells the distribution how far its starts led."""
        lost = self._failed[ids] & (self.env.age[ids] <= FailureStart.SOON * CONTROL_HZ)
        self.initial_states.learn(self.starts.at(ids), self.earned[ids], lost)
        self.discount[ids] = 1.0

    def state(self) -> dict[str, Any]:
        """Everything that the next samples depend on, beside the policy."""
        return {
            "env": self.env.state(),
            "rng": self.rng.bit_generator.state,
            "earned": self.earned.copy(),
            "discount": self.discount.copy(),
            "starts": {"rows": self.starts.rows, "offset": self.starts.offset, "component": self.starts.component},
            "initial_states": self.initial_states.state(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """The opposite of `state`."""
        self.env.restore(state["env"])
        self.rng.bit_generator.state = state["rng"]
        self.earned[:], self.discount[:] = state["earned"], state["discount"]
        for name, values in state["starts"].items():
            getattr(self.starts, name)[:] = values
        self.initial_states.restore(state["initial_states"])

"""Collecting for the training of skills: where in the motion episodes start, their returns, how a clip ends."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np
from torch import Tensor

from imitate.env.env import ImitationEnv
from imitate.env.step import StepResult
from imitate.scene.scene import CONTROL_HZ
from imitate.training.collect import Actor, ActorCritic, Batch, EpisodeLoop, surrogate_batch
from imitate.training.initial_state import FailureStart, InitialStates

Values = TypeVar("Values", np.ndarray, Tensor)
AfterStart = Callable[[np.ndarray, np.random.Generator], None]
"""Is called with the environments where episodes have just started, and may change their states."""


@dataclass(frozen=True)
class EpisodeSums:
    """What happened while a batch was collected, as sums that can be added up across processes."""

    reward: float
    """Sum of rewards."""
    terms: dict[str, float]
    """Sum of each reward term."""
    steps: int
    """Control steps of all environments."""
    ended: int
    """Episodes that ended."""
    completed: int
    """Episodes that ended in good order."""


class SkillCollector(EpisodeLoop):
    """The imitation environment, whose episodes start where `initial_states` says."""

    env: ImitationEnv

    def __init__(self, env: ImitationEnv, initial_states: InitialStates, seed: int):
        super().__init__(env, seed)
        self.initial_states = initial_states
        self.start_all()
        self.discount = np.ones(env.num_envs)
        """gamma^t of the episodes that go on, (N,)."""
        self._gamma = 1.0
        self._after_start: AfterStart | None = None
        self._terms: dict[str, float] = {}
        self._failed = np.zeros(env.num_envs, dtype=bool)

    def start_all(self) -> None:
        """Begins an episode in every environment, out of step with each other."""
        env = self.env
        self.starts = self.initial_states.choose(env.num_envs, self.rng)
        env.start(self.starts.frames, rng=self.rng, offset=self.starts.offset + env.rest(self.starts.frames))
        if env.reference.loop:  # or all would end in the same iteration for ever
            env.age += self.rng.integers(0, env.episode_steps, env.num_envs)

    def collect(
        self,
        policy: ActorCritic,
        num_steps: int,
        gamma: float,
        gae_lambda: float,
        actor: Actor | None = None,
        after_start: AfterStart | None = None,
    ) -> tuple[Batch, EpisodeSums]:
        """Takes `num_steps` control steps in every environment and estimates the advantages.

        Args:
          policy: whose batch it is: its value function, means and log densities.
          num_steps: T.
          gamma: discount.
          gae_lambda: of the advantage estimation.
          actor: acts in its place.
          after_start: may change the states that episodes start in.
        """
        self._terms, self._gamma, self._after_start = {}, gamma, after_start
        transitions = self.run(actor or policy, num_steps)
        completed = transitions.done & ~transitions.terminated
        sums = EpisodeSums(
            reward=float(transitions.reward.double().sum()),
            terms=self._terms,
            steps=transitions.reward.numel(),
            ended=int(transitions.done.sum()),
            completed=int(completed.sum()),
        )
        if not self.env.reference.loop:
            transitions = replace(
                transitions,
                reward=self._pay_end(transitions.reward, completed),
                terminated=transitions.terminated | completed,
            )
        return surrogate_batch(policy, transitions, gamma, gae_lambda), sums

    def _pay_end(self, reward: Values, completed: Values) -> Values:
        """Rewards, those at a clip's end paid for ever: r + gamma r / (1 - gamma) = r / (1 - gamma).

        Nothing is ever observed after the end, so no value could be learnt there and a body might as well topple in
        the last frames.
        """
        return reward if self.env.reference.loop else reward / (1.0 - self._gamma * completed)

    def start(self, ids: np.ndarray) -> None:
        """Begins episodes where the distribution of initial states says."""
        starts = self.initial_states.choose(len(ids), self.rng)
        self.starts.put(ids, starts)
        self.env.start(starts.frames, ids, self.rng, starts.offset + self.env.rest(starts.frames))
        if self._after_start is not None:
            self._after_start(ids, self.rng)

    def observe(self, ids: np.ndarray) -> np.ndarray:
        """Raw observations of these environments, (len(ids), O)."""
        return self.env.observe(ids)

    def record_step(self, result: StepResult, running: np.ndarray) -> None:
        """Adds up the rewards, as the policy is to maximise them, and their terms, and remembers who failed."""
        self._failed = result.terminated
        self.episode_return += self.discount * self._pay_end(result.reward, result.truncated)
        self.discount *= self._gamma
        for name, term in result.terms.items():
            self._terms[name] = self._terms.get(name, 0.0) + float(term.sum())

    def record_end(self, ids: np.ndarray) -> None:
        """Passes returns and early failures on to the distribution of initial states."""
        failed_soon = self._failed[ids] & (self.env.age[ids] <= FailureStart.SOON * CONTROL_HZ)
        self.initial_states.record(self.starts.take(ids), self.episode_return[ids], failed_soon)
        self.discount[ids] = 1.0

    def state(self) -> dict[str, Any]:
        """Everything that the next samples depend on, besides the policy and the distribution of initial states."""
        return {
            "env": self.env.state(),
            "rng": self.rng.bit_generator.state,
            "episode_return": self.episode_return.copy(),
            "discount": self.discount.copy(),
            "starts": {"frames": self.starts.frames, "offset": self.starts.offset, "component": self.starts.component},
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Continues from what `state` returned."""
        self.env.restore(state["env"])
        self.rng.bit_generator.state = state["rng"]
        self.episode_return[:], self.discount[:] = state["episode_return"], state["discount"]
        for name, values in state["starts"].items():
            getattr(self.starts, name)[:] = values

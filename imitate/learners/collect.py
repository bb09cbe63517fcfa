"""Running the policy in the environment: the inner loop of Algorithm 1."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from imitate.env import ImitationEnv
from imitate.initial_state import InitialStates
from imitate.learners.advantage import generalised_advantage
from imitate.policy import Normaliser, Policy, gaussian_log_prob


@dataclass(frozen=True)
class Batch:
    """M = T * N samples that the policy gathered."""

    observation: Tensor
    """Normalised observations (M, O)."""
    action: Tensor
    """Actions taken (M, A)."""
    mean: Tensor
    """Means of the policy that took them (M, A)."""
    log_std: Tensor
    """Its log standard deviations (A,)."""
    log_prob: Tensor
    """Log density of the actions under it (M,)."""
    value: Tensor
    """V(s) [reward] (M,)."""
    advantage: Tensor
    """How much better than expected each action was [reward] (M,)."""
    observation_moments: Tensor
    """Of the raw observations, for the normaliser."""


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


class Collector:
    """An environment together with where its episodes stand."""

    def __init__(self, env: ImitationEnv, initial_states: InitialStates, seed: int):
        self.env = env
        self.initial_states = initial_states
        self.rng = np.random.default_rng(seed)
        self.earned = np.zeros(env.size)
        self.starts = initial_states.choose(env.size, self.rng)
        env.start(self.starts.rows, rng=self.rng, offset=self.starts.offset)
        # Episodes begin out of step with each other, or all would end in the same iteration for ever.
        if env.reference.loop:
            env.age += self.rng.integers(0, env.episode_steps, env.size)

    def collect(self, policy: Policy, steps: int, gamma: float, gae_lambda: float) -> tuple[Batch, Episodes]:
        """Runs `policy` for `steps` decisions in every simulation and estimates the advantages."""
        env, size = self.env, self.env.size
        width, actions = policy.layout.observation_size, env.action_size
        raw = np.empty((steps + 1, size, width), dtype=np.float32)
        mean, action = np.empty((steps, size, actions), np.float32), np.empty((steps, size, actions), np.float32)
        reward = np.empty((steps, size), np.float32)
        terminated, truncated = np.empty((steps, size), bool), np.empty((steps, size), bool)
        terms: dict[str, float] = {}
        last_of_time: list[np.ndarray] = []
        std = np.exp(policy.log_std.detach().numpy())
        raw[0] = env.observe()
        for t in range(steps):
            mean[t] = policy.act(raw[t])
            action[t] = mean[t] + std * self.rng.standard_normal((size, actions), dtype=np.float32)
            outcome = env.step(action[t])
            reward[t], terminated[t], truncated[t] = outcome.reward, outcome.terminated, outcome.truncated
            self.earned += outcome.reward
            for name, term in outcome.terms.items():
                terms[name] = terms.get(name, 0.0) + float(term.sum())
            if env.reference.loop and truncated[t].any():
                last_of_time.append(env.observe(np.flatnonzero(truncated[t])))
            ended = np.flatnonzero(outcome.done)
            if len(ended):
                self.initial_states.learn(self.starts.at(ended), self.earned[ended])
                self.earned[ended] = 0.0
                starts = self.initial_states.choose(len(ended), self.rng)
                self.starts.put(ended, starts)
                env.start(starts.rows, ended, self.rng, starts.offset)
            raw[t + 1] = env.observe()

        with torch.no_grad():
            observation = policy.observations(torch.from_numpy(raw))
            value = policy.value(observation)
            next_value = value[1:].clone()
            if not env.reference.loop:
                # After the end of a clip nothing is ever seen, so no value could be learnt there and a body might as
                # well topple in the last frames. The last reward stands for all that would follow.
                ended = torch.from_numpy(truncated)
                next_value[ended] = torch.from_numpy(reward)[ended] / (1.0 - gamma)
            elif last_of_time:
                final = policy.observations(torch.from_numpy(np.concatenate(last_of_time)))
                next_value[torch.from_numpy(truncated)] = policy.value(final)
            failed, done = torch.from_numpy(terminated), torch.from_numpy(terminated | truncated)
            advantage = generalised_advantage(
                torch.from_numpy(reward), value[:-1], next_value, failed, done, gamma, gae_lambda
            )
            log_std = policy.log_std.detach().clone()
            taken, means = torch.from_numpy(action).flatten(0, 1), torch.from_numpy(mean).flatten(0, 1)
            batch = Batch(
                observation=observation[:-1].flatten(0, 1),
                action=taken,
                mean=means,
                log_std=log_std,
                log_prob=gaussian_log_prob(taken, means, log_std),
                value=value[:-1].flatten(),
                advantage=advantage.flatten(),
                observation_moments=Normaliser.moments(torch.from_numpy(raw[:-1]).flatten(0, 1)),
            )
        episodes = Episodes(
            reward=float(reward.sum(dtype=np.float64)),
            terms=terms,
            steps=steps * size,
            ended=int((terminated | truncated).sum()),
            completed=int(truncated.sum()),
        )
        return batch, episodes

    def state(self) -> dict[str, Any]:
        """Everything that the next samples depend on, beside the policy."""
        return {
            "env": self.env.state(),
            "rng": self.rng.bit_generator.state,
            "earned": self.earned.copy(),
            "starts": {"rows": self.starts.rows, "offset": self.starts.offset, "component": self.starts.component},
            "initial_states": self.initial_states.state(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """The opposite of `state`."""
        self.env.restore(state["env"])
        self.rng.bit_generator.state = state["rng"]
        self.earned[:] = state["earned"]
        for name, values in state["starts"].items():
            getattr(self.starts, name)[:] = values
        self.initial_states.restore(state["initial_states"])

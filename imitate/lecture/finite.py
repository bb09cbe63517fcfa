"""Problems small enough to know the truth: finite decision processes whose values and gradients are exact.

Everything here is a sum over all states, or over all trajectories, so no estimate meets another estimate: a learner's
gradient is compared with the gradient, and its policy's value with the best one there is.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
import torch
from scipy.optimize import minimize
from torch import Tensor


@dataclass(frozen=True)
class FiniteProblem:
    """A decision process of S states, A actions and H steps, of which the policy sees O features a state.

    Two states with the same features look alike to the policy (they are aliased).
    """

    start: np.ndarray
    """Probability that an episode starts in each state, (S,)."""
    transition: np.ndarray
    """P(s'|s, a), (S, A, S)."""
    reward: np.ndarray
    """Reward for doing a in s and coming to s', (S, A, S)."""
    terminal: np.ndarray
    """States that end an episode, bool (S,)."""
    features: np.ndarray
    """What the policy sees, (S, O)."""
    horizon: int
    """Longest episode."""
    gamma: float
    """Discount."""

    def __post_init__(self) -> None:
        if not (np.allclose(self.transition.sum(-1), 1.0) and np.isclose(self.start.sum(), 1.0)):
            raise ValueError("FiniteProblem: probabilities of start or transition do not add up to 1")

    def value(self, probability: Tensor) -> Tensor:
        """J: expected discounted return of a policy, exact and differentiable.

        H steps of V(s) <- sum_a pi(a|s) sum_s' P(s'|s, a) (r + gamma V(s')), nothing to come from terminal states.

        Args:
          probability: pi(a|s), (S, A).
        """
        return torch.as_tensor(self.start, dtype=probability.dtype) @ self.values(probability)[0]

    def values(self, probability: Tensor) -> Tensor:
        """V(s) with H, H - 1, ... 0 steps to go, (H + 1, S)."""
        v = torch.zeros(len(self.start), dtype=probability.dtype)
        ladder = [v]
        for _ in range(self.horizon):
            v = (probability * self.action_values(v)).sum(-1)
            ladder.append(v)
        return torch.stack(ladder[::-1])

    def action_values(self, following: Tensor) -> Tensor:
        """Q(s, a) = sum_s' P(s'|s, a) (r + gamma V(s')) for the value V of the step after, (S,) -> (S, A)."""
        transition = torch.as_tensor(self.transition, dtype=following.dtype)
        reward = torch.as_tensor(self.reward, dtype=following.dtype)
        alive = torch.as_tensor(~self.terminal, dtype=following.dtype)
        return alive[:, None] * (transition * (reward + self.gamma * following)).sum(-1)

    def trajectories(self) -> Iterator[tuple[list[int], list[int], list[float], float]]:
        """Every possible trajectory: states s_0 .. s_T, actions, rewards, its probability without the policy's part.

        p(tau; theta) = P(s_0) prod_t pi(a_t|s_t) P(s_{t+1}|s_t, a_t); the last number leaves pi out.
        """
        for s, chance in enumerate(self.start):
            if chance > 0:
                yield from self._continue([s], [], [], float(chance))

    def _continue(
        self, states: list[int], actions: list[int], rewards: list[float], chance: float
    ) -> Iterator[tuple[list[int], list[int], list[float], float]]:
        s = states[-1]
        if self.terminal[s] or len(actions) == self.horizon:
            yield states, actions, rewards, chance
            return
        for a, following in product(range(self.transition.shape[1]), range(len(self.start))):
            p = self.transition[s, a, following]
            if p > 0:
                reward = float(self.reward[s, a, following])
                yield from self._continue([*states, following], [*actions, a], [*rewards, reward], chance * float(p))

    def optimum(self, tries: int = 8, seed: int = 0) -> tuple[float, np.ndarray]:
        """The best stochastic policy that goes by the features alone: its value and pi(a|s), (S, A).

        Maximises the exact J over all tables f(features, a) by L-BFGS from several starts.
        """
        kinds, look = np.unique(self.features, axis=0, return_inverse=True)
        shape = (len(kinds), self.transition.shape[1])
        rng = np.random.default_rng(seed)

        def policy(theta: Tensor) -> Tensor:
            return torch.softmax(theta.view(shape), -1)[torch.as_tensor(look.ravel())]

        def negative(theta: np.ndarray) -> tuple[float, np.ndarray]:
            variable = torch.tensor(theta, requires_grad=True)
            loss = -self.value(policy(variable))
            loss.backward()
            assert variable.grad is not None
            return loss.item(), variable.grad.numpy()

        found = [minimize(negative, rng.normal(size=shape).ravel(), jac=True) for _ in range(tries)]
        best = min(found, key=lambda result: result.fun)
        return -float(best.fun), policy(torch.as_tensor(best.x)).numpy()

    def deterministic_values(self) -> np.ndarray:
        """J of every deterministic policy that goes by the features alone, (A ** kinds,)."""
        kinds, look = np.unique(self.features, axis=0, return_inverse=True)
        ended = self.terminal[np.array([np.flatnonzero(look.ravel() == k)[0] for k in range(len(kinds))])]
        actions = range(self.transition.shape[1])
        tables = product(*[[0] if over else actions for over in ended])
        identity = torch.eye(len(actions), dtype=torch.float64)
        return np.array([self.value(identity[list(table)][torch.as_tensor(look.ravel())]).item() for table in tables])


def make_bandit() -> FiniteProblem:
    """Ten arms, one pull: arm k pays 1 with probability (k + 1) / 11. The best pays 10/11.

    State 0 has the arms; from it one comes to state 1 (paid) or 2 (not paid).
    """
    arms, pays = 10, np.arange(1, 11) / 11
    transition, reward = np.zeros((3, arms, 3)), np.zeros((3, arms, 3))
    transition[0, :, 1], transition[0, :, 2] = pays, 1.0 - pays
    transition[1, :, 1] = transition[2, :, 2] = 1.0
    reward[0, :, 1] = 1.0
    return FiniteProblem(
        start=np.array([1.0, 0.0, 0.0]),
        transition=transition,
        reward=reward,
        terminal=np.array([False, True, True]),
        features=np.array([[1.0], [0.0], [0.0]], dtype=np.float32),
        horizon=1,
        gamma=1.0,
    )


def make_aliased_grid() -> FiniteProblem:
    """The lecture's grid world (D. Silver): treasure under the middle cell, skulls under the corners.

        0  1  2  3  4          cells 1 and 3 are grey: the policy sees the walls about it, and theirs are the same
        S     T     S          (above and below). Actions: 0 north, 1 east, 2 south, 3 west; a wall keeps one in place.

    Episodes start in any of the cells 0-4. Treasure +1, skull -1, gamma .95, at most 60 steps. A policy that always
    does the same in a grey cell walks into a corner and back for ever on one of the two sides.
    """
    cells, skull_left, treasure, skull_right = 5, 5, 6, 7
    below = {0: skull_left, 2: treasure, 4: skull_right}
    transition, reward = np.zeros((8, 4, 8)), np.zeros((8, 4, 8))
    for s in range(cells):
        leads_to = (s, min(s + 1, cells - 1), below.get(s, s), max(s - 1, 0))
        transition[s, range(4), leads_to] = 1.0
    for s in (skull_left, treasure, skull_right):
        transition[s, :, s] = 1.0
    reward[:cells, :, treasure], reward[:cells, :, [skull_left, skull_right]] = 1.0, -1.0
    looks = {0: 0, 1: 1, 2: 2, 3: 1, 4: 3}
    features = np.zeros((8, 4), dtype=np.float32)
    for s, look in looks.items():
        features[s, look] = 1.0
    return FiniteProblem(
        start=np.array([0.2] * cells + [0.0] * 3),
        transition=transition,
        reward=reward,
        terminal=np.arange(8) >= cells,
        features=features,
        horizon=60,
        gamma=0.95,
    )


def make_small_chain(gamma: float = 1.0) -> FiniteProblem:
    """Three states, two actions, four steps, noisy transitions and rewards of both signs: 1,000 to 10,000 trajectories.

    Made to be enumerated: every expectation over trajectories is a finite sum.
    """
    rng = np.random.default_rng(7)
    transition = rng.dirichlet([0.7, 0.7, 0.7], size=(3, 2))
    return FiniteProblem(
        start=np.array([0.6, 0.3, 0.1]),
        transition=transition,
        reward=rng.normal(size=(3, 2, 3)) + 1.0,
        terminal=np.array([False, False, False]),
        features=np.eye(3, dtype=np.float32),
        horizon=4,
        gamma=gamma,
    )

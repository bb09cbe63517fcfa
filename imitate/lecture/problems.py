"""The problems that the lecture's algorithms are shown on, all with the environment's interface: N of them in step.

bandit      one action, ten arms                        finite, so the best value is known exactly
grid        the lecture's aliased grid world            finite; no deterministic policy succeeds
cartpole    balance a pole, two actions                 gymnasium CartPole-v1
pendulum    swing a pendulum up, one torque             gymnasium Pendulum-v1
imitation   follow a short motion, as `make clip` does  the humanoid in MuJoCo

Dynamics and rewards of CartPole and Pendulum are gymnasium's own. The classes around them let N environments be started
one by one, from the caller's generator, as skills are; gymnasium's vector environments restart by themselves.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from gymnasium.envs.classic_control.cartpole import CartPoleVectorEnv
from gymnasium.envs.classic_control.pendulum import PendulumEnv

from imitate.env.env import ImitationEnv
from imitate.env.step import StepResult
from imitate.lecture.finite import FiniteProblem, make_aliased_grid, make_bandit
from imitate.lecture.recurrent import RecurrentPolicy
from imitate.lecture.softmax import SoftmaxPolicy
from pose.errors import InputError


class LectureProblem(Protocol):
    """N environments in step. None restarts by itself: the caller looks at `StepResult.done` and calls `start`."""

    @property
    def num_envs(self) -> int:
        """Number of environments, N."""
        ...

    @property
    def observation_size(self) -> int:
        """Length of an observation, O."""
        ...

    @property
    def actions(self) -> int | None:
        """Number of actions to choose from; None where an action is a vector."""
        ...

    @property
    def action_size(self) -> int:
        """Length of an action vector; 1 where actions are chosen from a list."""
        ...

    @property
    def horizon(self) -> int:
        """Longest episode."""
        ...

    def start(self, ids: np.ndarray | None = None, rng: np.random.Generator | None = None) -> None:
        """Begins an episode in these environments, or in all of them."""
        ...

    def observe(self) -> np.ndarray:
        """Raw observations, float32 (N, O)."""
        ...

    def step(self, action: np.ndarray) -> StepResult:
        """Acts once in every environment; `action` is int (N,) or float (N, A)."""
        ...


class FiniteEnv:
    """N walkers through a finite problem."""

    def __init__(self, problem: FiniteProblem, size: int):
        self.problem, self.num_envs = problem, size
        self.observation_size, self.actions, self.action_size = problem.features.shape[1], problem.reward.shape[1], 1
        self.horizon = problem.horizon
        self.state, self.steps = np.zeros(size, dtype=np.int64), np.zeros(size, dtype=np.int64)
        self._features = problem.features.astype(np.float32)
        self._chances = problem.transition.cumsum(-1)
        self._rng = np.random.default_rng(0)

    def start(self, ids: np.ndarray | None = None, rng: np.random.Generator | None = None) -> None:
        """Draws start states; `rng` also draws the transitions from now on."""
        self._rng = rng or self._rng
        ids = np.arange(self.num_envs) if ids is None else ids
        self.state[ids] = self._rng.choice(len(self.problem.start), size=len(ids), p=self.problem.start)
        self.steps[ids] = 0

    def observe(self) -> np.ndarray:
        """Features of the states, float32 (N, O)."""
        return self._features[self.state]

    def step(self, action: np.ndarray) -> StepResult:
        """Draws the successors. The horizon is part of the problem, so its end is an end, not a lack of time."""
        draw = self._rng.random(self.num_envs)[:, None]
        following = np.minimum((self._chances[self.state, action] < draw).sum(-1), len(self.problem.start) - 1)
        reward = self.problem.reward[self.state, action, following]
        self.state, self.steps = following, self.steps + 1
        terminated = self.problem.terminal[following] | (self.steps >= self.horizon)
        never = np.zeros(self.num_envs, dtype=bool)
        return StepResult(reward, {}, terminated, never, never)


class CartPole:
    """Gymnasium's vectorised CartPole-v1: +1 for every step upright, 500 at most; solved is 475 over 100 episodes."""

    observation_size, actions, action_size, horizon = 4, 2, 1, 500

    def __init__(self, size: int):
        self.num_envs = size
        self._env = CartPoleVectorEnv(size, max_episode_steps=self.horizon)
        self._env.reset(seed=0)

    def start(self, ids: np.ndarray | None = None, rng: np.random.Generator | None = None) -> None:
        """Begins with position, speed, angle and turning speed within .05 of zero, as gymnasium does."""
        ids = np.arange(self.num_envs) if ids is None else ids
        rng = rng or np.random.default_rng()
        self._state[:, ids] = rng.uniform(-0.05, 0.05, size=(4, len(ids)))
        self._env.steps[ids] = 0
        self._env.prev_done[ids] = False

    def observe(self) -> np.ndarray:
        """Position [m], speed [m/s], angle [rad], turning speed [rad/s]."""
        return self._state.T.astype(np.float32)

    def step(self, action: np.ndarray) -> StepResult:
        """Pushes left (0) or right (1) with 10 N for 20 ms. The limit of 500 steps is a lack of time."""
        self._env.prev_done[:] = False  # gymnasium would restart what ended; here the caller does
        _, reward, terminated, truncated, _ = self._env.step(action)
        return StepResult(reward, {}, terminated, truncated & ~terminated, np.zeros(self.num_envs, dtype=bool))

    @property
    def _state(self) -> np.ndarray:
        state = self._env.state
        assert state is not None
        return state


class Pendulum:
    """Gymnasium's Pendulum-v1 for 200 steps: minus angle squared, speed and torque, to be brought near 0.

    Its step is arithmetic on its state, so N pendulums are one whose angle and speed are arrays of N.
    """

    observation_size, actions, action_size, horizon = 3, None, 1, 200

    def __init__(self, size: int):
        self.num_envs = size
        self.steps = np.zeros(size, dtype=np.int64)
        self._env = PendulumEnv()
        self._env.state = np.zeros((2, size))

    def start(self, ids: np.ndarray | None = None, rng: np.random.Generator | None = None) -> None:
        """Begins at any angle with up to 1 rad/s, as gymnasium does."""
        ids = np.arange(self.num_envs) if ids is None else ids
        rng = rng or np.random.default_rng()
        high = np.array([[np.pi], [1.0]])
        self._env.state[:, ids] = rng.uniform(-high, high, size=(2, len(ids)))
        self.steps[ids] = 0

    def observe(self) -> np.ndarray:
        """Cosine and sine of the angle from upright, turning speed [rad/s]."""
        return self._env._get_obs().T

    def step(self, action: np.ndarray) -> StepResult:
        """Applies a torque; an action of 1 is the greatest, 2 Nm. 200 steps are a lack of time."""
        _, reward, *_ = self._env.step(self._env.max_torque * action.T)
        self.steps += 1
        never = np.zeros(self.num_envs, dtype=bool)
        return StepResult(np.asarray(reward, dtype=np.float64), {}, never, self.steps >= self.horizon, never)


class Imitation:
    """`make clip`'s environment as one of the problems: reference state initialisation, early termination."""

    actions = None

    def __init__(self, env: ImitationEnv):
        self.env, self.num_envs = env, env.num_envs
        self.observation_size, self.action_size = env.observation_layout.size, env.action_size
        self.horizon = env.episode_steps

    def start(self, ids: np.ndarray | None = None, rng: np.random.Generator | None = None) -> None:
        """Begins at any phase of the motion."""
        ids = np.arange(self.num_envs) if ids is None else ids
        rng = rng or np.random.default_rng()
        self.env.start(rng.integers(0, self.env.reference.starts, size=len(ids)), ids, rng)

    def observe(self) -> np.ndarray:
        """Raw observations, as the skill's policy sees them, float32 (N, O)."""
        return self.env.observe()

    def step(self, action: np.ndarray) -> StepResult:
        """One control step, which is several physics steps."""
        return self.env.step(action)


@dataclass(frozen=True)
class ProblemSpec:
    """A problem: its environments, and when it counts as solved."""

    name: str
    make: Callable[[int], LectureProblem]
    """Makes N environments."""
    threshold: float
    """Value that counts as solved."""
    source: str
    """Where the threshold comes from, in a few words."""
    finite: Callable[[], FiniteProblem] | None = None
    """Makes the exact problem; None where there is none."""


def make_bandits(size: int) -> FiniteEnv:
    """Makes N bandits."""
    return FiniteEnv(make_bandit(), size)


def make_grids(size: int) -> FiniteEnv:
    """Makes N walkers through the aliased grid world."""
    return FiniteEnv(make_aliased_grid(), size)


BEST_STOCHASTIC_GRID = 0.87517
"""Value of the grid's best policy without memory, found by `FiniteProblem.optimum`."""

_BEST_GRID = "98 % of the best stochastic policy"
PROBLEMS: dict[str, ProblemSpec] = {
    "bandit": ProblemSpec("bandit", make_bandits, 0.98 * 10 / 11, "98 % of the best arm's 10/11", make_bandit),
    "grid": ProblemSpec("grid", make_grids, 0.98 * BEST_STOCHASTIC_GRID, _BEST_GRID, make_aliased_grid),
    "cartpole": ProblemSpec("cartpole", CartPole, 475.0, "gymnasium: 475 over 100 episodes"),
    "pendulum": ProblemSpec("pendulum", Pendulum, -200.0, "swings up and stays from nearly every start"),
}


def find_problem(name: str) -> ProblemSpec:
    """Finds a problem by its name.

    Raises:
      InputError: there is none of that name.
    """
    if name not in PROBLEMS:
        raise InputError(f"unknown problem '{name}'; known ones: {', '.join(PROBLEMS)}, imitation, pong")
    return PROBLEMS[name]


class Agent(Protocol):
    """Anything that acts; learning asks for more, see `imitate.training.collect.Actor`."""

    def act(self, observation: np.ndarray, rng: np.random.Generator | None = None) -> np.ndarray:
        """Actions for raw observations; sampled where `rng` is given, else the likeliest."""
        ...


FINITE_EPISODES = 2000
"""Episodes that stand for the exact value of a policy with a memory; the grid's standard error is then below .005."""


def evaluate(spec: ProblemSpec, policy: Agent, seed: int = 10_000, episodes: int = 100, greedy: bool = True) -> float:
    """Value of a policy: exact where the problem is finite, else the mean return of fresh episodes.

    Args:
      spec: the problem.
      policy: anything with `act`.
      seed: of the start states; the same for every policy, so that two are compared on equal terms.
      episodes: how many.
      greedy: takes the likeliest action. In a finite problem it is the stochastic policy that is evaluated: exactly by
        its probabilities, or by many episodes where it has a memory.
    """
    if spec.finite is None:
        return mean_return(spec.make(episodes), policy, seed, greedy)
    problem = spec.finite()
    if isinstance(policy, SoftmaxPolicy):
        return exact_value(problem, policy)
    return mean_return(spec.make(FINITE_EPISODES), policy, seed, greedy=False, gamma=problem.gamma)


def exact_value(problem: FiniteProblem, policy: SoftmaxPolicy) -> float:
    """J of a softmax policy, by dynamic programming."""
    with torch.no_grad():
        preference = policy.actor(policy.observations(torch.from_numpy(problem.features)))
        return problem.value(torch.softmax(preference.double(), -1)).item()


def mean_return(problem: LectureProblem, policy: Agent, seed: int, greedy: bool, gamma: float = 1.0) -> float:
    """Mean return of one fresh episode in every environment."""
    return float(play_episodes(problem, policy, seed, greedy, gamma).mean())


def play_episodes(problem: LectureProblem, policy: Agent, seed: int, greedy: bool, gamma: float = 1.0) -> np.ndarray:
    """Returns of one fresh episode in every environment, (N,)."""
    rng = np.random.default_rng(seed)
    problem.start(rng=rng)
    if isinstance(policy, RecurrentPolicy):
        policy.begin(problem.num_envs)
    episode_return, live = np.zeros(problem.num_envs), np.ones(problem.num_envs, dtype=bool)
    for t in range(problem.horizon):
        outcome = problem.step(policy.act(problem.observe(), None if greedy else rng))
        episode_return += gamma**t * outcome.reward * live
        live &= ~outcome.done
        if not live.any():
            break
    return episode_return

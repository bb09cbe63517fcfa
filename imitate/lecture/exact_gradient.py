"""The policy gradient of a finite problem, exactly, and the exact mean and variance of every estimator of it.

An estimator turns one trajectory into sum_t weight_t grad log pi(a_t|s_t). Over all trajectories of a finite problem
its mean and its variance are finite sums: whether it is unbiased, and how much a refinement gains, is computed, not
sampled. The weights are the very functions that the learners call.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from imitate.lecture.actor_critic import n_step_advantage, one_step_advantage
from imitate.lecture.finite import FiniteProblem
from imitate.lecture.reinforce import discount_of_time, reward_to_go, trajectory_return
from imitate.lecture.score import softmax_score
from imitate.training.advantage import compute_advantage


@dataclass(frozen=True)
class Trajectories:
    """All M trajectories of a problem, padded to T steps."""

    state: Tensor
    """s_0 .. s_T, (T + 1, M)."""
    action: Tensor
    """(T, M)."""
    reward: Tensor
    """(T, M)."""
    alive: Tensor
    """False where a trajectory was over, bool (T, M)."""
    chance: Tensor
    """Its probability without the policy's part, (M,)."""


@dataclass(frozen=True)
class TrueValues:
    """What a critic tries to learn: the policy's values at each of the trajectories' steps, (T, M) each."""

    value: Tensor
    """V(s_t)."""
    next_value: Tensor
    """V(s_{t+1})."""
    action_value: Tensor
    """Q(s_t, a_t)."""


Weight = Callable[[Trajectories, TrueValues, float], Tensor]
"""Trajectories, true values and gamma -> weight of each action, (T, M)."""

ESTIMATORS: dict[str, Weight] = {
    "return of the trajectory": lambda tau, _, gamma: trajectory_return(tau.reward, gamma),
    "reward to go": lambda tau, _, gamma: discount_of_time(tau.reward, gamma) * reward_to_go(tau.reward, gamma),
    "Q(s, a)": lambda tau, truth, gamma: discount_of_time(tau.reward, gamma) * truth.action_value,
    "reward to go - V(s)": lambda tau, truth, gamma: (
        discount_of_time(tau.reward, gamma) * (reward_to_go(tau.reward, gamma) - truth.value)
    ),
    "GAE, lambda .5": lambda tau, truth, gamma: (
        discount_of_time(tau.reward, gamma)
        * compute_advantage(tau.reward, truth.value, truth.next_value, _ends(tau), _ends(tau), gamma, 0.5)
    ),
    "two-step advantage": lambda tau, truth, gamma: (
        discount_of_time(tau.reward, gamma)
        * n_step_advantage(tau.reward, truth.value, truth.next_value, _ends(tau), _ends(tau), gamma, 2)
    ),
    "r + gamma V(s') - V(s)": lambda tau, truth, gamma: (
        discount_of_time(tau.reward, gamma)
        * one_step_advantage(tau.reward, truth.value, truth.next_value, _ends(tau), gamma)
    ),
    "Q(s, a) - V(s)": lambda tau, truth, gamma: (
        discount_of_time(tau.reward, gamma) * (truth.action_value - truth.value)
    ),
}
"""In the order of the lecture; each is unbiased when the values are true."""


def slide_reward_to_go(tau: Trajectories, _: TrueValues, gamma: float) -> Tensor:
    """Reward to go exactly as on the slide, without gamma^t: biased for gamma < 1 (Thomas 2014)."""
    return reward_to_go(tau.reward, gamma)


def list_trajectories(problem: FiniteProblem) -> Trajectories:
    """Lists every trajectory of a problem."""
    steps = problem.horizon
    found = list(problem.trajectories())
    state = torch.zeros(steps + 1, len(found), dtype=torch.int64)
    action, reward = torch.zeros(steps, len(found), dtype=torch.int64), torch.zeros(steps, len(found)).double()
    alive, chance = torch.zeros(steps, len(found), dtype=torch.bool), torch.zeros(len(found)).double()
    for m, (states, actions, rewards, p) in enumerate(found):
        t = len(actions)
        state[: t + 1, m], state[t + 1 :, m] = torch.tensor(states), states[-1]
        action[:t, m], reward[:t, m], alive[:t, m] = (
            torch.tensor(actions),
            torch.tensor(rewards, dtype=torch.float64),
            True,
        )
        chance[m] = p
    return Trajectories(state, action, reward, alive, chance)


def exact_gradient(problem: FiniteProblem, theta: Tensor) -> Tensor:
    """grad J of the softmax policy with table theta (S, A), through dynamic programming, (S * A,)."""
    theta = theta.detach().clone().requires_grad_(True)
    problem.value(torch.softmax(theta, -1)).backward()
    assert theta.grad is not None
    return theta.grad.flatten()


def true_values(problem: FiniteProblem, theta: Tensor, tau: Trajectories) -> TrueValues:
    """V and Q of the policy along the trajectories, exact; V depends on the steps that are left."""
    values = problem.values(torch.softmax(theta, -1))  # (H + 1, S), first row: all H steps to go
    q = torch.stack([problem.action_values(following) for following in values[1:]])  # (H, S, A)
    step = torch.arange(problem.horizon)[:, None]
    return TrueValues(
        value=values[step, tau.state[:-1]],
        next_value=values[step + 1, tau.state[1:]],
        action_value=q[step, tau.state[:-1], tau.action],
    )


def probabilities(theta: Tensor, tau: Trajectories) -> Tensor:
    """p(tau; theta) = P(s_0) prod_t pi(a_t|s_t) P(s_{t+1}|s_t, a_t), (M,)."""
    log_pi = torch.log_softmax(theta, -1)[tau.state[:-1], tau.action]
    return tau.chance * (log_pi * tau.alive).sum(0).exp()


def estimates(problem: FiniteProblem, tau: Trajectories, theta: Tensor, weight: Weight) -> tuple[Tensor, Tensor]:
    """What an estimator makes of each trajectory, (M, S * A), and the trajectories' probabilities (M,)."""
    states, actions = theta.shape
    # The table's gradient: f(s, a) = theta[s, a], so grad f(s, .) picks out the rows of s.
    rows = torch.eye(states * actions, dtype=theta.dtype).view(states, actions, -1)
    score = torch.stack(
        [torch.stack([softmax_score(rows[s], theta[s], a) for a in range(actions)]) for s in range(states)]
    )
    weights = weight(tau, true_values(problem, theta, tau), problem.gamma) * tau.alive
    return torch.einsum("tm,tmp->mp", weights, score[tau.state[:-1], tau.action]), probabilities(theta, tau)


def mean_and_variance(problem: FiniteProblem, tau: Trajectories, theta: Tensor, weight: Weight) -> tuple[Tensor, float]:
    """Exact mean (S * A,) and exact total variance (trace of the covariance) of an estimator from one trajectory."""
    estimate, p = estimates(problem, tau, theta, weight)
    mean = p @ estimate
    return mean, float(p @ estimate.square().sum(-1) - mean.square().sum())


def _ends(tau: Trajectories) -> Tensor:
    """True at each trajectory's last step."""
    following = torch.cat([tau.alive[1:], torch.zeros_like(tau.alive[:1])])
    return tau.alive & ~following

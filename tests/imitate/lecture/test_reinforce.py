"""REINFORCE against the exact gradient: every expectation here is a sum over all trajectories, not a sample."""

import functools

import numpy as np
import pytest
import torch

from imitate.lecture.collector import Collector
from imitate.lecture.exact_gradient import (
    ESTIMATORS,
    all_trajectories,
    exact_gradient,
    mean_and_variance,
    probabilities,
    slide_reward_to_go,
)
from imitate.lecture.finite import bandit, small_chain
from imitate.lecture.problems import PROBLEMS, bandits, evaluate, grids
from imitate.lecture.reinforce import (
    Reinforce,
    ReinforceConfig,
    policy_gradient_loss,
    reward_to_go,
    trajectory_return,
)
from imitate.lecture.softmax import SoftmaxPolicy


@functools.cache
def enumerated(gamma=1.0):
    problem = small_chain(gamma)
    return problem, all_trajectories(problem)


def theta_of(problem, seed=0):
    shape = problem.reward.shape[:2]
    return torch.as_tensor(np.random.default_rng(seed).normal(size=shape))


def test_probabilities_of_all_trajectories_add_up_to_one():
    problem, tau = enumerated()
    assert probabilities(theta_of(problem), tau).sum().item() == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize("gamma", [1.0, 0.9])
def test_exact_gradient_by_three_ways(gamma):
    """Autograd through dynamic programming = finite differences = autograd through the sum over trajectories."""
    problem, tau = enumerated(gamma)
    theta = theta_of(problem)
    gradient = exact_gradient(problem, theta)

    slopes, step = [], 1e-5
    for i in range(theta.numel()):
        ends = []
        for sign in (1, -1):
            moved = theta.flatten().clone()
            moved[i] += sign * step
            ends.append(problem.value(torch.softmax(moved.view_as(theta), -1)).item())
        slopes.append((ends[0] - ends[1]) / (2 * step))
    np.testing.assert_allclose(gradient, slopes, atol=1e-6)

    variable = theta.clone().requires_grad_(True)
    (probabilities(variable, tau) * trajectory_return(tau.reward, gamma)[0]).sum().backward()
    assert variable.grad is not None
    torch.testing.assert_close(variable.grad.flatten(), gradient, rtol=0, atol=1e-10)


@pytest.mark.parametrize("gamma", [1.0, 0.9])
@pytest.mark.parametrize("name", ESTIMATORS)
def test_estimator_is_unbiased(name, gamma):
    problem, tau = enumerated(gamma)
    for seed in range(3):
        theta = theta_of(problem, seed)
        mean, _ = mean_and_variance(problem, tau, theta, ESTIMATORS[name])
        torch.testing.assert_close(mean, exact_gradient(problem, theta), rtol=0, atol=1e-6)


def test_reward_to_go_of_the_slide_is_unbiased_only_without_discount():
    for gamma, unbiased in ((1.0, True), (0.9, False)):
        problem, tau = enumerated(gamma)
        theta = theta_of(problem)
        mean, _ = mean_and_variance(problem, tau, theta, slide_reward_to_go)
        difference = (mean - exact_gradient(problem, theta)).abs().max().item()
        assert (difference < 1e-6) == unbiased, (gamma, difference)


def test_each_refinement_has_less_variance():
    """In the lecture's order: the past left out, a baseline, a critic instead of the future, both."""
    problem, tau = enumerated()
    theta = theta_of(problem)
    variance = {name: mean_and_variance(problem, tau, theta, ESTIMATORS[name])[1] for name in ESTIMATORS}
    assert variance["return of the trajectory"] > 1.2 * variance["reward to go"]
    assert variance["reward to go"] > 1.2 * variance["reward to go - V(s)"]
    assert variance["reward to go"] > variance["Q(s, a)"] > variance["Q(s, a) - V(s)"]
    assert variance["reward to go - V(s)"] > variance["r + gamma V(s') - V(s)"] > variance["Q(s, a) - V(s)"]


@pytest.mark.parametrize("weight", [trajectory_return, reward_to_go])
def test_gradient_of_the_learners_loss_is_the_exact_gradient(weight):
    """All trajectories as one batch, each weighed by its probability: the loss that `update` minimises, checked."""
    problem, tau = enumerated()
    theta = theta_of(problem).requires_grad_(True)
    log_prob = torch.log_softmax(theta, -1)[tau.state[:-1], tau.action]
    share = probabilities(theta.detach(), tau) * len(tau.chance)
    policy_gradient_loss(log_prob, weight(tau.reward, 1.0) * share, tau.alive).backward()
    assert theta.grad is not None
    torch.testing.assert_close(-theta.grad.flatten(), exact_gradient(problem, theta), rtol=0, atol=1e-10)


def test_single_step_version_on_the_bandit():
    """E[r grad log pi(a|s)] over arms and pay-outs is the exact gradient."""
    problem = bandit()
    theta = theta_of(problem)
    pi, pays = torch.softmax(theta[0], -1), torch.as_tensor(problem.transition[0, :, 1])
    mean = sum(pi[a] * pays[a] * (torch.eye(10)[a].double() - pi) for a in range(10))  # score of a table: e_a - pi
    torch.testing.assert_close(mean, exact_gradient(problem, theta)[:10], rtol=0, atol=1e-10)


def test_returns_by_hand():
    # gamma .5: to go 1 + .5 (0 + .5 * 4) = 2, 0 + .5 * 4 = 2, 4; whole 1 + 0 + .25 * 4 = 2
    reward = torch.tensor([[1.0], [0.0], [4.0]])
    assert reward_to_go(reward, 0.5).flatten().tolist() == [2.0, 2.0, 4.0]
    assert trajectory_return(reward, 0.5).flatten().tolist() == [2.0, 2.0, 2.0]


def test_trajectories_end_where_they_end():
    policy = SoftmaxPolicy(4, 4, hidden=(), bias=False)
    collector = Collector(grids(64), seed=0)
    batch = collector.trajectories(policy)
    assert batch.alive[0].all() and len(collector.finished) == 64
    assert collector.samples == int(batch.alive.sum())
    ended = (batch.done & batch.alive).sum(0)
    assert (ended == 1).all()  # each exactly once
    assert ((batch.reward != 0) <= (batch.done & batch.alive)).all()  # the grid pays at its ends only


@pytest.mark.parametrize("weight, baseline", [("step", False), ("trajectory", False), ("to_go", True)])
def test_bandit_is_learnt(weight, baseline):
    torch.manual_seed(0)
    policy = SoftmaxPolicy(1, 10, hidden=(), bias=False)
    learner = Reinforce(policy, ReinforceConfig(weight, baseline, gamma=1.0, learning_rate=0.05))
    collector = Collector(bandits(32), seed=0)
    for _ in range(300):
        learner.update(collector.trajectories(policy))
    assert evaluate(PROBLEMS["bandit"], policy) > 0.95 * 10 / 11

"""REINFORCE: its returns by hand, its gradient against the exact one, and that it learns."""

import pytest
import torch

from imitate.lecture.collector import Collector
from imitate.lecture.exact_gradient import (
    exact_gradient,
    probabilities,
)
from imitate.lecture.problems import PROBLEMS, evaluate, make_bandits, make_grids
from imitate.lecture.reinforce import (
    Reinforce,
    ReinforceConfig,
    policy_gradient_loss,
    reward_to_go,
    trajectory_return,
)
from imitate.lecture.softmax import SoftmaxPolicy
from tests.chains import enumerated, theta_of


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


def test_returns_by_hand():
    # gamma .5: to go 1 + .5 (0 + .5 * 4) = 2, 0 + .5 * 4 = 2, 4; whole 1 + 0 + .25 * 4 = 2
    reward = torch.tensor([[1.0], [0.0], [4.0]])
    assert reward_to_go(reward, 0.5).flatten().tolist() == [2.0, 2.0, 4.0]
    assert trajectory_return(reward, 0.5).flatten().tolist() == [2.0, 2.0, 2.0]


def test_trajectories_end_where_they_end():
    policy = SoftmaxPolicy(4, 4, hidden_sizes=(), bias=False)
    collector = Collector(make_grids(64), seed=0)
    batch = collector.collect_trajectories(policy)
    assert batch.alive[0].all() and len(collector.finished) == 64
    assert collector.samples == int(batch.alive.sum())
    ended = (batch.done & batch.alive).sum(0)
    assert (ended == 1).all()  # each exactly once
    assert ((batch.reward != 0) <= (batch.done & batch.alive)).all()  # the grid pays at its ends only


@pytest.mark.parametrize("weight, baseline", [("step", False), ("trajectory", False), ("to_go", True)])
def test_bandit_is_learnt(weight, baseline):
    torch.manual_seed(0)
    policy = SoftmaxPolicy(1, 10, hidden_sizes=(), bias=False)
    learner = Reinforce(policy, ReinforceConfig(weight, baseline, gamma=1.0, learning_rate=0.05))
    collector = Collector(make_bandits(32), seed=0)
    for _ in range(300):
        learner.update(collector.collect_trajectories(policy))
    assert evaluate(PROBLEMS["bandit"], policy) > 0.95 * 10 / 11

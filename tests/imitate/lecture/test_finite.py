"""Finite problems: values by hand, the best policies there are, and why the grid needs a stochastic one."""

import numpy as np
import pytest
import torch

from imitate.lecture.finite import FiniteProblem, make_aliased_grid, make_bandit, make_small_chain
from imitate.lecture.problems import BEST_STOCHASTIC_GRID


def make_ladder(gamma):
    """One action, three states: reward 1 from 0 to 1, reward 2 from 1 to 2, which ends."""
    transition, reward = np.zeros((3, 1, 3)), np.zeros((3, 1, 3))
    transition[0, 0, 1] = transition[1, 0, 2] = transition[2, 0, 2] = 1.0
    reward[0, 0, 1], reward[1, 0, 2], reward[2, 0, 2] = 1.0, 2.0, 100.0
    terminal = np.array([False, False, True])
    return FiniteProblem(np.array([1.0, 0.0, 0.0]), transition, reward, terminal, np.eye(3), horizon=5, gamma=gamma)


def test_values_by_hand():
    problem, only = make_ladder(0.5), torch.ones(3, 1, dtype=torch.float64)
    values = problem.values(only)
    assert values.shape == (6, 3)
    # With five steps to go 1 + .5 * 2 = 2, 2, and nothing from the end; with one step to go 1; with none 0.
    assert values[0].tolist() == [2.0, 2.0, 0.0]
    assert values[4].tolist() == [1.0, 2.0, 0.0]
    assert values[5].tolist() == [0.0, 0.0, 0.0]
    assert problem.value(only).item() == 2.0
    assert problem.action_values(torch.tensor([0.0, 4.0, 0.0], dtype=torch.float64)).flatten().tolist() == [3.0, 2.0, 0]


def test_trajectories_end_in_terminal_states_or_at_the_horizon():
    assert list(make_ladder(0.5).trajectories()) == [([0, 1, 2], [0, 0], [1.0, 2.0], 1.0)]
    chain = make_small_chain()
    trajectories = list(chain.trajectories())
    assert {len(actions) for _, actions, _, _ in trajectories} == {chain.horizon}
    # Without the policy's part the chances of all trajectories with the same actions add up to one.
    for actions in ([0, 0, 0, 0], [0, 1, 1, 0]):
        assert sum(p for _, taken, _, p in trajectories if taken == actions) == pytest.approx(1.0, abs=1e-12)


def test_discount_weighs_later_rewards_less():
    policy = torch.full((3, 2), 0.5, dtype=torch.float64)
    trajectories = list(make_small_chain().trajectories())
    for gamma in (1.0, 0.7):
        by_hand = sum(
            p * 0.5 ** len(actions) * sum(gamma**t * r for t, r in enumerate(rewards))
            for _, actions, rewards, p in trajectories
        )
        assert make_small_chain(gamma).value(policy).item() == pytest.approx(by_hand, abs=1e-9)


def test_grid_needs_chance():
    """The lecture's point: alike cells call for a coin; whoever always does the same there gets stuck."""
    problem = make_aliased_grid()
    best, policy = problem.optimum(tries=2)
    assert best == pytest.approx(BEST_STOCHASTIC_GRID, abs=1e-4)
    np.testing.assert_allclose(policy[1], [0.0, 0.5, 0.0, 0.5], atol=2e-3)  # grey: east or west, evenly
    np.testing.assert_allclose(policy[1], policy[3])
    values = problem.deterministic_values()
    assert len(values) == 4**4
    assert values.max() < 0.66 * best
    # The best of them still never arrives from two of the five cells: 1, .95, .9025 and twice 0.
    assert values.max() == pytest.approx((1 + 0.95 + 0.9025) / 5, abs=1e-6)


def test_optimum_of_the_bandit():
    best, policy = make_bandit().optimum(tries=2)
    assert best == pytest.approx(10 / 11, abs=1e-4)
    assert policy[0].argmax() == 9
    assert make_bandit().deterministic_values().max() == pytest.approx(10 / 11)


def test_improper_probabilities_are_refused():
    with pytest.raises(ValueError, match="add up to 1"):
        FiniteProblem(
            start=np.array([0.5, 0.4]),
            transition=np.ones((2, 1, 2)) / 2,
            reward=np.zeros((2, 1, 2)),
            terminal=np.zeros(2, dtype=bool),
            features=np.eye(2),
            horizon=1,
            gamma=1.0,
        )

"""The problems: gymnasium's dynamics, the exact truth of the finite ones, and what an evaluation counts."""

import gymnasium
import numpy as np
import pytest
import torch

from imitate.lecture.finite import make_aliased_grid, make_bandit
from imitate.lecture.problems import (
    PROBLEMS,
    CartPole,
    FiniteEnv,
    Pendulum,
    evaluate,
    find_problem,
    mean_return,
)
from imitate.lecture.softmax import SoftmaxPolicy
from pose.errors import InputError

SIZE = 5


def test_cartpole_is_gymnasiums():
    problem, rng = CartPole(SIZE), np.random.default_rng(0)
    problem.start(rng=rng)
    single = [gymnasium.make("CartPole-v1").unwrapped for _ in range(SIZE)]
    for env, state in zip(single, problem.observe(), strict=True):
        env.reset()
        env.state = tuple(float(x) for x in state)
    for _ in range(30):
        action = rng.integers(0, 2, SIZE)
        outcome = problem.step(action)
        for i, env in enumerate(single):
            observation, reward, terminated, _, _ = env.step(int(action[i]))
            np.testing.assert_allclose(problem.observe()[i], observation, atol=1e-5)
            assert outcome.terminated[i] == terminated and (terminated or outcome.reward[i] == reward)
        if outcome.terminated.any():
            break


def test_cartpole_restarts_only_where_asked():
    problem, rng = CartPole(3), np.random.default_rng(0)
    problem.start(rng=rng)
    while not (outcome := problem.step(np.ones(3, dtype=np.int64))).done.all():
        pass
    fallen = problem.observe()
    assert outcome.terminated.all() and not outcome.truncated.any()
    problem.start(np.array([1]), rng)
    assert np.abs(problem.observe()[1]).max() <= 0.05
    np.testing.assert_array_equal(problem.observe()[[0, 2]], fallen[[0, 2]])


def test_pendulum_is_gymnasiums():
    problem, rng = Pendulum(SIZE), np.random.default_rng(0)
    problem.start(rng=rng)
    single = [gymnasium.make("Pendulum-v1").unwrapped for _ in range(SIZE)]
    for i, env in enumerate(single):
        env.reset()
        env.state = problem._env.state[:, i].copy()
    for t in range(200):
        action = rng.normal(size=(SIZE, 1))
        outcome = problem.step(action)
        for i, env in enumerate(single):
            observation, reward, _, _, _ = env.step(2.0 * action[i])
            np.testing.assert_allclose(problem.observe()[i], observation, atol=1e-5)
            assert outcome.reward[i] == pytest.approx(reward, abs=1e-9)
        assert outcome.truncated.all() == (t == 199) and not outcome.terminated.any()


def test_finite_environment_pays_what_the_truth_says():
    """5,000 sampled episodes of a random policy against dynamic programming, within four standard errors."""
    problem = make_aliased_grid()
    torch.manual_seed(0)
    policy = SoftmaxPolicy(4, 4, hidden_sizes=(), bias=False)
    torch.nn.init.normal_(next(policy.actor.parameters()))
    sampled = mean_return(FiniteEnv(problem, 5_000), policy, seed=1, greedy=False, gamma=problem.gamma)
    assert sampled == pytest.approx(evaluate(PROBLEMS["grid"], policy), abs=4 * 1.0 / 5_000**0.5)


def test_cartpole_counts_to_five_hundred_and_calls_it_a_lack_of_time():
    problem, rng = CartPole(2), np.random.default_rng(0)
    problem.start(rng=rng)
    ends = []
    for _ in range(500):
        state = problem.observe()
        # Balances: pushes to where the pole falls, and the cart back to the middle.
        outcome = problem.step((state @ [0.05, 0.3, 1.0, 0.6] > 0).astype(np.int64))
        ends.append((outcome.truncated.all(), outcome.terminated.any()))
    assert ends == [(False, False)] * 499 + [(True, False)]


def test_episodes_of_finite_problems_end_at_the_horizon():
    """A walker that pushes against a wall for 60 steps is out of the problem, not out of time."""
    problem = FiniteEnv(make_aliased_grid(), 4)
    problem.start(rng=np.random.default_rng(0))
    for t in range(60):
        outcome = problem.step(np.zeros(4, dtype=np.int64))  # north: a wall
        assert (outcome.reward == 0.0).all() and outcome.terminated.all() == (t == 59)
        assert not outcome.truncated.any()


def test_finite_environment_draws_its_transitions():
    """Shares of the bandit's third arm's two outcomes, within four standard errors."""
    problem = FiniteEnv(make_bandit(), 20_000)
    problem.start(rng=np.random.default_rng(0))
    reward = problem.step(np.full(20_000, 2)).reward
    assert reward.mean() == pytest.approx(3 / 11, abs=4 * 0.5 / 20_000**0.5)
    np.testing.assert_array_equal(problem.state, np.where(reward == 1.0, 1, 2))


def test_mean_return_counts_until_the_first_end():
    """A pole that always gets the same push stands for about ten steps; what falls meanwhile earns nothing more."""

    class Right:
        def act(self, observation, rng=None):
            return np.ones(len(observation), dtype=np.int64)

    value = mean_return(CartPole(50), Right(), seed=0, greedy=True)
    assert 8.0 < value < 11.0
    # Discounted by .5, n steps are 1 + .5 + ... = 2 - 2 ** (1 - n).
    assert mean_return(CartPole(50), Right(), seed=0, greedy=True, gamma=0.5) == pytest.approx(2.0, abs=0.02)


def test_evaluation_is_repeatable_and_exact_where_it_can_be():
    torch.manual_seed(0)
    policy = SoftmaxPolicy(1, 10, hidden_sizes=(), bias=False)
    torch.nn.init.zeros_(next(policy.actor.parameters()))
    assert evaluate(PROBLEMS["bandit"], policy) == pytest.approx(np.mean(np.arange(1, 11) / 11), abs=1e-12)
    pole = SoftmaxPolicy(4, 2)
    assert evaluate(PROBLEMS["cartpole"], pole) == evaluate(PROBLEMS["cartpole"], pole)


def test_unknown_problem_lists_the_known_ones():
    with pytest.raises(InputError, match=r"unknown problem 'chess'; known ones: bandit, grid.*imitation"):
        find_problem("chess")

"""The problems: gymnasium's dynamics, the exact truth of the finite ones, and who can do what."""

import gymnasium
import numpy as np
import pytest
import torch

from imitate.lecture.experiment import ALGORITHMS, check_fit, learn, make_policy
from imitate.lecture.experiment import Settings as LearnSettings
from imitate.lecture.finite import FiniteProblem, aliased_grid, bandit
from imitate.lecture.problems import (
    BEST_STOCHASTIC_GRID,
    PROBLEMS,
    CartPole,
    FiniteEnv,
    Pendulum,
    evaluate,
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


def test_cartpole_restarts_only_where_told():
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
    problem = aliased_grid()
    torch.manual_seed(0)
    policy = SoftmaxPolicy(4, 4, hidden=(), bias=False)
    torch.nn.init.normal_(next(policy.actor.parameters()))
    sampled = mean_return(FiniteEnv(problem, 5_000), policy, seed=1, greedy=False, gamma=problem.gamma)
    assert sampled == pytest.approx(evaluate(PROBLEMS["grid"], policy), abs=4 * 1.0 / 5_000**0.5)


def test_grid_needs_chance():
    """The lecture's point: alike cells call for a coin; whoever always does the same there gets stuck."""
    problem = aliased_grid()
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
    best, policy = bandit().optimum(tries=2)
    assert best == pytest.approx(10 / 11, abs=1e-4)
    assert policy[0].argmax() == 9
    assert bandit().deterministic_values().max() == pytest.approx(10 / 11)


@pytest.mark.parametrize(
    "algorithm, samples",
    [("ppo", 16_000), pytest.param("reinforce-baseline", 70_000, marks=pytest.mark.slow)],
)
def test_grid_is_learnt_to_the_stochastic_optimum(algorithm, samples):
    """Within 2 % of the best there is."""
    curve = learn("grid", PROBLEMS["grid"], algorithm, samples=samples, evaluations=4)
    assert curve.value[-1] > 0.98 * BEST_STOCHASTIC_GRID
    assert curve.value[-1] <= BEST_STOCHASTIC_GRID + 1e-4


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


@pytest.mark.parametrize("algorithm", [name for name, entry in ALGORITHMS.items() if entry.discrete_only])
def test_algorithm_that_needs_finitely_many_actions_says_so(algorithm):
    with pytest.raises(InputError, match=rf"{algorithm} cannot learn pendulum: .* these can: .*a2c.*ppo"):
        check_fit("pendulum", Pendulum(1), algorithm)


def test_single_step_reinforce_on_a_long_problem():
    with pytest.raises(
        InputError, match=r"reinforce-step cannot learn cartpole: .* blind to what follows; these can: "
    ):
        learn("cartpole", PROBLEMS["cartpole"], "reinforce-step", samples=10)


def test_softmax_policy_on_a_torque():
    with pytest.raises(InputError, match=r"softmax policy cannot act in pendulum.*--policy gaussian"):
        check_fit("pendulum", Pendulum(1), "ppo", "softmax")
    with pytest.raises(InputError, match=r"gaussian policy cannot act in cartpole.*--policy softmax"):
        check_fit("cartpole", CartPole(1), "ppo", "gaussian")


def test_unknown_algorithm_lists_the_known_ones():
    with pytest.raises(InputError, match=r"unknown algorithm 'dqn'; known ones: .*reinforce.*ppo"):
        check_fit("cartpole", CartPole(1), "dqn")


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("name", PROBLEMS)
def test_every_pair_learns_or_refuses(name, algorithm):
    """No pair of problem and algorithm crashes; A3C's processes are tested elsewhere."""
    try:
        check_fit(name, PROBLEMS[name].make(1), algorithm)
    except InputError:
        return
    if algorithm.startswith("a3c"):
        make_policy(PROBLEMS[name].make(1), LearnSettings(), name, recurrent=algorithm == "a3c-lstm")
        return
    curve = learn(name, PROBLEMS[name], algorithm, samples=40, evaluations=2)
    assert np.isfinite(curve.value).all() and curve.samples[-1] >= 40

"""Learning curves: what they record, who can learn what, and that learning gets there."""

import time

import numpy as np
import pytest
import torch

from imitate.lecture.experiment import Curve, CurveRecorder, check_fit, learn, make_policy
from imitate.lecture.problems import BEST_STOCHASTIC_GRID, PROBLEMS, make_bandits
from imitate.lecture.recurrent import RecurrentPolicy
from imitate.lecture.settings import ALGORITHMS, SETTINGS, Settings
from imitate.lecture.softmax import SoftmaxPolicy
from imitate.policy import Policy
from pose.errors import InputError


@pytest.mark.parametrize(
    "values, crossing",
    [
        ([0, 1, 5, 6, 7], 2),
        ([0, 5, 1, 5, 6], 3),  # once is luck
        ([9, 9, 9, 1, 1], 1),  # an untrained policy has learnt nothing
        ([0, 1, 2, 3, 5], 4),  # the last point has no successor
        ([0, 1, 2, 3, 4], None),
    ],
)
def test_crossing_is_the_first_point_that_lasts(values, crossing):
    points = np.arange(5)
    assert Curve(points, points, points, np.array(values), None).find_crossing(5.0) == crossing


def test_recorder_is_due_at_even_steps_and_at_the_end():
    recorder, due = CurveRecorder(samples=100, evaluations=4), []
    for samples in range(10, 121, 10):
        if recorder.is_due(samples):
            due.append(samples)
            with recorder.pause(samples):
                pass
    assert due == [30, 60, 90, 100, 110, 120]  # the first at or after 25, then 25 further each; all from 100 on


def test_clock_stands_still_in_pauses():
    recorder = CurveRecorder(samples=2, evaluations=2)
    with recorder.pause(1):
        time.sleep(0.3)
    with recorder.pause(2):
        pass
    curve = recorder.to_curve([0.0, 1.0, 2.0], None)
    assert curve.samples.tolist() == [0, 1, 2] and curve.value.tolist() == [0.0, 1.0, 2.0]
    assert (np.diff(curve.seconds) >= 0.0).all() and curve.seconds[-1] < 0.2


def test_same_seed_same_curve():
    first, again, other = (learn(PROBLEMS["bandit"], "a2c", 800, seed, evaluations=4) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.value, again.value)
    assert (first.value != other.value).any()
    assert first.samples[0] == 0 and first.samples[-1] >= 800


def test_progress_says_samples_and_value():
    notes = []

    def progress(done: float, total: float, note: str = "") -> None:
        notes.append(note)

    curve = learn(PROBLEMS["bandit"], "a2c", 400, evaluations=2, progress=progress)
    assert notes == [f"{n:,} samples, {v:.4g}" for n, v in zip(curve.samples[1:], curve.value[1:], strict=True)]


def test_policy_is_the_one_that_fits_the_actions():
    bandits, pendulum = PROBLEMS["bandit"].make(1), PROBLEMS["pendulum"].make(1)
    assert isinstance(make_policy(bandits, Settings(), "bandit"), SoftmaxPolicy)
    assert isinstance(make_policy(bandits, Settings(), "bandit", recurrent=True), RecurrentPolicy)
    gaussian = make_policy(pendulum, Settings(initial_std=0.25), "pendulum")
    assert isinstance(gaussian, Policy)
    torch.testing.assert_close(gaussian.log_std.exp(), torch.tensor([0.25]))


def test_table_has_one_weight_an_arm():
    """Linear in one feature that is always 1 and without bias, the bandit's policy is a table."""
    policy = make_policy(make_bandits(1), SETTINGS["bandit"], "bandit")
    assert [tuple(p.shape) for p in policy.actor.parameters()] == [(10, 1)]


@pytest.mark.parametrize(
    "algorithm, samples",
    [("ppo", 16_000), pytest.param("reinforce-baseline", 70_000, marks=pytest.mark.slow)],
)
def test_grid_is_learnt_to_the_stochastic_optimum(algorithm, samples):
    """Within 2 % of the best there is."""
    curve = learn(PROBLEMS["grid"], algorithm, samples=samples, evaluations=4)
    assert curve.value[-1] > 0.98 * BEST_STOCHASTIC_GRID
    assert curve.value[-1] <= BEST_STOCHASTIC_GRID + 1e-4


@pytest.mark.parametrize("algorithm", [name for name, entry in ALGORITHMS.items() if entry.discrete_only])
def test_algorithm_that_needs_finitely_many_actions_says_so(algorithm):
    with pytest.raises(InputError, match=rf"{algorithm} cannot learn pendulum: .* these can: .*a2c.*ppo"):
        check_fit(PROBLEMS["pendulum"], algorithm)


def test_single_step_reinforce_on_a_long_problem():
    with pytest.raises(
        InputError, match=r"reinforce-step cannot learn cartpole: .* blind to what follows; these can: "
    ):
        learn(PROBLEMS["cartpole"], "reinforce-step", samples=10)


def test_softmax_policy_on_a_torque():
    with pytest.raises(InputError, match=r"softmax policy cannot act in pendulum.*--policy gaussian"):
        check_fit(PROBLEMS["pendulum"], "ppo", "softmax")
    with pytest.raises(InputError, match=r"gaussian policy cannot act in cartpole.*--policy softmax"):
        check_fit(PROBLEMS["cartpole"], "ppo", "gaussian")


def test_unknown_algorithm_lists_the_known_ones():
    with pytest.raises(InputError, match=r"unknown algorithm 'dqn'; known ones: .*reinforce.*ppo"):
        check_fit(PROBLEMS["cartpole"], "dqn")


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("name", PROBLEMS)
def test_every_pair_learns_or_refuses(name, algorithm):
    """No pair of problem and algorithm crashes; A3C's processes are tested elsewhere."""
    try:
        check_fit(PROBLEMS[name], algorithm)
    except InputError:
        return
    if algorithm.startswith("a3c"):
        make_policy(PROBLEMS[name].make(1), Settings(), name, recurrent=algorithm == "a3c-lstm")
        return
    curve = learn(PROBLEMS[name], algorithm, samples=40, evaluations=2)
    assert np.isfinite(curve.value).all() and curve.samples[-1] >= 40

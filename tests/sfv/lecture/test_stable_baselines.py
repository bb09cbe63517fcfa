"""Stable-Baselines3 on our problems: what it learns of them, and that its runs are measured as ours are."""

import numpy as np
import pytest

from imitate.lecture.problems import PROBLEMS, CartPole
from sfv.lecture.lecture import PLAN
from sfv.lecture.stable_baselines import SETTINGS, TITLES, has_stable_baselines, learn_with_stable_baselines

needs_library = pytest.mark.skipif(
    not has_stable_baselines(), reason="Stable-Baselines3 (extra bench) is not installed"
)


def test_every_planned_run_has_settings_and_a_title():
    planned = {(p, a) for p, algorithms in PLAN.items() for a in algorithms if a.startswith("sb3-")}
    assert {(p, f"sb3-{a}") for p, a in SETTINGS} == planned
    assert {a for _, a in planned} == set(TITLES)


@needs_library
@pytest.mark.parametrize("algorithm", ["a2c", "ppo"])
def test_bandit_gets_better(algorithm):
    curve = learn_with_stable_baselines(PROBLEMS["bandit"], algorithm, samples=6_000, seed=0, evaluations=4)
    assert curve.value[-1] > curve.value[0] + 0.1 and curve.samples[-1] >= 6_000
    assert len(curve.samples) == len(curve.value) == len(curve.seconds)


@needs_library
def test_end_of_time_is_no_end_of_the_problem():
    """Where an episode is cut off the learner gets its last observation and a mark; a new episode begins there."""
    from sfv.lecture.stable_baselines import _vector_environment

    problem = CartPole(2)
    env = _vector_environment(problem, seed=0)
    env.reset()
    problem._env.steps[:] = 499
    env.step_async(np.zeros(2, dtype=np.int64))
    observation, _, done, infos = env.step_wait()
    assert done.all() and all(info["TimeLimit.truncated"] for info in infos)
    assert not np.array_equal(observation[0], infos[0]["terminal_observation"])

"""The learn command through the real command line, on a tiny budget."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from imitate.lecture.problems import PROBLEMS, mean_return
from imitate.lecture.settings import ALGORITHMS, SETTINGS
from pose.errors import InputError
from sfv.lecture.learn import BUDGETS, LearnConfig, make_imitation, run_learn
from sfv.lecture.lecture import PLAN

ROOT = Path(__file__).parents[3]


def command(*arguments, cwd):
    return subprocess.run(
        [sys.executable, "-m", "sfv", *map(str, arguments)],
        cwd=cwd,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )


def test_learn_leaves_a_curve(tmp_path):
    done = command("learn", "bandit", "--algorithm", "reinforce-step", "--samples", 600, "--out", "c", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    curve = json.loads((tmp_path / "c" / "curve.json").read_text())
    assert curve["value"][-1] > curve["value"][0] and curve["samples"][-1] >= 600
    assert (tmp_path / "c" / "curve.png").read_bytes().startswith(b"\x89PNG")
    assert "0.8909" in done.stderr  # the threshold is printed, reached or not


def test_learn_refuses_in_one_line_and_leaves_nothing(tmp_path):
    done = command("learn", "pendulum", "--algorithm", "q-actor-critic", "--out", "c", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1 and "these can: reinforce" in done.stderr
    assert not (tmp_path / "c").exists()


def test_every_problem_has_a_budget_and_settings():
    for table in (BUDGETS, PLAN, SETTINGS):
        assert set(table) == {*PROBLEMS, "imitation"}
    for name, settings in SETTINGS.items():
        assert set(settings.changes) <= set(ALGORITHMS), name


def test_samples_and_folder_are_checked_before_anything_runs(tmp_path):
    with pytest.raises(InputError, match="--samples 0"):
        run_learn(LearnConfig("bandit", samples=0))
    file = tmp_path / "c"
    file.touch()
    with pytest.raises(InputError, match="is a file, not a folder"):
        run_learn(LearnConfig("bandit", out=file))


def test_imitation_is_the_skills_environment():
    """Holding the reference's pose follows the motion for a while: some reward, far from that of a perfect pass."""
    spec = make_imitation("jump")
    problem = spec.make(8)

    class Holding:
        def act(self, observation, rng=None):
            return np.zeros((len(observation), problem.action_size))

    value = mean_return(problem, Holding(), seed=0, greedy=True)
    assert problem.observe().shape == (8, problem.observation_size) and problem.actions is None
    assert 0.02 * problem.horizon < value < spec.threshold + 0.5 * problem.horizon
    with pytest.raises(InputError, match="unknown motion 'moonwalk'; known ones: backflip"):
        make_imitation("moonwalk")

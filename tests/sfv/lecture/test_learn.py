"""The learn and lecture commands through the real command line, on tiny budgets."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from imitate.lecture.experiment import ALGORITHMS, SETTINGS, Curve
from imitate.lecture.problems import PROBLEMS
from sfv.lecture.learn import BUDGETS
from sfv.lecture.lecture import PLAN, LectureConfig, plan
from sfv.lecture.page import at, score_errors, write_page

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
    assert "0.8909" in done.stderr  # the threshold is told, reached or not


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


def test_plan_has_every_algorithm_somewhere():
    jobs = plan(LectureConfig(seeds=2))
    assert {job.algorithm for job in jobs} >= set(ALGORITHMS)
    assert {job.seed for job in jobs if job.algorithm == "ppo" and job.problem == "cartpole"} == {0, 1}
    assert all(job.problem == "grid" for job in plan(LectureConfig(only=("grid",))))


def fake_curve(seed, policy=None):
    points = np.arange(5)
    return Curve(100 * points, 1.0 * points, 0.5 * points, np.linspace(0, 500, 5) + seed, policy)


def test_page_tells_what_was_measured(tmp_path):
    results = {
        ("cartpole", "ppo"): [fake_curve(seed) for seed in range(3)],
        ("cartpole", "sb3-ppo"): [fake_curve(-100)],
    }
    page = write_page(tmp_path, results, seeds=3, remark="stopped after 4 of 9 runs", seconds=60.0).read_text()
    assert "| PPO (`ppo`) | 3 of 3 | 400 (400-400) | 4.0 | 2.0 | 501 ± 0.82 | 400 |" in page
    assert "| Stable-Baselines3 PPO | 0 of 1 | - | - | - | 400 | 400 |" in page
    assert "stopped after 4 of 9 runs" in page and "not run" in page
    pictures = list(tmp_path.glob("*.svg"))
    assert len(pictures) == 2 and sum(path.stat().st_size for path in pictures) < 300_000
    for path in pictures:
        assert path.name in page


def test_page_links_to_lines_that_hold_the_functions():
    link = at(score_errors)
    path, line = link.split("(../")[1].rstrip(")").split("#L")
    assert (ROOT / path).read_text().splitlines()[int(line) - 1].startswith("def score_errors")


def test_score_errors_meet_the_goal():
    assert max(max(pair) for pair in score_errors().values()) < 1e-6


@pytest.mark.slow
def test_lecture_in_small(tmp_path):
    done = command("lecture", "--seeds", 1, "--budget", 0.01, "--only", "bandit", "grid", "--out", "d", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "d" / "policy_gradients.md").read_text()
    assert "1% of the samples" in page and "A3C, LSTM" in page

"""The lecture command: which runs it makes, in which order, where it writes, and what an interruption leaves."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import sfv.lecture.lecture
from imitate.lecture.experiment import Curve
from imitate.lecture.settings import ALGORITHMS
from pose.errors import InputError
from sfv.lecture.lecture import PLAN, LectureConfig, LectureRun, iterate_curves, lecture, list_runs

ROOT = Path(__file__).parents[3]


def test_every_algorithm_runs_somewhere_from_every_seed():
    runs = list_runs(LectureConfig(seeds=2))
    assert {run.algorithm for run in runs} >= set(ALGORITHMS)
    assert {run.seed for run in runs if run.algorithm == "ppo" and run.problem == "cartpole"} == {0, 1}
    assert {run.seed for run in runs if run.problem == "imitation"} == {0}
    assert all(run.problem == "grid" for run in list_runs(LectureConfig(only=("grid",))))


def test_budget_is_a_share_of_the_samples():
    whole, tenth = list_runs(LectureConfig(only=("bandit",))), list_runs(LectureConfig(only=("bandit",), budget=0.1))
    samples = {(run.algorithm, run.seed): run.samples for run in whole}
    assert {run.samples / samples[run.algorithm, run.seed] for run in tenth} == {0.1}
    assert min(run.samples for run in list_runs(LectureConfig(budget=1e-9))) == 1


def test_short_runs_come_first_on_the_clock_and_the_plan_orders_the_page():
    runs = list_runs(LectureConfig(seeds=1))
    seconds = [run.estimate_seconds() for run in runs]
    assert seconds == sorted(seconds)
    ordered = [(run.problem, run.algorithm) for run in sorted(runs, key=LectureRun.page_order)]
    assert ordered == [(p, a) for p in PLAN for a in PLAN[p] if (p, a) in ordered]


def test_wrong_options_are_refused_at_once():
    with pytest.raises(InputError, match="unknown problem 'chess'; known ones: bandit"):
        LectureConfig(only=("chess",))
    with pytest.raises(InputError, match="--seeds 0"):
        LectureConfig(seeds=0)
    with pytest.raises(InputError, match="--budget -1"):
        LectureConfig(budget=-1.0)


def test_page_goes_to_docs_in_a_checkout_and_else_to_the_current_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert LectureConfig().folder() == Path()
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "assets").mkdir()
    assert LectureConfig().folder() == Path("docs")
    assert LectureConfig(out=Path("here")).folder() == Path("here")


def test_runs_in_processes_are_the_runs_in_this_one():
    """The same curve, whichever process it was learnt in."""
    runs = [LectureRun("bandit", algorithm, 300, 1) for algorithm in ("reinforce-step", "ppo")]
    torch.set_num_threads(1)
    for run, curve in iterate_curves(runs, processes=1):
        np.testing.assert_array_equal(curve.value, run.learn().value)


def test_interruption_leaves_a_page_of_what_was_done(tmp_path, monkeypatch):
    points = np.arange(3)

    def interrupted(runs, processes):
        yield runs[0], Curve(100 * points, points, points, points / 2, None)
        raise KeyboardInterrupt

    monkeypatch.setattr(sfv.lecture.lecture, "iterate_curves", interrupted)
    lecture(LectureConfig(out=tmp_path, seeds=1, budget=0.5, only=("bandit",)))
    page = (tmp_path / "policy_gradients.md").read_text(encoding="utf-8")
    assert "stopped after 1 of" in page and "50% of the samples" in page and "not run" in page


@pytest.mark.slow
def test_lecture_in_small(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "sfv", "lecture", "--seeds", "1", "--budget", "0.01", "--only", "bandit", "grid"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "policy_gradients.md").read_text(encoding="utf-8")
    assert "1% of the samples" in page and "A3C, LSTM" in page

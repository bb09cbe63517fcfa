"""The lecture's page says what was measured, and its links lead to the functions that it names."""

import ast
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from imitate.lecture.experiment import Curve
from imitate.lecture.finite import make_aliased_grid
from imitate.lecture.problems import BEST_STOCHASTIC_GRID
from imitate.lecture.softmax import SoftmaxPolicy
from sfv.lecture import page
from sfv.lecture.page import (
    GRID_WITH_MEMORY,
    compare_algorithms,
    describe_estimators,
    describe_grid,
    format_row,
    link_to,
    list_goals,
    score_errors,
    write_page,
)

ROOT = Path(__file__).parents[3]


def make_curve(values, policy=None):
    points = np.arange(len(values))
    return Curve(100 * points, 1.0 * points, 0.5 * points, np.array(values, dtype=float), policy)


def rising(shift=0.0, policy=None):
    return make_curve(np.linspace(0, 500, 5) + shift, policy)


def test_row_by_hand():
    """Medians and range of those that arrived; mean and standard deviation of all at the end."""
    curves = [make_curve([0, 0, 480, 480, 500]), make_curve([0, 480, 480, 480, 500]), make_curve([0, 0, 0, 0, 200])]
    row = format_row("a2c", curves, 475.0)
    assert row == "| A2C (`a2c`) | 2 of 3 | 150 (100-200) | 1.5 | 0.8 | 400 ± 1.4e+02 | 400 |"
    # Processor time of A3C's workers is not this process's; without a threshold there is nothing to reach.
    assert format_row("a3c", curves[:1], 475.0) == "| A3C, feed-forward (`a3c`) | 1 of 1 | 200 | 2.0 | - | 500 | 400 |"
    assert format_row("sb3-ppo", curves[2:], None) == "| Stable-Baselines3 PPO | - | - | - | - | 200 | 400 |"


def test_page_says_what_was_measured(tmp_path):
    results = {("cartpole", "ppo"): [rising(seed) for seed in range(3)], ("cartpole", "sb3-ppo"): [rising(-100)]}
    text = write_page(tmp_path, results, 3, "stopped after 4 of 9 runs", 60.0).read_text(encoding="utf-8")
    assert "| PPO (`ppo`) | 3 of 3 | 400 (400-400) | 4.0 | 2.0 | 501 ± 0.82 | 400 |" in text
    assert "| Stable-Baselines3 PPO | 0 of 1 | - | - | - | 400 | 400 |" in text
    assert "stopped after 4 of 9 runs" in text and "not run" in text
    pictures = list(tmp_path.glob("*.svg"))
    assert len(pictures) == 2 and sum(path.stat().st_size for path in pictures) < 300_000
    for path in pictures:
        assert path.name in text


def test_links_are_for_docs_only(tmp_path, monkeypatch):
    """Beside the sources functions are links; anywhere else a relative link would lead nowhere."""
    away = write_page(tmp_path, {}, 1, "", 1.0).read_text(encoding="utf-8")
    assert "](../" not in away and "`softmax_score`, imitate/lecture/score.py |" in away
    monkeypatch.setattr(page, "ROOT", tmp_path)
    monkeypatch.setattr(page, "link_to", lambda function: f"[`{function.__qualname__}`](../{function.__module__})")
    home = write_page(tmp_path / "docs", {}, 1, "", 1.0).read_text(encoding="utf-8")
    assert "[`softmax_score`](../imitate.lecture.score)" in home


def find_definitions(path):
    return {node.name for node in ast.parse((ROOT / path).read_text(encoding="utf-8")).body if hasattr(node, "name")}


def test_published_page_names_functions_that_are_there():
    links = re.findall(
        r"\[`(\w+)`, ([\w/.]+)\]\(\.\./([\w/.]+)\)", (ROOT / "docs" / "policy_gradients.md").read_text(encoding="utf-8")
    )
    assert len(links) >= 13
    for name, said, linked in links:
        assert said == linked and name in find_definitions(linked), name
    assert link_to(score_errors) == "[`score_errors`, sfv/lecture/page.py](../sfv/lecture/page.py)"


def test_score_errors_meet_the_goal():
    assert max(max(pair) for pair in score_errors().values()) < 1e-6


def test_goals_take_the_worst_seed_and_the_best_evaluation():
    results = {
        ("grid", "a2c"): [make_curve([0, 0.9 * BEST_STOCHASTIC_GRID]), make_curve([0, BEST_STOCHASTIC_GRID])],
        ("grid", "online"): [make_curve([0, 0.1])],  # not among those that were asked for
        ("cartpole", "a2c"): [make_curve([0, 500, 500]), make_curve([0, 500, 10])],
        ("pendulum", "ppo"): [make_curve([-1000, -150, -160])],
    }
    text = "\n".join(list_goals(results, {"reward to go": 2e-15}))
    assert "worst seed) | 90.0% |" in text
    assert "not run / 1 of 2 seeds / not run / not run" in text
    assert "best evaluation | -150 (end -160) |" in text and "best evaluation | not run |" in text


def test_comparison_of_imitation_has_no_threshold_but_the_untrained_policy():
    results = {("imitation", "ppo"): [make_curve([17.5, 30.0])], ("bandit", "ppo"): [make_curve([0.5, 0.9, 0.9])]}
    text = "\n".join(compare_algorithms(results, ["bandit", "imitation"]))
    assert "Threshold 0.8909: 98 % of the best arm's 10/11." in text and "has 17.5." in text
    assert "| PPO (`ppo`) | 1 of 1 | 100 | 1.0 | 0.5 | 0.9 | 200 |" in text
    assert "| PPO (`ppo`) | - | - | - | - | 30 | 100 |" in text


def test_grey_cells_of_a_table_are_shown():
    policy = SoftmaxPolicy(4, 4, hidden_sizes=(), bias=False)
    with torch.no_grad():
        weight = next(policy.actor.parameters())
        weight.zero_()
        weight[1, 1] = weight[3, 1] = 20.0  # in a grey cell east or west, evenly
    results = {("grid", "a2c"): [make_curve([0, 0.875], policy)], ("grid", "sb3-a2c"): [make_curve([0, 0.875])]}
    lines = describe_grid(results)
    assert "| A2C (`a2c`) | 0.875 | 100.0% | 0.50 / 0.50 |" in lines
    assert "| Stable-Baselines3 A2C | 0.875 | 100.0% | - |" in lines
    assert any("All 256 deterministic policies" in line and "0.571" in line for line in lines)


def test_best_value_with_a_memory():
    """A walker that goes east from a grey cell, and after a wall on the right always west, is as good as can be."""
    problem, returns = make_aliased_grid(), []
    east, south, west = 1, 2, 3
    for start in range(5):
        s, side, t, reward = start, east, 0, 0.0
        while not problem.terminal[s]:
            look = int(problem.features[s].argmax())  # 0 left corner, 1 grey, 2 middle, 3 right corner
            side = {0: east, 3: west}.get(look, side)
            following = int(problem.transition[s, south if look == 2 else side].argmax())
            reward = problem.reward[s, south if look == 2 else side, following]
            s, t = following, t + 1
        returns.append(problem.gamma ** (t - 1) * reward)
    assert np.mean(returns) == pytest.approx(GRID_WITH_MEMORY)
    assert GRID_WITH_MEMORY > BEST_STOCHASTIC_GRID


def test_table_of_estimators_compares_with_the_first():
    problem = page.make_small_chain()
    tau = page.list_trajectories(problem)
    theta = torch.zeros(3, 2, dtype=torch.float64)
    lines = describe_estimators(problem, tau, theta, {"a": 1e-15, "b": 2e-15}, {"a": 4.0, "b": 1.0})
    assert "| a | 1e-15 | 4 | 100.0% |" in lines and "| b | 2e-15 | 1 | 25.0% |" in lines
    assert any("3,888 trajectories" in line for line in lines)

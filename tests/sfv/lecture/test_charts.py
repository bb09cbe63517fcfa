"""Charts are the same for the same figures, and show every algorithm by name."""

import xml.etree.ElementTree as ElementTree

import numpy as np

from imitate.lecture.experiment import Curve
from sfv.lecture.charts import draw_curves, draw_variance


def make_curve(scale):
    points = np.arange(5)
    return Curve(100 * points, points, points, scale * points, None)


def test_same_figures_same_file(tmp_path):
    for name in ("first.svg", "second.svg"):
        draw_variance(tmp_path / name, {"reward to go": 13.3, "Q(s, a)": 0.18})
    assert (tmp_path / "first.svg").read_bytes() == (tmp_path / "second.svg").read_bytes()
    draw_variance(tmp_path / "other.svg", {"reward to go": 13.3, "Q(s, a)": 1.8})
    assert (tmp_path / "first.svg").read_bytes() != (tmp_path / "other.svg").read_bytes()


def test_a_panel_a_problem_with_its_algorithms(tmp_path):
    results = {
        ("bandit", "a2c"): [make_curve(0.1), make_curve(0.2)],
        ("bandit", "sb3-a2c"): [make_curve(0.15)],
        ("imitation", "ppo"): [make_curve(5.0)],
    }
    draw_curves(tmp_path / "curves.svg", results, ["bandit", "imitation"])
    texts = [node.text for node in ElementTree.parse(tmp_path / "curves.svg").iter() if node.tag.endswith("}text")]
    for text in ("bandit", "imitation", "a2c", "sb3-a2c", "ppo"):
        assert text in texts
    assert texts.count("samples") == 2

"""Charts of the lecture's page, as SVG."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from imitate.lecture.experiment import Results
from imitate.lecture.problems import PROBLEMS
from imitate.lecture.settings import ALGORITHMS
from sfv.drawing.svg import save_svg
from sfv.lecture.stable_baselines import TITLES


def draw_variance(path: Path, variance: dict[str, float]) -> None:
    """Draws the estimators' variances as bars."""
    figure = Figure(figsize=(7, 2.6), layout="constrained")
    axes = figure.subplots()
    names = list(variance)[::-1]
    axes.barh(names, [variance[name] for name in names], color="#4878a8")
    axes.set(xscale="log", xlabel="total variance of the gradient from one trajectory (exact)")
    save_svg(figure, path)


def draw_curves(path: Path, results: Results, problems: list[str]) -> None:
    """Draws mean and range over the seeds against samples, a panel a problem."""
    figure = Figure(figsize=(9, 3.4 * ((len(problems) + 1) // 2)), layout="constrained")
    panels = np.atleast_1d(figure.subplots((len(problems) + 1) // 2, 2, squeeze=False)).ravel()
    for panel in panels[len(problems) :]:
        panel.remove()
    names = [name for name in (*ALGORITHMS, *TITLES) if any(key[1] == name for key in results)]
    for axes, problem in zip(panels, problems, strict=False):
        for (name, algorithm), curves in results.items():
            if name != problem:
                continue
            grid_points = np.linspace(0, min(curve.samples[-1] for curve in curves), 17)
            values = np.array([np.interp(grid_points, curve.samples, curve.value) for curve in curves])
            style = {"color": f"C{names.index(algorithm) % 10}", "linestyle": "--" if algorithm in TITLES else "-"}
            axes.plot(grid_points, values.mean(0), label=algorithm, linewidth=1.3, **style)
            axes.fill_between(grid_points, values.min(0), values.max(0), alpha=0.12, color=style["color"], linewidth=0)
        if problem in PROBLEMS:
            axes.axhline(PROBLEMS[problem].threshold, color="grey", linestyle=":", linewidth=1)
        axes.set(title=problem, xlabel="samples", ylabel="value")
        axes.legend(fontsize=6, loc="lower right")
    save_svg(figure, path)

"""docs/policy_gradients.md: the lecture's formulas, the functions that are them, and what a run measured."""

import inspect
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure

from imitate.lecture import a3c, actor_critic, reinforce, score
from imitate.lecture.exact_gradient import (
    ESTIMATORS,
    Trajectories,
    all_trajectories,
    exact_gradient,
    mean_and_variance,
    slide_reward_to_go,
)
from imitate.lecture.experiment import ALGORITHMS, Curve
from imitate.lecture.finite import FiniteProblem, aliased_grid, small_chain
from imitate.lecture.problems import BEST_STOCHASTIC_GRID, PROBLEMS, evaluate
from imitate.lecture.softmax import SoftmaxPolicy
from imitate.policy import gaussian_log_prob
from imitate.training import advantage, ppo
from sfv.rows import describe_machine

ROOT = Path(__file__).parents[2]
SB3 = {"sb3-a2c": "Stable-Baselines3 A2C", "sb3-ppo": "Stable-Baselines3 PPO"}
CLEANRL_PPO, CLEANRL_RPO = -1141.98, -151.08
"""Pendulum-v1 after 8 M samples, 10 seeds, as CleanRL's documentation of RPO prints them; it has no A2C."""
GRID_WITH_MEMORY = (1.0 + 2 * 0.95**2 + 0.95 + 0.95**4) / 5
"""Best value in the aliased grid with a memory: from a grey cell one guesses a side, and turns round at the corner."""

Results = dict[tuple[str, str], list[Curve]]


def write_page(folder: Path, results: Results, seeds: int, remark: str, seconds: float) -> Path:
    """Writes the page and its pictures; returns its path.

    Args:
      folder: for the page and its pictures.
      results: curves of the runs that finished.
      seeds: of each.
      remark: what kept this run from being a whole one, empty if nothing did.
      seconds: that it took.
    """
    folder.mkdir(parents=True, exist_ok=True)
    problem = small_chain()
    theta = torch.as_tensor(np.random.default_rng(0).normal(size=problem.reward.shape[:2]))
    tau = all_trajectories(problem)
    moments = {name: mean_and_variance(problem, tau, theta, weight) for name, weight in ESTIMATORS.items()}
    truth = exact_gradient(problem, theta)
    draw_variance(folder / "policy_gradients_variance.svg", {name: variance for name, (_, variance) in moments.items()})
    curves = [name for name in (*PROBLEMS, "imitation") if any(key[0] == name for key in results)]
    if curves:
        draw_curves(folder / "policy_gradients_curves.svg", results, curves)
    bias = {name: float((mean - truth).abs().max()) for name, (mean, _) in moments.items()}
    host = describe_machine()
    parts = [
        "# The policy gradients of the lecture",
        "",
        "Each formula of the slides is a function of this repository. This page shows them, checks them and lets them",
        "learn. It is written by `make lecture`; every figure below comes from the run that wrote it: "
        f"{seconds / 60:.1f} min on {host['cores']} cores ({host['processor']}), {seeds} seeds"
        + (f" ({remark})" if remark else "")
        + ". Seconds are of wall clock; *CPU s* is what the process itself used, which says more on a shared machine.",
        "",
        *policies(),
        *estimators(problem, tau, theta, bias, {name: variance for name, (_, variance) in moments.items()}),
        *grid(results),
        *actor_critics(),
        *comparison(results, curves),
        *goals(results, bias),
    ]
    page = folder / "policy_gradients.md"
    page.write_text("\n".join(parts) + "\n")
    return page


def at(function: Callable[..., Any] | type) -> str:
    """A link to where a function stands."""
    path = Path(inspect.getsourcefile(function) or "").resolve().relative_to(ROOT)
    line = inspect.getsourcelines(function)[1]
    return f"[`{function.__qualname__}`, {path}:{line}](../{path}#L{line})"


def policies() -> list[str]:
    """Policies and their score functions."""
    errors = score_errors()
    return [
        "## Stochastic policies and their score",
        "",
        r"$$\pi_\theta(a|s) = \frac{\exp f_\theta(s,a)}{\sum_{a'} \exp f_\theta(s,a')} \qquad"
        r" \nabla_\theta \log \pi_\theta(a|s) = \nabla_\theta f_\theta(s,a)"
        r" - \sum_{a'} \pi_\theta(a'|s) \nabla_\theta f_\theta(s,a')$$",
        "",
        r"$$\pi_\theta(a|s) = \frac{1}{\sqrt{2\pi\sigma^2}} \exp\left(-\frac{(a - f_\theta(s))^2}{2\sigma^2}\right)"
        r" \qquad \nabla_\theta \log \pi_\theta(a|s) = \frac{a - f_\theta(s)}{\sigma^2} \nabla_\theta f_\theta(s)$$",
        "",
        "| closed form | differs from autograd by | from finite differences by |",
        "|---|---|---|",
        f"| softmax: {at(score.softmax_score)} | {errors['softmax'][0]:.0e} | {errors['softmax'][1]:.0e} |",
        f"| Gaussian: {at(score.gaussian_score)} | {errors['gaussian'][0]:.0e} | {errors['gaussian'][1]:.0e} |",
        "",
        "Tests: `tests/imitate/lecture/test_score.py`. (For a fixed deviation the slide's *- const.* is zero.)",
        "",
    ]


def score_errors() -> dict[str, tuple[float, float]]:
    """Largest differences of the closed forms from autograd and from central differences, on a small network."""
    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Linear(5, 7), torch.nn.Tanh(), torch.nn.Linear(7, 3)).double()
    s, a, log_std = torch.randn(5).double(), torch.randn(3).double(), torch.tensor([-1.0, 0.2, 0.5]).double()
    gradient, output = score.jacobian(network, s), network(s).detach()
    forms = {
        "softmax": (score.softmax_score(gradient, output, 1), lambda: torch.log_softmax(network(s), -1)[1]),
        "gaussian": (
            score.gaussian_score(gradient, output, log_std.exp(), a),
            lambda: gaussian_log_prob(a, network(s), log_std),
        ),
    }
    errors = {}
    for name, (closed, log_prob) in forms.items():
        automatic = torch.cat([g.flatten() for g in torch.autograd.grad(log_prob(), list(network.parameters()))])
        numeric = []
        with torch.no_grad():
            for parameter in network.parameters():
                flat = parameter.view(-1)
                for i in range(len(flat)):
                    ends = []
                    for step in (1e-6, -2e-6):
                        flat[i] += step
                        ends.append(float(log_prob()))
                    flat[i] += 1e-6
                    numeric.append((ends[0] - ends[1]) / 2e-6)
        errors[name] = (
            float((closed - automatic).abs().max()),
            float((closed - torch.tensor(numeric).double()).abs().max()),
        )
    return errors


def estimators(
    problem: FiniteProblem, tau: Trajectories, theta: torch.Tensor, bias: dict[str, float], variance: dict[str, float]
) -> list[str]:
    """REINFORCE and what reduces its variance, exactly."""
    discounted = small_chain(0.9)
    slide, _ = mean_and_variance(discounted, tau, theta, slide_reward_to_go)
    truth = exact_gradient(discounted, theta)
    missing = float((slide - truth).norm() / truth.norm())
    first = next(iter(variance.values()))
    return [
        "## REINFORCE and its variance",
        "",
        r"$$\nabla_\theta J(\theta) \approx \frac{1}{N} \sum_{i=1}^N \sum_t"
        r" \mathrm{weight}_{i,t} \nabla_\theta \log \pi_\theta(a_{i,t}|s_{i,t})$$",
        "",
        f"The loss with this gradient: {at(reinforce.policy_gradient_loss)}. Weights:",
        f"{at(reinforce.trajectory_return)}, {at(reinforce.reward_to_go)}; learner: {at(reinforce.Reinforce)}.",
        "",
        f"In a decision process of {len(problem.start)} states, {problem.reward.shape[1]} actions and "
        f"{problem.horizon} steps there are {tau.state.shape[1]:,} trajectories. Summing over all of them gives each",
        "estimator's mean and variance exactly, without a sample",
        "([imitate/lecture/exact_gradient.py](../imitate/lecture/exact_gradient.py)).",
        "The critic is exact here; what a learnt one costs, the learning curves show.",
        "",
        "| weight of an action | bias: largest error of the mean | variance, one trajectory | of the first |",
        "|---|---|---|---|",
        *(f"| {name} | {bias[name]:.0e} | {value:.3g} | {value / first:.1%} |" for name, value in variance.items()),
        "",
        "![variance](policy_gradients_variance.svg)",
        "",
        "The slide's reward to go leaves out a factor gamma^t. Without discount that changes nothing; with gamma .9",
        f"its mean here lies {missing:.1%} of the gradient's length beside the gradient of the discounted return. All",
        "practice does the same, and so do the learners below.",
        "",
    ]


def grid(results: Results) -> list[str]:
    """The aliased grid world."""
    values = aliased_grid().deterministic_values()
    lines = [
        "## Why stochastic: the aliased grid world",
        "",
        "Two grey cells look alike; treasure lies under the middle one, skulls under the corners "
        "([imitate/lecture/finite.py](../imitate/lecture/finite.py)).",
        f"All {len(values)} deterministic policies, enumerated: the best has value {values.max():.3f} and never",
        "arrives from two of the five cells. The best stochastic policy, by exact gradients: "
        f"{BEST_STOCHASTIC_GRID:.3f}.",
        f"With a memory {GRID_WITH_MEMORY:.3f} is possible: an LSTM recalls which corner it has just left.",
        "",
        "| algorithm | value reached (mean of seeds) | of the best stochastic | goes east / west in a grey cell |",
        "|---|---|---|---|",
    ]
    for (name, algorithm), curves in results.items():
        if name != "grid":
            continue
        final = np.mean([curve.value[-1] for curve in curves])
        lines.append(
            f"| {title(algorithm)} | {final:.3f} | {final / BEST_STOCHASTIC_GRID:.1%} | {grey(curves[0].policy)} |"
        )
    return [*lines, ""]


def grey(policy: Any) -> str:
    """Probabilities of east and west in a grey cell."""
    if not isinstance(policy, SoftmaxPolicy):
        return "-"
    assert evaluate(PROBLEMS["grid"], policy) is not None
    with torch.no_grad():
        pi = torch.softmax(policy.actor(torch.eye(4)[1]), -1)
    return f"{pi[1]:.2f} / {pi[3]:.2f}"


def actor_critics() -> list[str]:
    """Actor-critic, A3C and PPO: formula and place."""
    rows = [
        (r"$Q(s,a)\,\nabla\log\pi$ and $(Q(s,a)-V(s))\,\nabla\log\pi$", at(actor_critic.QActorCritic)),
        (r"$A(s,a) \approx r + \gamma V(s') - V(s)$", at(actor_critic.one_step_advantage)),
        (r"$r_t + \dots + \gamma^n V(s_{t+n}) - V(s_t)$", at(actor_critic.n_step_advantage)),
        (r"GAE: $\sum_k (\gamma\lambda)^k \delta_{t+k}$", at(advantage.compute_advantage)),
        ("online actor-critic, five steps", at(actor_critic.OnlineActorCritic)),
        ("A2C", at(actor_critic.A2C)),
        ("A3C: lock-free shared parameters, feed-forward and LSTM", f"{at(a3c.A3C)}, {at(a3c.SharedRMSprop)}"),
        (r"PPO: $\min(r_t A_t, \mathrm{clip}(r_t, 1-c, 1+c) A_t)$", f"{at(ppo.surrogate_loss)}, {at(ppo.PPO)}"),
    ]
    return [
        "## Actor-critic, A3C, PPO",
        "",
        "| slide | function |",
        "|---|---|",
        *(f"| {formula} | {place} |" for formula, place in rows),
        "",
        "The online learner's update is compared with one worked out in closed form, step by step, and A2C's gradient",
        "with the written-out loss (`tests/imitate/lecture/test_actor_critic.py`). PPO is what trains the skills.",
        "",
    ]


def comparison(results: Results, problems: list[str]) -> list[str]:
    """Samples and time to threshold of everybody, by problem."""
    lines = ["## Learning", "", "![learning curves](policy_gradients_curves.svg)", ""]
    for problem in problems:
        if problem == "imitation":
            lines += ["### imitation", "", "A short clip on the humanoid, `make clip`'s own environment and PPO."]
            begin = np.mean([c.value[0] for (name, _), curves in results.items() if name == problem for c in curves])
            lines += ["Value: mean return of episodes from random phases (reward 1 a step is perfect); the untrained"]
            lines += [f"policy, which only holds the reference pose, has {begin:.4g}.", ""]
            threshold = None
        else:
            kind = PROBLEMS[problem]
            threshold = kind.threshold
            lines += [f"### {problem}", "", f"Threshold {threshold:.4g}: {kind.source}.", ""]
        lines += ["| | reached | samples to threshold | wall s | CPU s | value at the end | samples |"]
        lines += ["|---|---|---|---|---|---|---|"]
        lines += [row(algorithm, curves, threshold) for (name, algorithm), curves in results.items() if name == problem]
        lines.append("")
    return lines


def row(algorithm: str, curves: list[Curve], threshold: float | None) -> str:
    """One algorithm's line: medians over the seeds that got there, the final value with its spread."""
    final = np.array([curve.value[-1] for curve in curves])
    points = [None if threshold is None else curve.find_crossing(threshold) for curve in curves]
    there = [(curve, k) for curve, k in zip(curves, points, strict=True) if k is not None]
    middle = partial(np.median, axis=0)
    if there:
        samples, wall, cpu = middle([[c.samples[k], c.seconds[k], c.cpu_seconds[k]] for c, k in there])
        spread = f" ({min(c.samples[k] for c, k in there):,}-{max(c.samples[k] for c, k in there):,})"
        reached = f"{samples:,.0f}{spread if len(there) > 1 else ''} | {wall:.1f} | "
        reached += "-" if algorithm.startswith("a3c") else f"{cpu:.1f}"
    else:
        reached = "- | - | -"
    count = "-" if threshold is None else f"{len(there)} of {len(curves)}"
    value = f"{final.mean():.4g}" + (f" ± {final.std():.2g}" if len(final) > 1 else "")
    return f"| {title(algorithm)} | {count} | {reached} | {value} | {curves[0].samples[-1]:,} |"


def goals(results: Results, bias: dict[str, float]) -> list[str]:
    """What was asked and what this run measured."""
    errors = score_errors()

    def best(problem: str, algorithm: str) -> str:
        curves = results.get((problem, algorithm))
        if not curves:
            return "not run"
        return (
            f"{np.mean([curve.value.max() for curve in curves]):.4g} (end {np.mean([c.value[-1] for c in curves]):.4g})"
        )

    def count_solved(algorithm: str) -> str:
        curves = results.get(("cartpole", algorithm), [])
        return (
            f"{sum(c.find_crossing(475.0) is not None for c in curves)} of {len(curves)} seeds" if curves else "not run"
        )

    deterministic = aliased_grid().deterministic_values().max() / BEST_STOCHASTIC_GRID
    softmax = [
        curve.value[-1]
        for (name, algorithm), curves in results.items()
        if name == "grid" and algorithm in ("reinforce-baseline", "a2c", "ppo")
        for curve in curves
    ]
    reached = f"{min(softmax) / BEST_STOCHASTIC_GRID:.1%}" if softmax else "not run"
    return [
        "## Goals",
        "",
        "| asked | measured in this run |",
        "|---|---|",
        f"| score functions to 1e-6 | {max(max(pair) for pair in errors.values()):.0e} |",
        f"| estimators' mean equals the exact gradient to 1e-6 | {max(bias.values()):.0e} |",
        f"| grid: within 2 % of the best stochastic value (REINFORCE, A2C, PPO; worst seed) | {reached} |",
        f"| grid: every deterministic policy fails | the best of 256 has {deterministic:.0%} of it |",
        "| CartPole, 475 over 100 episodes: REINFORCE with baseline / A2C / A3C / PPO | "
        + " / ".join(count_solved(name) for name in ("reinforce-baseline", "a2c", "a3c", "ppo"))
        + " |",
        f"| Pendulum PPO at CleanRL's level ({CLEANRL_PPO:.0f}; its RPO {CLEANRL_RPO:.0f}), best evaluation "
        f"| {best('pendulum', 'ppo')} |",
        f"| Pendulum A2C (CleanRL has none), best evaluation | {best('pendulum', 'a2c')} |",
    ]


def title(algorithm: str) -> str:
    """An algorithm's name on the page."""
    return SB3[algorithm] if algorithm in SB3 else f"{ALGORITHMS[algorithm].title} (`{algorithm}`)"


def draw_variance(path: Path, variance: dict[str, float]) -> None:
    """Bars of the estimators' variances."""
    figure = Figure(figsize=(7, 2.6), layout="constrained")
    axes = figure.subplots()
    names = list(variance)[::-1]
    axes.barh(names, [variance[name] for name in names], color="#4878a8")
    axes.set(xscale="log", xlabel="total variance of the gradient from one trajectory (exact)")
    save(figure, path)


def draw_curves(path: Path, results: Results, problems: list[str]) -> None:
    """Mean and spread over the seeds against samples, a panel a problem."""
    figure = Figure(figsize=(9, 3.4 * ((len(problems) + 1) // 2)), layout="constrained")
    panels = np.atleast_1d(figure.subplots((len(problems) + 1) // 2, 2, squeeze=False)).ravel()
    for panel in panels[len(problems) :]:
        panel.remove()
    names = [name for name in (*ALGORITHMS, *SB3) if any(key[1] == name for key in results)]
    for axes, problem in zip(panels, problems, strict=False):
        for (name, algorithm), curves in results.items():
            if name != problem:
                continue
            grid_points = np.linspace(0, min(curve.samples[-1] for curve in curves), 17)
            values = np.array([np.interp(grid_points, curve.samples, curve.value) for curve in curves])
            style = {"color": f"C{names.index(algorithm) % 10}", "linestyle": "--" if algorithm in SB3 else "-"}
            axes.plot(grid_points, values.mean(0), label=algorithm, linewidth=1.3, **style)
            axes.fill_between(grid_points, values.min(0), values.max(0), alpha=0.12, color=style["color"], linewidth=0)
        if problem in PROBLEMS:
            axes.axhline(PROBLEMS[problem].threshold, color="grey", linestyle=":", linewidth=1)
        axes.set(title=problem, xlabel="samples", ylabel="value")
        axes.legend(fontsize=6, loc="lower right")
    save(figure, path)


def save(figure: Figure, path: Path) -> None:
    """An SVG that is the same for the same figures, with its text as text."""
    import matplotlib

    with matplotlib.rc_context({"svg.hashsalt": "lecture", "svg.fonttype": "none", "font.sans-serif": ["DejaVu Sans"]}):
        figure.savefig(path, metadata={"Date": None})
    # Tenths of a point are as fine as any screen: in outlines, not in the numbers at the axes.
    path.write_text(
        re.sub(r"^[ML] .*$", lambda line: re.sub(r"(\.\d)\d+", r"\1", line[0]), path.read_text(), flags=re.M)
    )

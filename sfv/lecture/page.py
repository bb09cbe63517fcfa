"""The page policy_gradients.md: the lecture's formulas, the functions that compute them, and what a run measured."""

import inspect
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from imitate.lecture import a3c, actor_critic, reinforce, score
from imitate.lecture.exact_gradient import (
    ESTIMATORS,
    Trajectories,
    exact_gradient,
    list_trajectories,
    mean_and_variance,
    slide_reward_to_go,
)
from imitate.lecture.experiment import Curve, Results
from imitate.lecture.finite import FiniteProblem, make_aliased_grid, make_small_chain
from imitate.lecture.problems import BEST_STOCHASTIC_GRID, PROBLEMS
from imitate.lecture.settings import ALGORITHMS
from imitate.lecture.softmax import SoftmaxPolicy
from imitate.policy import gaussian_log_prob
from imitate.training import advantage, ppo
from sfv.installation import ROOT
from sfv.lecture.applications import list_applications
from sfv.lecture.charts import draw_curves, draw_variance
from sfv.lecture.stable_baselines import TITLES
from sfv.rows import describe_machine

CLEANRL_PPO, CLEANRL_RPO = -1141.98, -151.08
"""Pendulum-v1 after 8 M samples, 10 seeds, as CleanRL's documentation of RPO prints them; it has no A2C."""
GRID_WITH_MEMORY = (1.0 + 2 * 0.95**2 + 0.95 + 0.95**3) / 5
"""Best value in the aliased grid with a memory, which tries one side of a grey cell and turns back at its corner."""


def write_page(folder: Path, results: Results, seeds: int, remark: str, seconds: float) -> Path:
    """Writes the page and its pictures; returns its path.

    Args:
      folder: for the page and its pictures. Functions are links in docs/ of a checkout, plain names elsewhere.
      results: curves of the runs that finished.
      seeds: of each.
      remark: what kept this run from being a whole one, empty if nothing did.
      seconds: that it took [s].
    """
    folder.mkdir(parents=True, exist_ok=True)
    problem = make_small_chain()
    theta = torch.as_tensor(np.random.default_rng(0).normal(size=problem.reward.shape[:2]))
    tau = list_trajectories(problem)
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
        "For students of a lecture on policy gradients. Each formula of the slides is a function of this repository.",
        "This page links to each, checks it against a known answer, and compares how the methods learn, from",
        "REINFORCE to PPO. It is written by `make lecture`; every figure below comes from the run that wrote it: "
        f"{seconds / 60:.1f} min on {host['cores']} cores ({host['processor']}), {seeds} seeds"
        + (f" ({remark})" if remark else "")
        + ". Seconds are of wall clock; *CPU s* is processor time, the better measure on a shared machine.",
        "",
        *describe_policies(),
        *describe_estimators(problem, tau, theta, bias, {name: variance for name, (_, variance) in moments.items()}),
        *describe_grid(results),
        *list_actor_critics(),
        *compare_algorithms(results, curves),
        *list_applications(link_to),
        *list_goals(results, bias),
    ]
    text = "\n".join(parts) + "\n"
    if folder.resolve() != ROOT / "docs":
        text = re.sub(r"\[([^\]]+)\]\(\.\./[^)]+\)", r"\1", text)
    page = folder / "policy_gradients.md"
    page.write_text(text, encoding="utf-8")
    return page


def link_to(function: Callable[..., Any] | type) -> str:
    """Links to the file where a function stands, as seen from docs/; not to its line, which edits move."""
    path = Path(inspect.getsourcefile(function) or "").resolve().relative_to(ROOT).as_posix()
    return f"[`{function.__qualname__}`, {path}](../{path})"


def describe_policies() -> list[str]:
    """Describes policies and their score functions."""
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
        f"| softmax: {link_to(score.softmax_score)} | {errors['softmax'][0]:.0e} | {errors['softmax'][1]:.0e} |",
        f"| Gaussian: {link_to(score.gaussian_score)} | {errors['gaussian'][0]:.0e} | {errors['gaussian'][1]:.0e} |",
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


def describe_estimators(
    problem: FiniteProblem, tau: Trajectories, theta: torch.Tensor, bias: dict[str, float], variance: dict[str, float]
) -> list[str]:
    """Describes REINFORCE and what reduces its variance, with exact moments."""
    discounted = make_small_chain(0.9)
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
        f"The loss with this gradient: {link_to(reinforce.policy_gradient_loss)}. Weights:",
        f"{link_to(reinforce.trajectory_return)}, {link_to(reinforce.reward_to_go)};",
        f"learner: {link_to(reinforce.Reinforce)}.",
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
        f"its mean here is off the gradient of the discounted return by {missing:.1%} of that gradient's length. All",
        "practice does the same, and so do the learners below.",
        "",
    ]


def describe_grid(results: Results) -> list[str]:
    """Describes the aliased grid world and what each algorithm made of it."""
    values = make_aliased_grid().deterministic_values()
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
        final, east_west = np.mean([curve.value[-1] for curve in curves]), format_grey_cell(curves[0].policy)
        share = f"{final / BEST_STOCHASTIC_GRID:.1%}"
        lines.append(f"| {algorithm_title(algorithm)} | {final:.3f} | {share} | {east_west} |")
    return [*lines, ""]


def format_grey_cell(policy: Any) -> str:
    """Probabilities of east and west in a grey cell, of a softmax policy."""
    if not isinstance(policy, SoftmaxPolicy):
        return "-"
    with torch.no_grad():
        pi = torch.softmax(policy.actor(torch.eye(4)[1]), -1)
    return f"{pi[1]:.2f} / {pi[3]:.2f}"


def list_actor_critics() -> list[str]:
    """Lists formulas of actor-critic, A3C and PPO, and where they stand."""
    rows = [
        (r"$Q(s,a)\,\nabla\log\pi$ and $(Q(s,a)-V(s))\,\nabla\log\pi$", link_to(actor_critic.QActorCritic)),
        (r"$A(s,a) \approx r + \gamma V(s') - V(s)$", link_to(actor_critic.one_step_advantage)),
        (r"$r_t + \dots + \gamma^n V(s_{t+n}) - V(s_t)$", link_to(actor_critic.n_step_advantage)),
        (r"GAE: $\sum_k (\gamma\lambda)^k \delta_{t+k}$", link_to(advantage.compute_advantage)),
        ("online actor-critic, five steps", link_to(actor_critic.OnlineActorCritic)),
        ("A2C", link_to(actor_critic.A2C)),
        (
            "A3C: lock-free shared parameters, feed-forward and LSTM",
            f"{link_to(a3c.A3C)}, {link_to(a3c.SharedRMSprop)}",
        ),
        (
            r"PPO: $\min(r_t A_t, \mathrm{clip}(r_t, 1-c, 1+c) A_t)$",
            f"{link_to(ppo.surrogate_loss)}, {link_to(ppo.PPO)}",
        ),
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


def compare_algorithms(results: Results, problems: list[str]) -> list[str]:
    """Compares samples and time to the threshold, problem by problem."""
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
        lines += [
            format_row(algorithm, curves, threshold) for (name, algorithm), curves in results.items() if name == problem
        ]
        lines.append("")
    return lines


def format_row(algorithm: str, curves: list[Curve], threshold: float | None) -> str:
    """One algorithm's line: medians over the seeds that got there, mean and standard deviation of the final value."""
    final = np.array([curve.value[-1] for curve in curves])
    points = [None if threshold is None else curve.find_crossing(threshold) for curve in curves]
    arrived = [(curve, k) for curve, k in zip(curves, points, strict=True) if k is not None]
    middle = partial(np.median, axis=0)
    if arrived:
        samples, wall, cpu = middle([[c.samples[k], c.seconds[k], c.cpu_seconds[k]] for c, k in arrived])
        extent = f" ({min(c.samples[k] for c, k in arrived):,}-{max(c.samples[k] for c, k in arrived):,})"
        reached = f"{samples:,.0f}{extent if len(arrived) > 1 else ''} | {wall:.1f} | "
        reached += "-" if algorithm.startswith("a3c") else f"{cpu:.1f}"
    else:
        reached = "- | - | -"
    count = "-" if threshold is None else f"{len(arrived)} of {len(curves)}"
    value = f"{final.mean():.4g}" + (f" ± {final.std():.2g}" if len(final) > 1 else "")
    return f"| {algorithm_title(algorithm)} | {count} | {reached} | {value} | {curves[0].samples[-1]:,} |"


def list_goals(results: Results, bias: dict[str, float]) -> list[str]:
    """Lists what was asked and what this run measured."""
    errors = score_errors()

    def format_best(problem: str, algorithm: str) -> str:
        curves = results.get((problem, algorithm))
        if not curves:
            return "not run"
        return (
            f"{np.mean([curve.value.max() for curve in curves]):.4g} (end {np.mean([c.value[-1] for c in curves]):.4g})"
        )

    def count_solved(algorithm: str) -> str:
        curves = results.get(("cartpole", algorithm), [])
        return (
            f"{sum(c.find_crossing(PROBLEMS['cartpole'].threshold) is not None for c in curves)} of {len(curves)} seeds"
            if curves
            else "not run"
        )

    deterministic = make_aliased_grid().deterministic_values().max() / BEST_STOCHASTIC_GRID
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
        f"| {format_best('pendulum', 'ppo')} |",
        f"| Pendulum A2C (CleanRL has none), best evaluation | {format_best('pendulum', 'a2c')} |",
    ]


def algorithm_title(algorithm: str) -> str:
    """An algorithm's name on the page."""
    return TITLES[algorithm] if algorithm in TITLES else f"{ALGORITHMS[algorithm].title} (`{algorithm}`)"

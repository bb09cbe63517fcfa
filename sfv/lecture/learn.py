"""`python -m sfv learn PROBLEM`: one of the lecture's algorithms on one of its problems, with a learning curve."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from imitate.lecture.experiment import Curve, PolicyKind, check_fit, learn
from imitate.lecture.problems import Imitation, ProblemSpec, find_problem
from imitate.lecture.settings import ALGORITHMS
from pose.errors import InputError
from pose.ranges import check_seed
from sfv.console import bar, console
from sfv.run_folder import RUNS, make_folder

BUDGETS = {"bandit": 10_000, "grid": 60_000, "cartpole": 100_000, "pendulum": 150_000, "imitation": 300_000}
"""Problem -> actions, more than the quicker algorithms need."""


@dataclass(frozen=True)
class LearnConfig:
    """Lets a policy-gradient algorithm of the lecture learn a problem and draws the learning curve."""

    problem: Annotated[str, tyro.conf.Positional]
    """What is learnt: bandit, grid (aliased), cartpole, pendulum, imitation (a short clip on the humanoid) or pong."""
    algorithm: str = "ppo"
    """How it is learnt: reinforce-step, reinforce, reinforce-to-go, reinforce-baseline, q-actor-critic, q-advantage,
    online, a2c, a3c, a3c-lstm or ppo."""
    policy: PolicyKind = "auto"
    """Softmax where actions are chosen from a list, Gaussian where they are vectors; auto takes the one that fits."""
    samples: int | None = None
    """Actions to take; if left out, enough for the quicker algorithms."""
    seed: int = 0
    """Seed of weights, environments and noise."""
    motion: str = "jump"
    """Motion of the demo that the problem imitation takes: backflip, cartwheel, walk or jump."""
    out: Path | None = None
    """Folder for curve.png and curve.json; if left out, runs/learn/<problem>_<algorithm>."""


def run_learn(config: Annotated[LearnConfig, tyro.conf.arg(name="")]) -> None:
    """Learns, prints the value that was reached, and leaves curve.png and curve.json."""
    if config.problem == "pong":
        raise InputError("pong has options of its own; say it first: sfv learn pong --algorithm ppo")
    spec = make_imitation(config.motion) if config.problem == "imitation" else find_problem(config.problem)
    samples = BUDGETS[config.problem] if config.samples is None else config.samples
    if samples < 1:
        raise InputError(f"--samples {samples}: expected a positive number")
    check_seed(config.seed)
    check_fit(spec, config.algorithm, config.policy)
    folder = config.out or RUNS / "learn" / f"{config.problem}_{config.algorithm}"
    make_folder(folder)
    title = f"{ALGORITHMS[config.algorithm].title} on {config.problem}"
    with bar(title) as progress:
        curve = learn(spec, config.algorithm, samples, config.seed, progress=progress)
    write_curve(folder, title, curve, spec)
    crossing = curve.find_crossing(spec.threshold)
    reached = "not reached" if crossing is None else f"reached after {curve.samples[crossing]:,} samples"
    console.print(
        f"[bold]{title}[/bold]: value {curve.value[0]:.4g} -> {curve.value[-1]:.4g} in {curve.samples[-1]:,} samples, "
        f"{curve.seconds[-1]:.1f} s; {spec.threshold:.4g} ({spec.source}) {reached}\n{folder / 'curve.png'}",
        soft_wrap=True,
    )


def make_imitation(motion: str) -> ProblemSpec:
    """Makes the problem of following a motion of the demo on the humanoid, as `make clip` would train it.

    Raises:
      InputError: no such motion.
    """
    from imitate.env.env import EnvConfig, ImitationEnv
    from imitate.env.task import Task
    from reconstruct.characters.character import load_character
    from sfv.demo.motions import list_demos, load_demo_motion

    if motion not in list_demos():
        raise InputError(f"unknown motion '{motion}'; known ones: {', '.join(list_demos())}")
    character = load_character("humanoid")
    task = Task(character, load_demo_motion(motion, character))

    def make(size: int) -> Imitation:
        return Imitation(ImitationEnv(task, EnvConfig(), size))

    steps = make(1).horizon
    return ProblemSpec(
        "imitation", make, 0.35 * steps, "35 % of a perfect pass from the first frame, from random phases"
    )


def write_curve(folder: Path, title: str, curve: Curve, spec: ProblemSpec) -> None:
    """Writes the learning curve as a picture and as numbers."""
    from matplotlib.figure import Figure

    folder.mkdir(parents=True, exist_ok=True)
    figure = Figure(figsize=(6, 3.6), layout="constrained")
    axes = figure.subplots()
    axes.plot(curve.samples, curve.value)
    axes.axhline(spec.threshold, color="grey", linestyle=":", label=spec.source)
    axes.set(title=title, xlabel="samples", ylabel="value")
    axes.legend(loc="lower right")
    figure.savefig(folder / "curve.png", dpi=120)
    content = {name: getattr(curve, name).tolist() for name in ("samples", "seconds", "cpu_seconds", "value")}
    (folder / "curve.json").write_text(
        json.dumps({"title": title, "threshold": spec.threshold, **content}) + "\n", encoding="utf-8"
    )

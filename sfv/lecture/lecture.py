"""`python -m sfv lecture`: every algorithm of the lecture on every problem that it is shown on, written up as a page.

Each figure of docs/policy_gradients.md comes from the run that wrote it.
"""

import time
from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from imitate.lecture.experiment import Curve, Results, learn
from imitate.lecture.problems import find_problem
from pose.errors import InputError
from pose.work_pool import finish_in_processes
from sfv.console import bar, console
from sfv.installation import is_checkout
from sfv.lecture.learn import make_imitation
from sfv.lecture.stable_baselines import has_stable_baselines, learn_with_stable_baselines
from sfv.rows import describe_machine

EVALUATIONS, IMITATION_EVALUATIONS = 16, 5
"""Points of a learning curve."""
MOTION = "jump"
"""Motion of the demo that the problem imitation takes."""
NO_BASELINES = "Stable-Baselines3 (extra bench) is not installed: no runs of it to compare with"
PLAN: dict[str, dict[str, int]] = {
    "bandit": {
        "reinforce-step": 6_000,
        "reinforce-baseline": 6_000,
        "q-actor-critic": 6_000,
        "q-advantage": 6_000,
        "online": 2_000,
        "a2c": 6_000,
        "a3c": 12_000,
        "ppo": 4_000,
        "sb3-a2c": 12_000,
        "sb3-ppo": 8_000,
    },
    "grid": {
        "reinforce": 60_000,
        "reinforce-to-go": 60_000,
        "reinforce-baseline": 60_000,
        "q-actor-critic": 60_000,
        "q-advantage": 60_000,
        "online": 15_000,
        "a2c": 30_000,
        "a3c": 60_000,
        "a3c-lstm": 100_000,
        "ppo": 16_000,
        "sb3-a2c": 40_000,
        "sb3-ppo": 40_000,
    },
    "cartpole": {
        "reinforce-to-go": 60_000,
        "reinforce-baseline": 80_000,
        "a2c": 80_000,
        "a3c": 200_000,
        "ppo": 40_000,
        "sb3-a2c": 100_000,
        "sb3-ppo": 50_000,
    },
    "pendulum": {"a2c": 400_000, "ppo": 100_000, "sb3-a2c": 400_000, "sb3-ppo": 100_000},
    "imitation": {"reinforce-baseline": 200_000, "a2c": 200_000, "ppo": 500_000},
}
"""Problem -> algorithm -> samples; all of it takes less than ten minutes on two cores."""


@dataclass(frozen=True)
class LectureConfig:
    """Runs the lecture's algorithms on its problems and writes policy_gradients.md with pictures."""

    out: Path | None = None
    """Folder of the page and its pictures; if left out, docs/ in a checkout and else the current directory."""
    seeds: int = 3
    """Runs of each pair of algorithm and problem; the imitation has one."""
    budget: float = 1.0
    """Share of the samples of each run; less than 1 is for trying things out."""
    processes: int = 0
    """Runs at once; 0 is one for each core. A3C's runs always have the machine to themselves."""
    only: tuple[str, ...] = ()
    """Problems to run; all if left out."""

    def __post_init__(self) -> None:
        unknown = set(self.only) - set(PLAN)
        if unknown:
            raise InputError(f"unknown problem '{unknown.pop()}'; known ones: {', '.join(PLAN)}")
        if self.seeds < 1 or not self.budget > 0:
            raise InputError(f"--seeds {self.seeds} --budget {self.budget}: expected positive numbers")

    def folder(self) -> Path:
        """Where the page is written."""
        return self.out or (Path("docs") if is_checkout(Path.cwd()) else Path())


@dataclass(frozen=True)
class LectureRun:
    """One algorithm on one problem from one seed."""

    problem: str
    algorithm: str
    samples: int
    seed: int

    def estimate_seconds(self) -> float:
        """Roughly the time that it takes [s]; it only orders runs and draws the bar."""
        seconds_a_sample = {"imitation": 4e-4, "pendulum": 1.5e-4, "cartpole": 1.2e-4, "grid": 6e-5, "bandit": 2e-4}
        factor = {"online": 8.0, "a3c": 2.0, "a3c-lstm": 3.0, "a2c": 0.6}.get(self.algorithm, 1.0)
        return self.samples * seconds_a_sample[self.problem] * factor

    def page_order(self) -> tuple[int, int]:
        """Sorts runs as the page lists them: problems and algorithms as in `PLAN`."""
        return list(PLAN).index(self.problem), list(PLAN[self.problem]).index(self.algorithm)

    def learn(self) -> Curve:
        """Lets the algorithm learn."""
        spec = make_imitation(MOTION) if self.problem == "imitation" else find_problem(self.problem)
        evaluations = IMITATION_EVALUATIONS if self.problem == "imitation" else EVALUATIONS
        if self.algorithm.startswith("sb3-"):
            own = self.algorithm.removeprefix("sb3-")
            return learn_with_stable_baselines(spec, own, self.samples, self.seed, evaluations)
        return learn(spec, self.algorithm, self.samples, self.seed, evaluations)


def lecture(config: Annotated[LectureConfig, tyro.conf.arg(name="")]) -> None:
    """Runs everything, then writes the page. Ctrl-C ends the runs; the page then shows those that are done."""
    from sfv.lecture.page import write_page

    if not has_stable_baselines():
        console.print(f"[yellow]{NO_BASELINES}; pip install -c constraints.txt -e '.\\[bench]'[/yellow]")
    begin = time.perf_counter()
    runs = list_runs(config)
    results: Results = {(run.problem, run.algorithm): [] for run in sorted(runs, key=LectureRun.page_order)}
    try:
        perform_runs(runs, config.processes or describe_machine()["cores"], results)
    except KeyboardInterrupt:
        console.print("[yellow]stopped; the page shows the runs that are done[/yellow]")
    finished = sum(len(curves) for curves in results.values())
    remarks = [f"stopped after {finished} of {len(runs)} runs"] if finished < len(runs) else []
    remarks += [f"{config.budget:.0%} of the samples"] if config.budget != 1.0 else []
    remarks += [] if has_stable_baselines() else [NO_BASELINES]
    results = {key: curves for key, curves in results.items() if curves}
    page = write_page(config.folder(), results, config.seeds, ", ".join(remarks), time.perf_counter() - begin)
    console.print(f"{finished} runs in {(time.perf_counter() - begin) / 60:.1f} min: [bold]{page}[/bold]")


def list_runs(config: LectureConfig) -> list[LectureRun]:
    """Lists all runs, the short ones first, so that Ctrl-C leaves most of the page."""
    runs = [
        LectureRun(problem, algorithm, max(1, int(samples * config.budget)), seed)
        for problem, algorithms in PLAN.items()
        if not config.only or problem in config.only
        for algorithm, samples in algorithms.items()
        if not algorithm.startswith("sb3") or has_stable_baselines()
        for seed in range(1 if problem == "imitation" else config.seeds)
    ]
    return sorted(runs, key=LectureRun.estimate_seconds)


def perform_runs(runs: list[LectureRun], processes: int, results: Results) -> None:
    """Performs all runs, several at a time, and adds each curve to `results` as soon as it is there."""
    with bar("lecture") as progress, closing(iterate_curves(runs, processes)) as curves:
        total, done = sum(run.estimate_seconds() for run in runs), 0.0
        for run, curve in curves:
            results[run.problem, run.algorithm].append(curve)
            done += run.estimate_seconds()
            progress(done, total, f"{run.algorithm} on {run.problem}")


def iterate_curves(runs: list[LectureRun], processes: int) -> Generator[tuple[LectureRun, Curve], None, None]:
    """Yields runs and their curves as they finish: those of one process side by side, then A3C's one by one."""
    alone = [run for run in runs if run.algorithm.startswith("a3c")]
    yield from finish_in_processes({run: run.learn for run in runs if run not in alone}, processes)
    for run in alone:
        yield run, run.learn()

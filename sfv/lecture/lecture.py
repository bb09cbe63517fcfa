"""`make lecture`: every algorithm of the lecture on every problem it is shown on, in one run, written up as a page.

Nothing in docs/policy_gradients.md is typed by hand but the words: each figure comes from the run that wrote it.
"""

import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import closing
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Annotated

import torch
import tyro

from imitate.lecture.experiment import ALGORITHMS, Curve, learn
from imitate.lecture.problems import problem_kind
from pose.errors import InputError
from sfv.console import bar, console
from sfv.lecture.learn import imitation
from sfv.lecture.stable_baselines import available, learn_with_stable_baselines
from sfv.rows import describe_machine

EVALUATIONS = 16
IMITATION_EVALUATIONS = 5
MOTION = "jump"
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
"""Problem -> algorithm -> samples: what is enough, so that all of it takes less than ten minutes on two cores."""


@dataclass(frozen=True)
class LectureConfig:
    """Runs the lecture's algorithms on its problems and writes policy_gradients.md with pictures."""

    out: Path = Path("docs")
    """Folder of the page and its pictures."""
    seeds: int = 3
    """Runs of each pair of algorithm and problem; the imitation has one."""
    budget: float = 1.0
    """Share of the samples of each run; less than 1 is for trying things out."""
    processes: int = 0
    """Runs at once; 0: one a core. A3C's have the machine to themselves."""
    only: tuple[str, ...] = ()
    """Problems to run; all if left out."""


@dataclass(frozen=True)
class LectureRun:
    """One run."""

    problem: str
    algorithm: str
    samples: int
    seed: int


Results = dict[tuple[str, str], list[Curve]]
"""(problem, algorithm) -> one curve a seed."""


def lecture(config: Annotated[LectureConfig, tyro.conf.arg(name="")]) -> None:
    """Runs everything, then writes the page."""
    from sfv.lecture.page import write_page

    unknown = set(config.only) - set(PLAN)
    if unknown:
        raise InputError(f"unknown problem '{unknown.pop()}'; known ones: {', '.join(PLAN)}")
    if config.seeds < 1 or not config.budget > 0:
        raise InputError(f"--seeds {config.seeds} --budget {config.budget}: expected positive numbers")
    if not available():
        console.print(f"[yellow]{NO_BASELINES}; pip install -c constraints.txt -e '.\\[bench]'[/yellow]")
    begin = time.perf_counter()
    jobs, finished = plan(config), 0
    results: Results = {(job.problem, job.algorithm): [] for job in sorted(jobs, key=_place)}
    with bar("lecture") as progress:
        total, done = sum(_effort(job) for job in jobs), 0.0
        try:
            with closing(run(jobs, config.processes or describe_machine()["cores"])) as runs:
                for job, curve in runs:
                    results[job.problem, job.algorithm].append(curve)
                    finished, done = finished + 1, done + _effort(job)
                    progress(done, total, f"{job.algorithm} on {job.problem}")
        except KeyboardInterrupt:
            console.print(f"[yellow]stopped after {finished} of {len(jobs)} runs; the page shows those[/yellow]")
    remarks = [f"stopped after {finished} of {len(jobs)} runs"] if finished < len(jobs) else []
    remarks += [f"{config.budget:.0%} of the samples"] if config.budget != 1.0 else []
    remarks += [] if available() else [NO_BASELINES]
    results = {key: curves for key, curves in results.items() if curves}
    page = write_page(config.out, results, config.seeds, ", ".join(remarks), time.perf_counter() - begin)
    console.print(f"{finished} runs in {(time.perf_counter() - begin) / 60:.1f} min: [bold]{page}[/bold]")


def plan(config: LectureConfig) -> list[LectureRun]:
    """All runs, the short ones first, so that Ctrl-C leaves most of the page."""
    jobs = [
        LectureRun(problem, algorithm, max(1, int(samples * config.budget)), seed)
        for problem, algorithms in PLAN.items()
        if not config.only or problem in config.only
        for algorithm, samples in algorithms.items()
        if not algorithm.startswith("sb3") or available()
        for seed in range(1 if problem == "imitation" else config.seeds)
    ]
    return sorted(jobs, key=_effort)


def _place(job: LectureRun) -> tuple[int, int]:
    """Where a run stands on the page: problems and algorithms as in `PLAN`."""
    return list(PLAN).index(job.problem), list(PLAN[job.problem]).index(job.algorithm)


def _effort(job: LectureRun) -> float:
    """Roughly the seconds that a run takes; it only orders them and draws the bar."""
    seconds_a_sample = {"imitation": 4e-4, "pendulum": 1.5e-4, "cartpole": 1.2e-4, "grid": 6e-5, "bandit": 2e-4}
    factor = {"online": 8.0, "a3c": 2.0, "a3c-lstm": 3.0, "a2c": 0.6}.get(job.algorithm, 1.0)
    return job.samples * seconds_a_sample[job.problem] * factor


def run(jobs: list[LectureRun], processes: int):
    """Yields (job, curve) as runs finish: those of one process each side by side, then A3C's one by one."""
    alone = [job for job in jobs if job.algorithm.startswith("a3c")]
    context = get_context("forkserver")
    context.set_forkserver_preload(["imitate.lecture.experiment"])
    with ProcessPoolExecutor(processes, mp_context=context, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        waiting = {pool.submit(run_job, job): job for job in jobs if job not in alone}
        try:
            for future in as_completed(waiting):
                yield waiting[future], future.result()
        except BaseException:
            # Runs last minutes, and whoever stops does not want to wait for them (`terminate_workers` of Python 3.14).
            for worker in list(pool._processes.values()):
                worker.terminate()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    for job in alone:
        yield job, run_job(job)


def run_job(job: LectureRun) -> Curve:
    """One run of one algorithm on one problem."""
    kind = imitation(MOTION) if job.problem == "imitation" else problem_kind(job.problem)
    if job.algorithm.startswith("sb3-"):
        own = job.algorithm.removeprefix("sb3-")
        return learn_with_stable_baselines(job.problem, kind, own, job.samples, job.seed, EVALUATIONS)
    assert job.algorithm in ALGORITHMS
    evaluations = IMITATION_EVALUATIONS if job.problem == "imitation" else EVALUATIONS
    return learn(job.problem, kind, job.algorithm, job.samples, job.seed, evaluations)

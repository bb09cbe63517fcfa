"""`python -m sfv bench adapt`: RMA's table of results in simulation, for the Go1."""

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from imitate.adapt.networks import AdaptiveSkill
from imitate.locomotion.evaluation import Episodes, FrozenLatent, run_event, run_walks
from imitate.locomotion.train import SKILL, SYSID, make_runner, train_walk
from imitate.training.collect import Actor
from pose.errors import InputError
from pose.progress import Progress
from sfv.bench.adapt_page import write_page
from sfv.bench.adapt_results import KINDS, PAPER, Measured
from sfv.console import bar, console
from sfv.go1.adapt import EVALUATION_SEED, AdaptGo1Config
from sfv.rows import Row, show
from sfv.run_folder import RUNS

BATCH = 250
"""Robots that walk side by side in an evaluation."""


def bench_adapt(
    seeds: tuple[int, ...] = (0, 1, 2),
    episodes: int = 1000,
    folder: Path = RUNS / "bench_adapt",
    page: Path | None = None,
    json: bool = False,
) -> None:
    """RMA's table for the Go1: trains what is not trained yet, then lets robots walk in physics that changes.

    Args:
      seeds: of the trainings; each has its own.
      episodes: of each row and seed; the paper has 1000.
      folder: of the trainings, which are resumed and kept.
      page: folder to write adaptation.md into, e.g. docs; nothing is written if left out.
      json: one JSON object on standard output instead of a table.
    """
    if episodes < 1 or not seeds:
        raise InputError(f"--episodes {episodes}, {len(seeds)} seeds: expected at least one of both")
    found = Measured()
    for seed in seeds:
        with bar(f"seed {seed}") as progress:
            adaptive, robust = train_seed(folder, seed, found, progress)
            measure_seed(adaptive, robust, folder / f"rma_{seed}" / SYSID, seed, episodes, found, progress)
    found.core_share = measure_core_share(AdaptiveSkill.load(folder / f"rma_{seeds[0]}" / SKILL))
    rows = make_rows(found)
    if page is not None:
        console.print(f"page: {write_page(page, found, seeds, episodes)}")
    show("adapt", rows, json)


def train_seed(folder: Path, seed: int, found: Measured, progress: Progress) -> tuple[AdaptiveSkill, AdaptiveSkill]:
    """RMA's policy with both adaptation modules, and Robust; continued where they were."""
    config = AdaptGo1Config(seed=seed)
    adaptive = train_walk(config.to_training(sysid=True), folder / f"rma_{seed}", progress)
    robust = train_walk(config.to_training(extrinsics=False), folder / f"robust_{seed}", progress)
    found.train_seconds.append(adaptive.seconds + robust.seconds)
    found.samples.append(adaptive.samples + robust.samples)
    return adaptive.skill, robust.skill


def measure_seed(
    adaptive: AdaptiveSkill,
    robust: AdaptiveSkill,
    sysid: Path,
    seed: int,
    episodes: int,
    found: Measured,
    progress: Progress,
) -> None:
    """All rows of one seed: the same grounds, places and first physics for all of them."""
    actors: dict[str, Callable[[int], Actor]] = {
        "robust": lambda count: robust.policy,
        "sysid": lambda count: make_runner(AdaptiveSkill.load(sysid), count),
        "without": lambda count: FrozenLatent(adaptive.policy, count),
        "rma": lambda count: make_runner(adaptive, count),
        "expert": lambda count: adaptive.policy,
    }
    for number, (kind, make) in enumerate(actors.items()):
        parts, left = [], episodes
        while left > 0:
            progress(number * episodes + episodes - left, len(actors) * episodes, f"walks: {kind}")
            count = min(left, BATCH)
            parts.append(run_walks(make, count, EVALUATION_SEED + 100 * seed + len(parts)))
            left -= count
        found.walks[kind].append(Episodes.join(parts))
    for kind in ("without", "rma", "expert"):
        event = run_event(actors[kind], min(episodes, BATCH), EVALUATION_SEED + seed)
        found.events.setdefault(kind, []).append(event)


def measure_core_share(skill: AdaptiveSkill, steps: int = 500) -> float:
    """Processor time of phi and pi for one robot over the time that passes for it."""
    torch.set_num_threads(1)
    runner = make_runner(skill, 1)
    observation = np.zeros((1, skill.policy.layout.sensed_size + skill.policy.layout.extrinsics_size), np.float32)
    for _ in range(50):
        runner.act(observation)
    begin = time.process_time()
    for _ in range(steps):
        runner.act(observation)
    return (time.process_time() - begin) / (steps / 100.0)


def make_rows(found: Measured) -> list[Row]:
    """The rows; the spread of a success is over the seeds, the half width of its 95 % interval is in the note."""
    rows = []
    for kind in KINDS:
        each = [walks.rows() for walks in found.walks[kind]]
        pooled = Episodes.join(found.walks[kind]).rows()
        row = Row.mean_of(f"adapt_success_{kind}", [one["success"] for one in each], "", PAPER[kind][0] / 100.0)
        note = (
            f"+- {pooled['success_interval']:.3f} (95 %, {len(each)} seeds together); baseline: the paper's, on an A1"
        )
        rows.append(Row(row.name, row.value, n=row.n, spread=row.spread, baseline=row.baseline, note=note))
        for name in ("time_to_fall", "reward", "distance", "torque", "smoothness", "impact"):
            rows.append(Row.mean_of(f"adapt_{name}_{kind}", [one[name] for one in each], ""))
    success = {kind: float(Episodes.join(found.walks[kind]).survived.mean()) for kind in KINDS}
    share = success["rma"] / success["expert"] if success["expert"] else float("nan")
    rows.append(Row("adapt_rma_share_of_expert", share, goal=0.95))
    for kind, events in found.events.items():
        rows.append(Row.mean_of(f"adapt_event_falls_{kind}", [event.falls for event in events], ""))
    response = [event.response_seconds() for event in found.events["rma"]]
    rows.append(Row.mean_of("adapt_event_response_seconds", response, "s", goal=0.5))
    rows.append(Row("adapt_core_share", found.core_share, goal=0.05, note="phi at 10 Hz and pi at 100 Hz, one core"))
    rows.append(Row.mean_of("adapt_train_seconds", found.train_seconds, "s", goal=2400.0))
    return rows

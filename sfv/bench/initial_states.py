"""`python -m sfv bench initial-states`: the paper's ablation of where episodes start (SFV, table 2)."""

import shlex
import statistics
import sys
import tempfile
from dataclasses import dataclass
from datetime import date
from itertools import product
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from imitate.env.task import Task
from imitate.robustness import perform_one_pass
from imitate.rollout import EvaluateConfig, evaluate_policy
from imitate.training.config import ResolvedTrainConfig, TrainConfig
from imitate.training.train import train_policy
from pose.progress import Progress
from reconstruct.characters.character import load_character
from sfv.bench.inputs import hash_motion, read_motions
from sfv.bench.resume import measure_once
from sfv.console import bar
from sfv.rows import Row, describe_machine, show

Kind = Literal["fixed", "reference", "adaptive", "failures"]
KINDS: tuple[Kind, ...] = ("fixed", "reference", "adaptive", "failures")
TITLES = {
    "fixed": "fixed (first frame)",
    "reference": "reference (any frame)",
    "adaptive": "adaptive (SFV)",
    "failures": "where they fail soon",
}
METRICS = ("normalised_return", "one_pass_return", "one_pass_completed")

HEAD = """# Where episodes start

For readers who want to know what the initial state distribution does: the ablation of SFV's table 2, with the same
learner from scratch and the same number of samples. Mean and standard deviation over seeds, deterministic policy.
The return is over 20 s of a cycle, from the first frame and from phases along the motion; "one pass" from 32 phases
along it. SFV's own returns, for fixed / reference / adaptive starts and many times the samples: backflip .086 / .687 /
.741, walk .435 / .738 / .932.
"""


@dataclass(frozen=True)
class InitialStatesConfig:
    """What is compared, with which budget, and where it is kept."""

    motion: tuple[Path, ...] = ()
    """Motion files (DeepMimic .txt, .bvh, .npz of runs), or folders of them; default: the shipped walk and backflip."""
    samples: int = 1_000_000
    """Length of each training [control steps]."""
    seeds: int = 3
    """Number of trainings for each distribution."""
    workers: int = 0
    """Processes of a training; 0: one per core."""
    kinds: tuple[Kind, ...] = KINDS
    """Distributions of initial states."""
    character: str = "humanoid"
    """Body that is to perform them."""
    out: Path | None = None
    """Folder that keeps policies and results; the same command goes on from there. Default: nothing is kept."""
    page: Path | None = None
    """Markdown page to write the table to."""

    def train_config(self, kind: Kind, seed: int) -> ResolvedTrainConfig:
        """Settings of one training, from scratch and without early stop."""
        return TrainConfig(
            minutes=1e6,
            samples=self.samples,
            early_stop=False,
            tensorboard=False,
            seed=seed,
            workers=self.workers,
            initial_state=kind,
            warm_start="none",
        ).resolve()


Found = dict[str, dict[str, list[dict[str, float]]]]
"""Motion -> distribution -> `METRICS` of each seed."""


def bench_initial_states(config: Annotated[InitialStatesConfig, tyro.conf.arg(name="")], json: bool = False) -> None:
    """Compares fixed, reference, adaptive and failure-driven initial states at equal numbers of samples.

    Args:
      config: what is compared.
      json: one JSON object on standard output instead of a table.
    """
    body = load_character(config.character)
    found: Found = {}
    with tempfile.TemporaryDirectory() as scratch:
        for name, motion in read_motions(config.motion, body, ("walk", "backflip")).items():
            found[name] = {kind: [] for kind in config.kinds}
            # A seed of every kind before the next seed: results at any time can be compared.
            for seed, kind in product(range(config.seeds), config.kinds):
                folder = (config.out or Path(scratch)) / name / f"{kind}_{seed}"
                with bar(f"{name}, {kind}, seed {seed}") as progress:
                    metrics = _measure(Task(body, motion), config.train_config(kind, seed), folder, progress)
                found[name][kind].append(metrics)
    if config.page is not None:
        config.page.parent.mkdir(parents=True, exist_ok=True)
        config.page.write_text(format_page(found, config.samples), encoding="utf-8")
    show("initial-states", _to_rows(found), json)


def _to_rows(found: Found) -> list[Row]:
    rows = [
        Row.mean_of(f"{name}_{kind}_{metric}", [run[metric] for run in runs], "")
        for name, by_kind in found.items()
        for kind, runs in by_kind.items()
        for metric in METRICS
    ]
    return rows + [
        Row(f"{name}_adaptive_less_reference", _compute_lead(by_kind), goal=0.0, note="one pass")
        for name, by_kind in found.items()
        if {"adaptive", "reference"} <= set(by_kind)
    ]


def _measure(task: Task, config: ResolvedTrainConfig, folder: Path, progress: Progress) -> dict[str, float]:
    """`METRICS` of one training; what the folder keeps with the same settings is read instead."""

    def measure() -> dict[str, Any]:
        policy = train_policy(task, config, folder, progress).policy
        once = perform_one_pass(policy, task)
        evaluated = evaluate_policy(policy, task, EvaluateConfig()).metrics
        metrics = {
            "normalised_return": evaluated["normalised_return"],
            "one_pass_return": float(once.normalised_return.mean()),
            "one_pass_completed": float(once.completed.mean()),
        }
        return {"metrics": metrics}

    settings = config.without_budget() | {"samples": config.samples, "motion": hash_motion(task.motion)}
    return measure_once(folder / "bench.json", settings, measure)["metrics"]


def _compute_lead(by_kind: dict[str, list[dict[str, float]]]) -> float:
    adaptive, reference = (
        statistics.fmean(run["one_pass_return"] for run in by_kind[kind]) for kind in ("adaptive", "reference")
    )
    return adaptive - reference


def format_page(found: Found, samples: int) -> str:
    """The table in Markdown: one line per motion and distribution."""
    lines = [HEAD, "| motion | starts | seeds | return | one pass | completed |", "|---|---|--:|--:|--:|--:|"]
    for name, by_kind in found.items():
        for kind, runs in by_kind.items():
            cells = [_format_cell([run[metric] for run in runs]) for metric in METRICS]
            lines.append(f"| {name.removeprefix('humanoid3d_')} | {TITLES[kind]} | {len(runs)} | {' | '.join(cells)} |")
    here = describe_machine()
    lines += [
        "",
        f"{samples / 1e6:g} M samples each; {date.today().isoformat()}, {here['cores']} cores of {here['processor']}.",
        "",
        f"    python -m sfv {shlex.join(sys.argv[1:])}",
        "",
    ]
    return "\n".join(lines)


def _format_cell(values: list[float]) -> str:
    return f"{statistics.fmean(values):.3f} ± {statistics.pstdev(values):.3f}"

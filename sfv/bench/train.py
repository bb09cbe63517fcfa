"""`python -m sfv bench train`: skills learnt from motion files, and evaluated."""

import csv
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from imitate.env.pushes import PUSH_SECONDS
from imitate.env.task import Task
from imitate.policy import Policy
from imitate.robustness import PUSH_FORCE, end_meets_start, measure_push_survival, perform_in_a_row, perform_one_pass
from imitate.rollout import EvaluateConfig, evaluate_policy
from imitate.training.config import ResolvedTrainConfig, TrainConfig
from imitate.training.memory import peak_memory_mb
from imitate.training.train import train_policy
from pose.errors import InputError
from reconstruct.characters.character import load_character
from sfv.bench.inputs import hash_motion, read_motions
from sfv.bench.resume import measure_once
from sfv.bench.skills_page import write_skills_page
from sfv.console import bar
from sfv.rows import Row, describe_machine, show

ROLLOUTS = 32
MINUTES = 6.0


@dataclass(frozen=True)
class ReturnTarget:
    """The published return of a motion, and the goal."""

    published: float | None = None
    """Normalised return."""
    published_samples_m: float | None = None
    """Samples that it took [millions]."""
    goal: float | None = None
    """Goal for the normalised return."""
    minutes: float | None = None
    """Within this wall-clock time of training [min]."""
    measure: str = "normalised_return"
    """The row that the returns are compared with: `normalised_return`, or `one_pass_return` for acrobatics."""


@dataclass(frozen=True)
class TrainBenchConfig:
    """What is learnt, with which budget, and where it is kept."""

    motion: tuple[Path, ...] = ()
    """Motion files (DeepMimic .txt, .bvh, .npz of runs), or folders of them; default: the shipped walk."""
    minutes: float | None = None
    """Training budget of each [min]; default: as the table of published returns says, else 6."""
    samples: int | None = None
    """Training budget of each [control steps]; default: none."""
    preset: Literal["tuned", "sfv"] = "tuned"
    """Settings of the learner, as in `clip`."""
    warm_start: Literal["draft", "none"] | None = None
    """Start from the draft, which is made within the budget, or from scratch; default: as the preset says."""
    character: str = "humanoid"
    """Body that is to perform them."""
    seed: int = 0
    """Seed of training."""
    out: Path | None = None
    """Folder that keeps policies and results; the same command goes on from there. Default: nothing is kept."""
    published: Path | None = None
    """Table of returns to compare with, such as docs/deepmimic_returns.csv."""
    page: Path | None = None
    """Markdown page to write the table of skills to."""

    def train_config(self, target: ReturnTarget) -> ResolvedTrainConfig:
        """Settings of the learner for a motion with this target."""
        minutes = self.minutes or target.minutes or MINUTES
        return TrainConfig(
            minutes=minutes,
            samples=self.samples,
            preset=self.preset,
            warm_start=self.warm_start,
            seed=self.seed,
            early_stop=False,  # as much as was asked for, so that budgets compare
        ).resolve()


def bench_train(config: Annotated[TrainBenchConfig, tyro.conf.arg(name="")], json: bool = False) -> None:
    """Trains policies on motion files and evaluates them.

    Args:
      config: what is learnt.
      json: one JSON object on standard output instead of a table.
    """
    targets, body = read_targets(config.published), load_character(config.character)
    found: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory() as scratch:
        for name, motion in read_motions(config.motion, body, ("walk",)).items():
            target, folder = targets.get(name, ReturnTarget()), (config.out or Path(scratch)) / name
            found[name] = measure_motion(Task(body, motion), config.train_config(target), target, folder)
    if config.page is not None:
        write_skills_page(config.page, found)
    tables = {name: [Row(**row) for row in entry["rows"]] for name, entry in found.items()}
    if json and len(tables) > 1:
        tables = {"": [replace(row, name=f"{name}_{row.name}") for name, rows in tables.items() for row in rows]}
    for name, rows in tables.items():
        show(f"train {name}" if len(tables) > 1 else "train", rows, json)


def read_targets(table: Path | None) -> dict[str, ReturnTarget]:
    """The table of published returns, by the motion's file name.

    Raises:
      InputError: no such table.
    """
    if table is None:
        return {}
    try:
        with open(table, newline="", encoding="utf-8") as file:
            lines = list(csv.DictReader(file))
        return {line["motion"]: _target(line) for line in lines}
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"{table}: not a table of published returns ({error}); see docs/deepmimic_returns.csv") from (
            error
        )


def _target(line: dict[str, str]) -> ReturnTarget:
    numbers = {
        name: float(line[name]) for name in ("published", "published_samples_m", "goal", "minutes") if line[name]
    }
    return ReturnTarget(**numbers, measure=line["measure"] or ReturnTarget.measure)


def measure_motion(task: Task, config: ResolvedTrainConfig, target: ReturnTarget, folder: Path) -> dict[str, Any]:
    """Trains on one motion and evaluates the policy; what the folder keeps with the same settings is read instead.

    Returns:
      `settings`, `rows` (fields of `Row`), `date` and `machine`.
    """

    def measure() -> dict[str, Any]:
        with bar(folder.name) as progress:
            training = train_policy(task, config, folder, progress)
        rows = _evaluate(training.policy, task) + _report_training(training.metrics)
        rows = [
            replace(row, baseline=target.published, goal=target.goal) if row.name == target.measure else row
            for row in rows
        ]
        here = describe_machine()
        return {"rows": [asdict(row) for row in rows], "date": date.today().isoformat(), "machine": here}

    settings = {
        "train": config.without_budget() | config.budget(),
        "target": asdict(target),
        "motion": hash_motion(task.motion),
    }
    return measure_once(folder / "bench.json", settings, measure)


def _report_training(metrics: Mapping[str, float]) -> list[Row]:
    """What training took."""
    return [
        Row("samples", metrics["samples"]),
        Row("train_seconds", metrics["train_seconds"], "s"),
        Row(
            "skill_seconds", metrics["skill_seconds"], "s", note="draft and training, to three evaluations at criterion"
        ),
        Row("cpu_seconds", metrics["cpu_seconds"], "s"),
        Row("memory_mb", metrics["memory_mb"] + peak_memory_mb(), "MB", goal=2000.0, note="all processes"),
        Row("env_steps_per_second", metrics["env_steps_per_second"], note="wall clock, evaluations included"),
    ]


def _evaluate(policy: Policy, task: Task) -> list[Row]:
    """Every measure of a policy, with its mean actions unless the row says otherwise."""
    found = evaluate_policy(policy, task, EvaluateConfig(rollouts=ROLLOUTS)).metrics
    pushed = measure_push_survival(policy, task, rollouts=ROLLOUTS)
    force = f"{PUSH_FORCE:g} N for {PUSH_SECONDS:g} s, random sides and times; no fall to the end"
    kind = "20 s of a cycle" if task.motion.loop else "to the clip's end"
    return [
        Row("normalised_return", found["normalised_return"], "", 2 * ROLLOUTS, found["normalised_return_spread"]),
        Row("completed", found["completed"], "", 2 * ROLLOUTS, note=kind),
        Row("normalised_return_noisy", found["normalised_return_noisy"], "", 2 * ROLLOUTS, note="with action noise"),
        Row("completed_noisy", found["completed_noisy"], "", 2 * ROLLOUTS, note="with action noise"),
        *_evaluate_one_pass(policy, task),
        *_evaluate_ten_in_a_row(policy, task),
        Row("push_survival", pushed, "", ROLLOUTS, goal=0.8, note=force),
        Row("tracking_mpjpe_mm", found["tracking_mpjpe_mm"], "mm"),
        Row("foot_slide_mm_per_frame", found["foot_slide_mm_per_frame"], "mm"),
        Row("penetration_mm", found["penetration_mm"], "mm"),
    ]


def _evaluate_one_pass(policy: Policy, task: Task) -> list[Row]:
    """One pass of the motion from phases along it, from exact and from disturbed starts."""
    rows = list[Row]()
    for suffix, disturbed, note in (("", False, "from all phases"), ("_noisy_starts", True, "poses and speeds off")):
        scores = perform_one_pass(policy, task, ROLLOUTS, disturbed)
        returns, completed = scores.normalised_return, float(scores.completed.mean())
        rows += [
            Row(f"one_pass_return{suffix}", float(returns.mean()), "", ROLLOUTS, float(returns.std()), note=note),
            Row(f"one_pass_completed{suffix}", completed, "", ROLLOUTS, goal=0.9, note=note),
        ]
    return rows


def _evaluate_ten_in_a_row(policy: Policy, task: Task) -> list[Row]:
    """Ten repetitions without a pause, of a motion that ends as it began."""
    if not end_meets_start(task):
        note = "the motion's end does not meet its start"
        return [Row(f"ten_in_a_row_{what}", None, note=note) for what in ("return", "completed")]
    scores = perform_in_a_row(policy, task, 10, ROLLOUTS)
    returns, completed = scores.normalised_return, float(scores.completed.mean())
    return [
        Row("ten_in_a_row_return", float(returns.mean()), "", ROLLOUTS, float(returns.std()), goal=0.7),
        Row("ten_in_a_row_completed", completed, "", ROLLOUTS),
    ]

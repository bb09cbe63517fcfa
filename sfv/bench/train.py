"""`python -m sfv bench train`: skills learnt from motion files, and judged."""

import csv
import json as json_format
import tempfile
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any, Literal

from imitate.env.env import PUSH_SECONDS
from imitate.env.task import Task
from imitate.policy import Policy
from imitate.robustness import PUSH_FORCE, end_meets_start, in_a_row, one_pass, push_survival
from imitate.rollout import EvaluateConfig, evaluate_policy
from imitate.training.config import TrainConfig
from imitate.training.memory import peak_memory_mb
from imitate.training.train import train_policy
from pose.errors import InputError
from reconstruct.characters.character import Character, load_character
from reconstruct.formats.read_motion import read_motion
from sfv.bench.skills_page import write_skills_page
from sfv.console import bar
from sfv.rows import Row, describe_machine, show
from sfv.stage import write_json

ROLLOUTS = 32
MOTIONS = {".txt", ".npz", ".bvh"}
"""Files that are looked for in a folder."""
MINUTES = 6.0


@dataclass(frozen=True)
class Target:
    """What others reached with a motion, and what is asked of us."""

    published: float | None = None
    """Normalised return."""
    published_samples_m: float | None = None
    """Samples that it took [millions]."""
    goal: float | None = None
    """Normalised return to reach."""
    minutes: float | None = None
    """Within this wall-clock time of training [min]."""
    measure: str = "normalised_return"
    """The row that the returns are compared with: `normalised_return`, or `one_pass_return` for acrobatics."""


def bench_train(
    motion: tuple[Path, ...],
    minutes: float | None = None,
    samples: int | None = None,
    preset: Literal["tuned", "sfv"] = "tuned",
    warm_start: Literal["draft", "none"] | None = None,
    character: str = "humanoid",
    seed: int = 0,
    out: Path | None = None,
    published: Path | None = None,
    page: Path | None = None,
    json: bool = False,
) -> None:
    """Trains policies on motion files and judges them.

    Args:
      motion: reference motions (DeepMimic .txt, or .npz of runs), or folders of them.
      minutes: training budget of each [min]; default: as the table of published returns says, else 6.
      samples: training budget [decisions], none if left out.
      preset: settings of the learner, as in `clip`.
      warm_start: from the tracker's draft, which is made within the budget, or from scratch.
      character: body that is to perform them.
      seed: of training.
      out: folder that keeps policies and figures, a folder a motion; what was measured there is not measured again. By
        default nothing is kept.
      published: table of returns to compare with (docs/deepmimic_returns.csv).
      page: Markdown page to write the table of skills to.
      json: one JSON object on standard output instead of a table.
    """
    files, targets = list_motion_files(motion), read_targets(published)
    body = load_character(character)
    found: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory() as scratch:
        for path in files:
            target = targets.get(path.stem, Target())
            config = TrainConfig(
                minutes=minutes or target.minutes or MINUTES,
                samples=samples,
                preset=preset,
                warm_start=warm_start,
                seed=seed,
            ).resolve()
            found[path.stem] = measure_motion(path, body, config, target, (out or Path(scratch)) / path.stem)
    if page is not None:
        write_skills_page(page, found)
    tables = {name: [Row(**row) for row in entry["rows"]] for name, entry in found.items()}
    if json and len(tables) > 1:
        tables = {"": [replace(row, name=f"{name}_{row.name}") for name, rows in tables.items() for row in rows]}
    for name, rows in tables.items():
        show(f"train {name}" if len(tables) > 1 else "train", rows, json)


def list_motion_files(given: tuple[Path, ...]) -> list[Path]:
    """The files that are meant by files and folders.

    Raises:
      InputError: no such file, an empty folder, or two files of one name.
    """
    files: list[Path] = []
    for path in given:
        if path.is_dir():
            inside = sorted(p for p in path.iterdir() if p.suffix in MOTIONS)
            if not inside:
                raise InputError(f"{path}: no motions in it; give files or a folder of {', '.join(sorted(MOTIONS))}")
            files += inside
        elif path.is_file():
            files.append(path)
        else:
            raise InputError(f"{path}: no such file or folder; give a motion")
    names = [path.stem for path in files]
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"two motions are called {name}; rename one of them")
    return files


def read_targets(table: Path | None) -> dict[str, Target]:
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


def _target(line: dict[str, str]) -> Target:
    numbers = {
        name: float(line[name]) for name in ("published", "published_samples_m", "goal", "minutes") if line[name]
    }
    return Target(**numbers, measure=line["measure"] or Target.measure)


def measure_motion(path: Path, body: Character, config: TrainConfig, target: Target, folder: Path) -> dict[str, Any]:
    """Trains on one motion and judges it, or reads what was found before with the same settings."""
    task = Task(body, read_motion(path, body))
    settings = {"train": config.without_budget() | config.budget(), "target": asdict(target), "motion": str(path)}
    settings = json_format.loads(json_format.dumps(settings, default=str))
    kept = folder / "bench.json"
    if kept.is_file():
        try:
            entry = json_format.loads(kept.read_text(encoding="utf-8"))
            if entry["settings"] == settings:
                return entry
        except (ValueError, KeyError):
            pass  # damaged or of an earlier version: measured again
    with bar(path.stem) as progress:
        training = train_policy(task, config, folder, progress)
    rows = [
        *_evaluate(training.policy, task),
        *(
            Row(name, training.metrics[name], unit)
            for name, unit in (("samples", ""), ("train_seconds", "s"), ("cpu_seconds", "s"))
        ),
        Row("memory_mb", training.metrics["memory_mb"] + peak_memory_mb(), "MB", goal=2000.0, note="all processes"),
        Row("env_steps_per_second", training.metrics["env_steps_per_second"], note="wall clock, evaluations included"),
    ]
    rows = [
        replace(row, baseline=target.published, goal=target.goal) if row.name == target.measure else row for row in rows
    ]
    entry = {
        "settings": settings,
        "rows": [asdict(row) for row in rows],
        "date": date.today().isoformat(),
        "machine": describe_machine(),
    }
    write_json(kept, entry)
    return entry


def _evaluate(policy: Policy, task: Task) -> list[Row]:
    """All that is asked of a policy, by its mean actions unless said otherwise."""
    found = evaluate_policy(policy, task, EvaluateConfig(rollouts=ROLLOUTS)).figures
    pushed = push_survival(policy, task, rollouts=ROLLOUTS)
    force = f"{PUSH_FORCE:g} N for {PUSH_SECONDS:g} s, random sides and times; no fall to the end"
    kind = "20 s of a cycle" if task.motion.loop else "to the clip's end"
    rows = [
        Row("normalised_return", found["normalised_return"], "", 2 * ROLLOUTS, found["normalised_return_spread"]),
        Row("completed", found["completed"], "", 2 * ROLLOUTS, note=kind),
        Row("normalised_return_noisy", found["normalised_return_noisy"], "", 2 * ROLLOUTS, note="with action noise"),
        Row("completed_noisy", found["completed_noisy"], "", 2 * ROLLOUTS, note="with action noise"),
    ]
    for suffix, disturbed, note in (("", False, "from all phases"), ("_noisy_starts", True, "poses and speeds off")):
        scores = one_pass(policy, task, ROLLOUTS, disturbed)
        returns, completed = scores.normalised_return, float(scores.completed.mean())
        rows += [
            Row(f"one_pass_return{suffix}", float(returns.mean()), "", ROLLOUTS, float(returns.std()), note=note),
            Row(f"one_pass_completed{suffix}", completed, "", ROLLOUTS, goal=0.9, note=note),
        ]
    if end_meets_start(task):
        scores = in_a_row(policy, task, 10, ROLLOUTS)
        returns, completed = scores.normalised_return, float(scores.completed.mean())
        rows += [
            Row("ten_in_a_row_return", float(returns.mean()), "", ROLLOUTS, float(returns.std()), goal=0.7),
            Row("ten_in_a_row_completed", completed, "", ROLLOUTS),
        ]
    else:
        note = "the motion's end does not meet its start"
        rows += [Row(f"ten_in_a_row_{what}", None, note=note) for what in ("return", "completed")]
    return [
        *rows,
        Row("push_survival", pushed, "", ROLLOUTS, goal=0.8, note=force),
        Row("tracking_mpjpe_mm", found["tracking_mpjpe_mm"], "mm"),
        Row("foot_slide_mm_per_frame", found["foot_slide_mm_per_frame"], "mm"),
        Row("penetration_mm", found["penetration_mm"], "mm"),
    ]

"""`python -m sfv bench initial-states`: the paper's ablation of where episodes start (SFV, table 2)."""

import json as json_format
import shlex
import statistics
import sys
import tempfile
from datetime import date
from pathlib import Path
from typing import Literal

from imitate.env.task import Task
from imitate.robustness import one_pass
from imitate.rollout import EvaluateConfig, evaluate_policy
from imitate.training.config import TrainConfig
from imitate.training.train import train_policy
from pose.progress import Progress
from reconstruct.characters.character import load_character
from reconstruct.formats.read_motion import read_motion
from sfv.bench.train import list_motion_files
from sfv.console import bar
from sfv.rows import Row, describe_machine, show
from sfv.stage import write_json

Kind = Literal["fixed", "reference", "adaptive", "failures"]
KINDS: tuple[Kind, ...] = ("fixed", "reference", "adaptive", "failures")
TITLES = {
    "fixed": "fixed (first frame)",
    "reference": "reference (any frame)",
    "adaptive": "adaptive (SFV)",
    "failures": "where they are lost soon",
}
METRICS = ("normalised_return", "one_pass_return", "one_pass_completed")

HEAD = """# Where episodes start

The ablation of SFV's table 2: the same learner, the same number of samples, different distributions of initial states.
Mean and standard deviation over seeds, of the deterministic policy. The return is over 20 s of a cycle, from the first
frame and from phases along the motion; "one pass" from 32 phases along it. SFV's own figures, for fixed / reference /
adaptive starts and many times the samples: backflip .086 / .687 / .741, walk .435 / .738 / .932.
"""


def bench_initial_states(
    motion: tuple[Path, ...],
    samples: int = 1_000_000,
    seeds: int = 3,
    workers: int = 0,
    kinds: tuple[Kind, ...] = KINDS,
    character: str = "humanoid",
    out: Path | None = None,
    page: Path | None = None,
    json: bool = False,
) -> None:
    """Fixed, reference and adaptive initial states, and those that are lost soon, at equal samples.

    Args:
      motion: reference motions (DeepMimic .txt, or .npz of runs), or folders of them.
      samples: decisions of each training; none ends before.
      seeds: trainings of each kind.
      workers: processes of a training; 0: one a core.
      kinds: which distributions.
      character: body that is to perform them.
      out: folder that keeps policies and figures; the same command goes on from what is there. By default nothing is
        kept.
      page: Markdown page to write the table to.
      json: one JSON object on standard output instead of a table.
    """
    body, found = load_character(character), dict[str, dict[str, list[dict[str, float]]]]()
    with tempfile.TemporaryDirectory() as scratch:
        for path in list_motion_files(motion):
            task = Task(body, read_motion(path, body))
            found[path.stem] = {kind: [] for kind in kinds}
            # A seed of every kind before the next seed: what was measured at any time can be compared.
            for seed in range(seeds):
                for kind in kinds:
                    config = TrainConfig(
                        minutes=1e6,
                        samples=samples,
                        early_stop=False,
                        tensorboard=False,
                        seed=seed,
                        workers=workers,
                        initial_state=kind,
                        warm_start="none",
                    ).resolve()
                    folder = (out or Path(scratch)) / path.stem / f"{kind}_{seed}"
                    with bar(f"{path.stem}, {kind}, seed {seed}") as progress:
                        found[path.stem][kind].append(_measure_once(task, config, folder, progress))
    rows = [
        Row.mean_of(f"{name}_{kind}_{figure}", [run[figure] for run in runs], "")
        for name, by_kind in found.items()
        for kind, runs in by_kind.items()
        for figure in METRICS
    ]
    rows += [
        Row(f"{name}_adaptive_less_reference", _compute_lead(by_kind), goal=0.0, note="one pass")
        for name, by_kind in found.items()
        if {"adaptive", "reference"} <= set(by_kind)
    ]
    if page is not None:
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(format_page(found, samples), encoding="utf-8")
    show("initial-states", rows, json)


def _measure_once(task: Task, config: TrainConfig, folder: Path, progress: Progress) -> dict[str, float]:
    """Trains and judges once, or reads what was found before with the same settings."""
    settings = json_format.loads(json_format.dumps(config.without_budget() | {"samples": config.samples}, default=str))
    kept = folder / "figures.json"
    if kept.is_file():
        try:
            entry = json_format.loads(kept.read_text(encoding="utf-8"))
            if entry["settings"] == settings:
                return entry["figures"]
        except (ValueError, KeyError):
            pass  # damaged: measured again
    training = train_policy(task, config, folder, progress)
    judged = evaluate_policy(training.policy, task, EvaluateConfig()).figures
    once = one_pass(training.policy, task)
    figures = {
        "normalised_return": judged["normalised_return"],
        "one_pass_return": float(once.normalised_return.mean()),
        "one_pass_completed": float(once.completed.mean()),
    }
    write_json(kept, {"settings": settings, "figures": figures})
    return figures


def _compute_lead(by_kind: dict[str, list[dict[str, float]]]) -> float:
    adaptive, reference = (
        statistics.fmean(run["one_pass_return"] for run in by_kind[kind]) for kind in ("adaptive", "reference")
    )
    return adaptive - reference


def format_page(found: dict[str, dict[str, list[dict[str, float]]]], samples: int) -> str:
    """The table in Markdown: a line a motion and distribution."""
    lines = [HEAD, "| motion | starts | seeds | return | one pass | completed |", "|---|---|--:|--:|--:|--:|"]
    for name, by_kind in found.items():
        for kind, runs in by_kind.items():
            cells = [_format_cell([run[figure] for run in runs]) for figure in METRICS]
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

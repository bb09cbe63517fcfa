"""`python -m sfv bench initial-states`: the paper's ablation of where episodes start (SFV, table 2)."""

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Literal

from imitate.rollout import EvaluateConfig, evaluate_policy
from imitate.scene import Scene
from imitate.train import TrainConfig, train_policy
from reconstruct.character import load_character
from reconstruct.formats import read_motion
from sfv.console import bar
from sfv.figures import Row, mean_row, show

KINDS: tuple[Literal["fixed", "reference", "adaptive"], ...] = ("fixed", "reference", "adaptive")


def bench_initial_states(
    motion: tuple[Path, ...],
    samples: int = 1_000_000,
    seeds: int = 3,
    workers: int = 0,
    character: str = "humanoid",
    json: bool = False,
) -> None:
    """Fixed, reference and adaptive initial states at equal samples.

    Args:
      motion: reference motions (DeepMimic .txt, or .npz of runs).
      samples: decisions of each training; none ends before.
      seeds: trainings of each kind.
      workers: processes of a training; 0: one a core.
      character: body that is to perform them.
      json: one JSON object on standard output instead of a table.
    """
    body, rows = load_character(character), list[Row]()
    for path in motion:
        reference = read_motion(path, body)
        for kind in KINDS:
            returns, completed = list[float](), list[float]()
            for seed in range(seeds):
                config = replace(
                    TrainConfig(tensorboard=False, early_stop=False, minutes=1e4),
                    samples=samples,
                    seed=seed,
                    workers=workers,
                    initial_state=kind,
                )
                with tempfile.TemporaryDirectory() as folder, bar(f"{path.stem}, {kind}, seed {seed}") as progress:
                    training = train_policy(reference, body, Scene(), config, Path(folder), progress)
                found = evaluate_policy(training.policy, reference, body, Scene(), EvaluateConfig()).figures
                returns.append(found["normalised_return"])
                completed.append(found["completed"])
            rows += [
                mean_row(f"{path.stem}_{kind}_normalised_return", returns, ""),
                mean_row(f"{path.stem}_{kind}_completed", completed, ""),
            ]
    show("initial-states", rows, json)

"""`python -m sfv bench NAME`: everything measurable, by a command."""

import resource
import tempfile
from dataclasses import replace
from pathlib import Path

from imitate.rollout import EvaluateConfig, evaluate_policy
from imitate.scene import Scene
from imitate.train import TrainConfig, train_policy
from reconstruct.character import load_character
from reconstruct.formats import read_motion
from sfv.console import bar
from sfv.figures import Row, show


def bench_train(
    motion: Path,
    minutes: float = 6.0,
    samples: int | None = None,
    character: str = "humanoid",
    seed: int = 0,
    out: Path | None = None,
    json: bool = False,
) -> None:
    """Trains a policy on a motion file and judges it.

    Args:
      motion: reference motion (DeepMimic .txt, or .npz of a run).
      minutes: training budget [min].
      samples: training budget [decisions], none if left out.
      character: body that is to perform it.
      seed: of training.
      out: folder that keeps the policy; goes on from what is there. By default nothing is kept.
      json: one JSON object on standard output instead of a table.
    """
    body = load_character(character)
    reference = read_motion(motion, body)
    config = replace(TrainConfig(), minutes=minutes, samples=samples, seed=seed)
    with tempfile.TemporaryDirectory() as scratch, bar(motion.stem) as progress:
        training = train_policy(reference, body, Scene(), config, out or Path(scratch), progress)
        found = evaluate_policy(training.policy, reference, body, Scene(), EvaluateConfig()).figures
    cpu = resource.getrusage(resource.RUSAGE_CHILDREN)
    count = 2 * EvaluateConfig().rollouts
    rows = [
        Row("normalised_return", found["normalised_return"], "", count, found["normalised_return_spread"]),
        Row("completed", found["completed"], "", count),
        Row("normalised_return_noisy", found["normalised_return_noisy"], "", count),
        Row("completed_noisy", found["completed_noisy"], "", count),
        Row("tracking_mpjpe_mm", found["tracking_mpjpe_mm"], "mm"),
        Row("foot_slide_mm_per_frame", found["foot_slide_mm_per_frame"], "mm"),
        Row("penetration_mm", found["penetration_mm"], "mm"),
        Row("samples", training.figures["samples"]),
        Row("train_seconds", training.figures["train_seconds"], "s"),
        Row("cpu_seconds", cpu.ru_utime + cpu.ru_stime, "s", note="of this call's processes"),
        Row("env_steps_per_second", training.figures["env_steps_per_second"]),
    ]
    show("train", rows, json)

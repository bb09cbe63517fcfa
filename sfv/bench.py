"""`python -m sfv bench NAME`: everything measurable, by a command."""

import resource
import tempfile
from dataclasses import replace
from pathlib import Path

from imitate.benchmark import bare_steps_per_second, part_times
from imitate.policy import Policy
from imitate.robustness import end_meets_start, in_a_row, push_survival
from imitate.rollout import EvaluateConfig, evaluate_policy
from imitate.scene import Scene
from imitate.track import TrackConfig, track_motion
from imitate.train import TrainConfig, train_policy
from pose.cores import usable_cores
from reconstruct.character import Character, load_character
from reconstruct.formats import read_motion
from reconstruct.motion import ReferenceMotion
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
    pushed = push_survival(training.policy, reference, body, Scene())
    cpu = resource.getrusage(resource.RUSAGE_CHILDREN)
    count = 2 * EvaluateConfig().rollouts
    rows = [
        Row("normalised_return", found["normalised_return"], "", count, found["normalised_return_spread"]),
        Row("completed", found["completed"], "", count),
        Row("normalised_return_noisy", found["normalised_return_noisy"], "", count),
        Row("completed_noisy", found["completed_noisy"], "", count),
        Row("push_survival", pushed, "", 32, note="240 N for 0.2 s, random sides and times; no fall to the end"),
        *_in_a_row(training.policy, reference, body),
        Row("tracking_mpjpe_mm", found["tracking_mpjpe_mm"], "mm"),
        Row("foot_slide_mm_per_frame", found["foot_slide_mm_per_frame"], "mm"),
        Row("penetration_mm", found["penetration_mm"], "mm"),
        Row("samples", training.figures["samples"]),
        Row("train_seconds", training.figures["train_seconds"], "s"),
        Row("cpu_seconds", cpu.ru_utime + cpu.ru_stime, "s", note="of this call's processes"),
        Row("env_steps_per_second", training.figures["env_steps_per_second"]),
    ]
    show("train", rows, json)


def _in_a_row(policy: Policy, motion: ReferenceMotion, body: Character) -> list[Row]:
    """How the motion is done once and ten times without a pause, from disturbed first frames."""
    rows = list[Row]()
    for name, times in (("one_pass", 1), ("ten_in_a_row", 10)):
        if end_meets_start(motion):
            scores = in_a_row(policy, motion, body, Scene(), times)
            for what, values in (("return", scores.normalised_return), ("completed", scores.completed)):
                rows.append(Row(f"{name}_{what}", float(values.mean()), "", len(values), note="from the first frame"))
        else:
            note = "the motion's end does not meet its start"
            rows += [Row(f"{name}_{what}", None, note=note) for what in ("return", "completed")]
    return rows


def bench_draft(motion: Path, character: str = "humanoid", json: bool = False) -> None:
    """Performs a motion file by tracking control (iLQG), before any learning.

    Args:
      motion: reference motion (DeepMimic .txt, or .npz of a run).
      character: body that is to perform it.
      json: one JSON object on standard output instead of a table.
    """
    body = load_character(character)
    reference = read_motion(motion, body)
    with bar(motion.stem) as progress:
        draft = track_motion(reference, body, Scene(), TrackConfig(), progress)
    units = {"seconds": "s", "mm": "mm", "frame": "mm"}
    rows = [Row(name, value, units.get(name.rsplit("_", 1)[-1], "")) for name, value in draft.figures.items()]
    show("draft", rows, json)


def bench_physics(motion: Path, character: str = "humanoid", json: bool = False) -> None:
    """How fast the parts of training are, against bare physics.

    Args:
      motion: reference motion (DeepMimic .txt, or .npz of a run).
      character: body that performs it.
      json: one JSON object on standard output instead of a table.
    """
    body = load_character(character)
    reference = read_motion(motion, body)
    cores = usable_cores()
    limit = bare_steps_per_second(body, Scene(), reference, cores, 2.0)
    with bar("physics") as progress:
        parts = part_times(body, Scene(), reference, TrainConfig(), progress=progress)
    loop = 1e6 / (parts["collect"] + parts["update"])
    rows = [
        Row("limit_steps_per_second", limit, note=f"bare mj_step on {cores} threads, wall clock"),
        Row("loop_steps_per_second", loop * cores, note=f"one process by processor time, times {cores} cores"),
        *(
            Row(f"{name}_us", value, "us", note="processor time a decision, one process")
            for name, value in parts.items()
        ),
    ]
    show("physics", rows, json)

"""`python -m sfv bench loop`: speed of the training loop, under torchrun too."""

from pathlib import Path

from imitate.env.task import Task
from imitate.training.benchmark import loop_speed
from imitate.training.config import TrainConfig
from reconstruct.characters.character import load_character
from sfv.bench.inputs import read_motions
from sfv.rows import Row, show


def bench_loop(
    motion: Path | None = None, character: str = "humanoid", samples: int = 65_536, json: bool = False
) -> None:
    """Speed of the training loop in this process alone or, under torchrun, in all of them together.

    Args:
      motion: reference motion (DeepMimic .txt, or .npz of a run); default: the shipped walk.
      character: body that performs it.
      samples: control steps, all processes together.
      json: one JSON object on standard output instead of a table.
    """
    body = load_character(character)
    (reference,) = read_motions((motion,) if motion else (), body, ("walk",)).values()
    found = loop_speed(Task(body, reference), TrainConfig(), samples, workers=1)
    rows = [
        Row("loop_steps_per_second", found["wall"], note="wall clock, all processes"),
        Row("loop_steps_per_cpu_second", found["cpu"], note="a second of one core"),
        Row("processes", found["workers"]),
        Row("memory_mb", found["memory_mb"], "MB", note="all processes"),
    ]
    show("loop", rows, json)

"""`python -m sfv bench draft`: motions performed by tracking control."""

import time
from pathlib import Path

from imitate.env.task import Task
from imitate.tracking.draft import Draft
from imitate.tracking.physics_filter import compute_filter_metrics, to_physical_motion
from imitate.tracking.track import TrackConfig, track_motion
from reconstruct.characters.character import Character, load_character
from sfv.bench.inputs import read_motions
from sfv.console import bar
from sfv.rows import Row, show

GOALS = {"draft_completed": 1.0, "penetration_p95_mm": 20.0, "draft_wall_seconds": 60.0}
UNITS = {"seconds": "s", "mm": "mm", "frame": "mm"}
NOTES = {"draft_seconds": "processor time", "draft_wall_seconds": "wall clock"}


def bench_draft(
    motion: Path | None = None, character: str = "humanoid", out: Path | None = None, json: bool = False
) -> None:
    """Performs a motion file by tracking control (iLQG), before any learning.

    Args:
      motion: reference motion (.bvh, AMASS .npz, DeepMimic .txt, or .npz of a run); default: the shipped backflip.
      character: body that is to perform it.
      out: `.npz` file to write the physical motion to; it can be learnt from, drawn and exported like any other.
      json: one JSON object on standard output instead of a table.
    """
    body = load_character(character)
    ((name, reference),) = read_motions((motion,) if motion else (), body, ("backflip",)).items()
    task = Task(body, reference)
    began = time.monotonic()
    with bar(name) as progress:
        tracking = track_motion(task, TrackConfig(), progress)
    metrics = {**tracking.metrics, "draft_wall_seconds": time.monotonic() - began}
    if out is not None:
        to_physical_motion(tracking.draft, task).save(out)
    rows = [
        Row(name, value, UNITS.get(name.rsplit("_", 1)[-1], ""), goal=GOALS.get(name), note=NOTES.get(name, ""))
        for name, value in metrics.items()
    ]
    show("draft", rows + _compare_filtered(tracking.draft, body), json)


def _compare_filtered(draft: Draft, body: Character) -> list[Row]:
    """How far the physical motion is from its reference, and what forces each of the two would need."""
    filtered = compute_filter_metrics(draft, body)
    return [
        Row("filter_mpjpe_mm", filtered["filter_mpjpe_mm"], "mm", note="physical motion from the reference, world"),
        Row(
            "filter_unsupported",
            filtered["filter_unsupported"],
            baseline=filtered["reference_unsupported"],
            note="force that nothing could give [body weights]; baseline: of the reference",
        ),
    ]

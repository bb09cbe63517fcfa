"""`python -m sfv bench draft`: motions performed by tracking control."""

import time
from pathlib import Path

from imitate.env.task import Task
from imitate.tracking.physics_filter import filter_figures, physical_motion
from imitate.tracking.track import TrackConfig, track_motion
from reconstruct.characters.character import load_character
from reconstruct.formats.read_motion import read_motion
from sfv.console import bar
from sfv.rows import Row, show

GOALS = {"draft_completed": 1.0, "penetration_p95_mm": 20.0, "draft_wall_seconds": 60.0}


def bench_draft(motion: Path, character: str = "humanoid", out: Path | None = None, json: bool = False) -> None:
    """Performs a motion file by tracking control (iLQG), before any learning.

    Args:
      motion: reference motion (.bvh, AMASS .npz, DeepMimic .txt, or .npz of a run).
      character: body that is to perform it.
      out: file to write the physical motion to, `.npz`: it can be learnt from, drawn and exported like any other.
      json: one JSON object on standard output instead of a table.
    """
    body = load_character(character)
    task = Task(body, read_motion(motion, body))
    began = time.monotonic()
    with bar(motion.stem) as progress:
        draft = track_motion(task, TrackConfig(), progress)
    figures = {**draft.figures, "draft_wall_seconds": time.monotonic() - began}
    filtered = filter_figures(draft, body)
    if out is not None:
        physical_motion(draft, task).save(out)
    units = {"seconds": "s", "mm": "mm", "frame": "mm"}
    notes = {"draft_seconds": "processor time", "draft_wall_seconds": "wall clock"}
    rows = [
        Row(name, value, units.get(name.rsplit("_", 1)[-1], ""), goal=GOALS.get(name), note=notes.get(name, ""))
        for name, value in figures.items()
    ]
    rows += [
        Row("filter_mpjpe_mm", filtered["filter_mpjpe_mm"], "mm", note="physical motion from the reference, world"),
        Row(
            "filter_unsupported",
            filtered["filter_unsupported"],
            baseline=filtered["reference_unsupported"],
            note="force that nothing could give [body weights]; baseline: of the reference",
        ),
    ]
    show("draft", rows, json)

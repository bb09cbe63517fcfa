"""What `sfv play --motion` does without a tracker, for comparison: tracking control follows the held-out clips."""

import json
import math
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from imitate.env.task import Task
from imitate.tracker.prepare import Prepared
from pose.cores import usable_cores
from pose.errors import InputError
from pose.files import replace_file
from pose.foreign_files import read_table
from pose.work_pool import finish_in_processes
from reconstruct.characters.character import load_character
from sfv.commands.play_motion import perform_by_control
from sfv.console import bar
from sfv.rows import Row

FOLDER = "control"
"""Folder of a note for each clip, in the folder of the clips."""
MEASURED = {"followed", "mpjpe_mm", "cpu_seconds", "seconds", "kind"}


def measure_control(clips: Sequence[Prepared], folder: Path, workers: int = 0) -> list[Row]:
    """Rows about tracking control on clips; those that have a note are not performed again.

    Args:
      clips: to follow.
      folder: of the clips.
      workers: processes; 0 for one a core.
    """
    notes = folder / FOLDER
    notes.mkdir(exist_ok=True)
    missing = {
        notes / f"{clip.name}.json": partial(perform, clip)
        for clip in clips
        if not (notes / f"{clip.name}.json").is_file()
    }
    with bar("tracking control") as progress:
        done = len(clips) - len(missing)
        for path, found in finish_in_processes(missing, workers or usable_cores()):
            with replace_file(path) as temporary:
                temporary.write_text(json.dumps(found), encoding="utf-8")
            done += 1
            progress(done, len(clips), path.stem)
    return describe([read_note(notes / f"{clip.name}.json") for clip in clips])


def perform(clip: Prepared) -> dict[str, Any]:
    """How tracking control follows a clip, as `sfv play --motion` does, on one core."""
    task, began = Task(load_character(clip.motion.character, clip.motion.height), clip.motion), time.process_time()
    metrics = perform_by_control(task, threads=1).metrics
    error = metrics["tracking_world_mpjpe_mm"]
    return {
        "kind": clip.kind,
        "seconds": clip.motion.duration,
        "followed": metrics["draft_completed"],
        "mpjpe_mm": error if math.isfinite(error) else None,
        "cpu_seconds": time.process_time() - began,
    }


def read_note(path: Path) -> dict[str, Any]:
    """What `perform` found; raises `InputError` for a damaged file."""
    note = read_table(path, "a note of tracking control", "delete it, and measure again")
    if set(note) != MEASURED:
        raise InputError(f"{path}: not a note of tracking control; delete it, and measure again")
    return note


def describe(notes: Sequence[dict[str, Any]]) -> list[Row]:
    """Rows about all clips, and about each kind of motion."""
    errors = [note["mpjpe_mm"] for note in notes if note["mpjpe_mm"] is not None]
    rows = [
        Row.mean_of("tracker_control_followed", [note["followed"] for note in notes], "", goal=0.8),
        Row.mean_of("tracker_control_mpjpe_mm", errors, "mm", goal=60.0),
        Row.mean_of("tracker_control_cpu_s_per_s", [note["cpu_seconds"] / note["seconds"] for note in notes], "s"),
    ]
    for kind in dict.fromkeys(note["kind"] for note in notes):
        followed = [note["followed"] for note in notes if note["kind"] == kind]
        rows.append(Row.mean_of(f"tracker_control_{kind.replace(' ', '_')}_followed", followed, ""))
    return rows

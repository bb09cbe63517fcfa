"""The library of skills: motions that our body performed in simulation after motion capture, and performs again.

assets/library has a performance (`imitate.tracker.performance`) for each skill, `index.json` about all of them, and
`clips.csv`, the clips of CMU's that they were made of. No policy is needed: tracking control performs them.
"""

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from imitate.env.env import EnvConfig, ImitationEnv
from imitate.env.task import Task
from imitate.rollout import Rollout, RolloutMetrics, run_episodes
from imitate.tracker.performance import Controller, Performance
from imitate.tracker.prepare import FOLLOWED, TRAINING, Prepared
from imitate.tracker.segments import read_list
from imitate.tracking.draft import Draft
from pose.errors import InputError
from pose.foreign_files import read_table, refuse_damaged
from pose.progress import Progress, silent
from reconstruct.characters.assets_folder import ASSETS
from reconstruct.characters.character import Character, load_character
from reconstruct.motion import ReferenceMotion
from sfv.stage import write_json

LIBRARY = ASSETS / "library"
INDEX, CLIPS = "index.json", "clips.csv"
LICENCE = "CMU Graphics Lab Motion Capture Database, free for all uses; see assets/library/LICENSE"
NOTE_MEND = "delete it, and prepare again"
AFTER_OTHERS = 1_000_000
"""Order of the first skill among prepared segments."""
ROLLOUTS = 16
"""Rollouts from disturbed starts that a skill is measured by."""
LEAST_DRAFT, LEAST_RETURN, LEAST_COMPLETED = 0.85, 0.9, 0.9
"""What ships: return of the draft against the motion capture, return of the skill, share of disturbed starts done."""


@dataclass(frozen=True)
class LibrarySkill:
    """A skill of the library."""

    name: str
    path: Path
    """The performance."""
    note: dict[str, Any]
    """What the index says: clip, kind, seconds, normalised_return, completed."""

    @property
    def kind(self) -> str:
        """Kind of motion."""
        return str(self.note["kind"])

    @cached_property
    def performance(self) -> Performance:
        """What was performed, read from its file."""
        return Performance.load(self.path)

    @property
    def reference(self) -> ReferenceMotion:
        """The motion that was performed."""
        return self.performance.motion

    @property
    def character(self) -> Character:
        """The body itself."""
        return load_character(self.reference.character, self.reference.height)

    @cached_property
    def task(self) -> Task:
        """The task of performing it again."""
        return Task(self.character, self.reference)

    @property
    def performer(self) -> Draft:
        """The controller that performs it again, computed in about a second."""
        return self.performance.make_draft(self.task)

    def perform(self) -> tuple[Rollout, Task]:
        """Performs it from its first frame on, by tracking control."""
        env, recorder = ImitationEnv(self.task, EnvConfig(action_scale=1.0), 1), RolloutMetrics()
        controller = Controller(self.performer, env)
        scores = run_episodes(env, controller, np.zeros(1, dtype=np.int64), recorder=recorder)
        return recorder.rollout(terminated=not scores.completed[0]), self.task


def library_skills(folder: Path = LIBRARY) -> Iterator[LibrarySkill]:
    """The skills of the library, by name."""
    index = folder / INDEX
    for name, note in json.loads(index.read_text(encoding="utf-8")).items() if index.is_file() else ():
        yield LibrarySkill(name, folder / f"{name}.npz", note)


def find_library_skill(name: str) -> LibrarySkill | None:
    """The skill of that name; None if the library has none."""
    return next((skill for skill in library_skills() if skill.name == name), None)


def make_library(
    prepared: Path, folder: Path = LIBRARY, clips: Path = LIBRARY / CLIPS, progress: Progress = silent
) -> dict[str, str]:
    """Makes the library of the prepared segments that the table of clips names and that are good enough.

    A skill that is there already, of the same part of the same clip, stays; delete its file to have it made again. What
    is good enough is written at once, so the same call goes on where it was stopped.

    Args:
      prepared: folder that `sfv tracker prepare --listed` wrote.
      folder: where performances and the index go.
      clips: the table.
      progress: is called with the skills done.

    Returns:
      Why each of the others is left out, by name; one that was there before stays as it was.

    Raises:
      InputError: not one of the segments is there.
    """
    left_out, listed = dict[str, str](), read_list(clips)
    index = {
        skill.name: skill.note for skill in library_skills(folder) if skill.path.is_file() and skill.name in listed
    }
    for count, (name, segment) in enumerate(listed.items()):
        progress(count, len(listed), name)
        part = {"clip": segment.clip, "start": segment.start, "end": segment.end, "kind": segment.kind}
        if name in index and part.items() <= index[name].items():
            continue
        note_path = prepared / TRAINING / f"{segment.name}.json"
        if fault := find_fault(note_path):
            left_out[name] = fault
            continue
        performance, measured = make_skill(Prepared.load(note_path.with_suffix(".npz")))
        if measured["normalised_return"] < LEAST_RETURN or measured["completed"] < LEAST_COMPLETED:
            left_out[name] = f"performed again {measured['completed']:.0%}, return {measured['normalised_return']:.2f}"
            continue
        note = _read_note(note_path)
        about = {"description": note["description"], "draft_return": round(note["draft_return"], 4)}
        performance.save(folder / f"{name}.npz")
        # Numbers that are not finite are unknown.
        known = {key: value if math.isfinite(value) else None for key, value in measured.items()}
        index[name] = part | about | known
        write_json(folder / INDEX, dict(sorted(index.items())))
    if not index:
        raise InputError(f"{prepared}: none of the skills of {clips} is there: sfv tracker prepare --listed {clips}")
    write_json(folder / INDEX, dict(sorted(index.items())))
    return left_out


def prepare_library(folder: Path, progress: Progress = silent) -> None:
    """Prepares the skills of the library for a tracker to learn from, as they were performed, in a second each.

    A skill that has a note is done.

    Args:
      folder: as of `sfv tracker prepare`, where notes and archives go into `training`, after all other segments.
      progress: is called with the skills done.
    """
    skills = list(library_skills())
    for count, skill in enumerate(skills):
        progress(count, len(skills), skill.name)
        path = folder / TRAINING / f"{skill.name}.json"
        if path.is_file():
            continue
        Prepared(skill.name, skill.kind, skill.reference, skill.performer).save(path.with_suffix(".npz"))
        about = {key: skill.note[key] for key in ("clip", "start", "end", "kind", "description", "seconds")}
        write_json(path, about | {"result": FOLLOWED, "order": AFTER_OTHERS + count})


def find_fault(path: Path) -> str:
    """Why the prepared segment of a note is not good enough to be performed; empty if it is."""
    if not path.is_file():
        return "not prepared"
    note = _read_note(path)
    with refuse_damaged(path, "a segment's note", NOTE_MEND):
        if note["result"] == FOLLOWED and note["draft_return"] >= LEAST_DRAFT:
            return ""
        return f"tracking control: {note['result']}, return {note.get('draft_return', 0.0):.2f}"


def _read_note(path: Path) -> dict[str, Any]:
    return read_table(path, "a segment's note", NOTE_MEND)


def make_skill(prepared: Prepared) -> tuple[Performance, dict[str, float]]:
    """The performance of a prepared segment, measured from disturbed starts as it is read from its file.

    Returns:
      The performance, and `seconds`, `normalised_return`, `completed` and `tracking_world_mpjpe_mm` of it performed
      again.
    """
    assert prepared.draft is not None
    character = load_character(prepared.motion.character, prepared.motion.height)
    performance = Performance.of_draft(prepared.draft, Task(character, prepared.motion))
    with TemporaryDirectory() as folder:
        performance.save(Path(folder) / "skill.npz")
        found = Performance.load(Path(folder) / "skill.npz")
    task = Task(character, found.motion)
    env, recorder = ImitationEnv(task, EnvConfig(action_scale=1.0), ROLLOUTS), RolloutMetrics()
    controller, first = Controller(found.make_draft(task), env), np.zeros(ROLLOUTS, dtype=np.int64)
    scores = run_episodes(env, controller, first, start_rng=np.random.default_rng(0), recorder=recorder)
    return performance, {
        "seconds": round(found.motion.duration, 2),
        "normalised_return": round(float(scores.normalised_return.mean()), 4),
        "completed": round(float(scores.completed.mean()), 4),
        "tracking_world_mpjpe_mm": round(recorder.means()["tracking_world_mpjpe_mm"], 1),
    }

"""`python -m sfv bench tracker`: how well one policy follows clips, learnt and held out."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import numpy as np
import tyro

from imitate.env.task import Task
from imitate.policy import Policy, load_torch
from imitate.tracker.evaluation import Following, follow_clips, load_tracker
from imitate.tracker.improve import TUNING, improve_tracker
from imitate.tracker.prepare import FOLLOWED, TEST, TRAINING, Prepared, count_results, load_clips, read_notes
from imitate.tracker.train import CLONE_VERSION, TRACKER
from imitate.tracker.world_train import WORLD_VERSION
from pose.errors import InputError
from pose.files import CHECKPOINT, replace_file
from pose.foreign_files import refuse_damaged
from reconstruct.characters.character import load_character
from sfv.bench.tracker_control import measure_control
from sfv.bench.tracker_page import write_page
from sfv.bench.tracker_ways import read_ways, write_ways
from sfv.commands.tracker_improve import IMPROVED, PPO, make_tasks
from sfv.console import bar
from sfv.library import library_skills
from sfv.rows import Row, show

ACTIONS = 300
"""Single actions whose time is measured."""
GOALS = {"followed": 0.8, "mpjpe_mm": 60.0, "action_us": 200.0, "tuned_followed": 0.95}


def bench_tracker(
    out: Annotated[Path, tyro.conf.arg(aliases=["-o"])] = Path("runs/tracker"),
    json: bool = False,
    page: Path | None = None,
    tracker: Path | None = None,
    tune: float = 0.0,
    ways: Path | None = None,
    control: bool = False,
) -> None:
    """Lets a trained tracker follow the clips of its folder, learnt and held out; measures how long an action takes.

    Args:
      out: folder of sfv tracker prepare and train.
      json: one JSON object on standard output instead of a table.
      page: Markdown page to write, e.g. docs/tracker.md.
      tracker: file of the tracker; default tracker.pt in the folder. After sfv tracker improve, improved.pt.
      tune: fine-tunes the tracker on each held-out clip by itself, for so long [min]; 0 for not at all.
      control: lets tracking control follow the held-out clips as well; the same command goes on with that.
      ways: folder of sfv bench tracker-ways, whose results stand on the page, too.
    """
    if page is not None and not page.parent.is_dir():
        raise InputError(f"{page}: no folder {page.parent}; make it first, or give another --page")
    if tune and not 0.01 <= tune <= 1e4:
        raise InputError(f"--tune {tune:g} is out of range; give minutes a clip, .01 to 10000, or 0")
    policy = load_tracker(tracker or out / TRACKER)
    training = load_torch(out / "checkpoint.pt", "checkpoint of a tracker")
    if training.get("format") not in (CLONE_VERSION, WORLD_VERSION):
        raise InputError(f"{out / 'checkpoint.pt'}: of another version of the tracker; train it anew")
    own = [clip for clip in load_clips(out) if clip.name in training["clips"]]
    if not own:
        raise InputError(
            f"{out}: none of the clips that were learnt is there; train again: sfv tracker train --out {out}"
        )
    rows = measure_clips("tracker_learnt", policy, own)
    held_out = load_clips(out, TEST)
    rows += measure_clips("tracker", policy, held_out, GOALS["followed"], GOALS["mpjpe_mm"])
    if tune:
        rows += measure_tuned(policy, held_out, tune)
    if control:
        rows += measure_control(held_out, out)
    rows.append(Row("tracker_decision_us", measure_action_time(policy), "us", ACTIONS, goal=GOALS["action_us"]))
    rows += [*describe_training(training), *describe_improving(out, tracker), *count_prepared(out)]
    rows += measure_library()
    show("tracker", rows, json)
    if page is not None:
        with replace_file(page) as temporary:
            temporary.write_text(write_page(rows, write_ways(read_ways(ways)) if ways else []), encoding="utf-8")


def measure_clips(
    prefix: str, policy: Policy, clips: Sequence[Prepared], followed: float | None = None, error: float | None = None
) -> list[Row]:
    """How clips are followed from their first frames, all together and by kind of motion.

    Args:
      prefix: of the rows' names.
      policy: the tracker.
      clips: to follow.
      followed: goal of the share that is followed to the end.
      error: goal of the mean error [mm].
    """
    motion = clips[0].motion
    character = load_character(motion.character, motion.height)
    found = follow_clips(policy, [Task(character, clip.motion) for clip in clips])
    rows = _rows(prefix, found, np.ones(len(clips), dtype=bool), followed, error)
    kinds = np.array([clip.kind for clip in clips])
    for kind in dict.fromkeys(kinds):
        rows += _rows(f"{prefix}_{kind.replace(' ', '_')}", found, kinds == kind)[:2]
    return rows


def measure_tuned(policy: Policy, clips: Sequence[Prepared], minutes: float) -> list[Row]:
    """How clips are followed by trackers that were fine-tuned on them, each for some minutes by itself."""
    found, tasks, seconds = list[Following](), make_tasks(clips), list[float]()
    with bar("fine-tuning") as progress:
        for count, (clip, task) in enumerate(zip(clips, tasks, strict=True)):
            progress(count, len(clips), clip.name)
            with TemporaryDirectory() as folder:
                tuned, metrics = improve_tracker(policy, [task], Path(folder), replace(TUNING, minutes=minutes))
            found.append(follow_clips(tuned, [task]))
            seconds.append(metrics["train_seconds"])
    names = [field.name for field in fields(Following)]
    every = Following(*(np.concatenate([getattr(each, name) for each in found]) for name in names))
    rows = _rows("tracker_tuned", every, np.ones(len(clips), dtype=bool), GOALS["tuned_followed"])
    return [*rows, Row.mean_of("tracker_tuned_seconds", seconds, "s")]


def _rows(
    prefix: str, found: Following, these: np.ndarray, followed: float | None = None, error: float | None = None
) -> list[Row]:
    """Rows about some of the clips."""
    mpjpe = (1e3 * found.error[these]).tolist()
    return [
        Row(f"{prefix}_followed", float(found.followed[these].mean()), n=int(these.sum()), goal=followed),
        Row.mean_of(f"{prefix}_mpjpe_mm", mpjpe, "mm", goal=error),
        Row.mean_of(f"{prefix}_share", found.share[these].tolist(), "of the clip"),
        Row.mean_of(f"{prefix}_return", found.normalised_return[these].tolist(), ""),
    ]


def measure_action_time(policy: Policy) -> float:
    """Processor time of one action [us]."""
    seen = np.zeros((1, policy.layout.observation_size), dtype=np.float32)
    policy.act(seen)
    began = time.process_time()
    for _ in range(ACTIONS):
        policy.act(seen)
    return 1e6 * (time.process_time() - began) / ACTIONS


def describe_training(content: Mapping[str, Any]) -> list[Row]:
    """How long the policy of a checkpoint has been trained, and on how many simulated states."""
    return [
        Row("tracker_train_minutes", float(content["seconds"]) / 60.0, "min", note="wall clock"),
        Row("tracker_train_cpu_minutes", float(content["cpu_seconds"]) / 60.0, "min"),
        Row("tracker_train_states", float(content["samples"])),
    ]


def describe_improving(folder: Path, tracker: Path | None) -> list[Row]:
    """How long PPO improved the tracker, if it is that of the folder's; how it began stands in the other rows."""
    if tracker is None or tracker.resolve() != (folder / IMPROVED).resolve():
        return []
    content = load_torch(folder / PPO / CHECKPOINT, "checkpoint of a training").get("content", {})
    with refuse_damaged(folder / PPO / CHECKPOINT, "a checkpoint of a training", "improve the tracker again"):
        return [
            Row("tracker_improve_minutes", float(content["seconds"]) / 60.0, "min", note="wall clock"),
            Row("tracker_improve_cpu_minutes", float(content["cpu_seconds"]) / 60.0, "min"),
            Row("tracker_improve_samples", float(content["samples"])),
        ]


def count_prepared(folder: Path) -> list[Row]:
    """What became of the segments that were prepared to learn from, and what a second of motion cost."""
    notes = read_notes(folder / TRAINING)
    rows = [Row(f"tracker_clips_{what}", count, n=len(notes)) for what, count in count_results(notes).items()]
    tracked = [note for note in notes if "draft_return" in note]
    cost = [note["cpu_seconds"] / note["seconds"] for note in tracked]
    done = [note["draft_return"] for note in tracked if note["result"] == FOLLOWED]
    return [*rows, Row.mean_of("tracker_draft_cpu_s_per_s", cost, "s"), Row.mean_of("tracker_draft_return", done, "")]


def measure_library() -> list[Row]:
    """The skills that ship, as they were measured when they were made."""
    skills = list(library_skills())
    size = sum(skill.path.stat().st_size for skill in skills)
    return [
        Row("library_skills", len(skills), goal=60.0),
        Row("library_bytes", size, "B"),
        Row.mean_of("library_return", [skill.note["normalised_return"] for skill in skills], ""),
        Row.mean_of("library_completed", [skill.note["completed"] for skill in skills], ""),
        Row.mean_of("library_draft_return", [skill.note["draft_return"] for skill in skills], ""),
    ]

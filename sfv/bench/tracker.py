"""`python -m sfv bench tracker`: how well one policy follows clips, learnt and held out."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from datetime import date
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
from sfv.commands.tracker_improve import IMPROVED, PPO, make_tasks
from sfv.console import bar
from sfv.library import library_skills
from sfv.rows import Row, describe_machine, show

ACTIONS = 300
"""Single actions whose time is measured."""
GOALS = {"followed": 0.8, "mpjpe_mm": 60.0, "action_us": 200.0, "tuned_followed": 0.95}


def bench_tracker(
    out: Annotated[Path, tyro.conf.arg(aliases=["-o"])] = Path("runs/tracker"),
    json: bool = False,
    page: Path | None = None,
    tracker: Path | None = None,
    tune: float = 0.0,
) -> None:
    """Lets a trained tracker follow the clips of its folder, learnt and held out; measures how long an action takes.

    Args:
      out: folder of sfv tracker prepare and train.
      json: one JSON object on standard output instead of a table.
      page: Markdown page to write, e.g. docs/tracker.md.
      tracker: file of the tracker; default tracker.pt in the folder. After sfv tracker improve, improved.pt.
      tune: fine-tunes the tracker on each held-out clip by itself, for so long [min]; 0 for not at all.
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
    rows.append(Row("tracker_decision_us", measure_action_time(policy), "us", ACTIONS, goal=GOALS["action_us"]))
    rows += [*describe_training(training), *describe_improving(out, tracker), *count_prepared(out)]
    rows += measure_library()
    show("tracker", rows, json)
    if page is not None:
        write_page(page, rows)


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


HEAD = """# One policy for any motion

For readers who want one policy that follows any motion: how far the training of such a *tracker* has come, what it
costs, and how to go on with it. **None ships yet.** What ships is the library, skills that tracking control performs
(`sfv play` lists them).

A tracker observes the next half second of any reference and follows it. It is trained on CMU's motion capture, the
skills of the library and the mirror images of both, by cloning iLQG's controllers (Merel et al. 2018) with DAgger (Ross
et al. 2011); PPO can go on from there.

- *Followed* means to the end of the clip: not fallen, and no key body ever .5 m from the reference.
- *mpjpe* is the mean distance of the bodies from the reference, in the world, until then; a clip that is lost in its
  first step has none.
- `tracker_learnt_...` are the clips that were learnt from; all other `tracker_...` are clips of held-out subjects.
- `tracker_tuned_...` are there with `--tune MINUTES`: the held-out clips after so much PPO on each of them by itself.
- `tracker_clips_...` counts what became of the segments. *object* are those that tracking control could not follow and
  in which nothing carries the person for .8 s, as on stools and climbing frames; cartwheels and rolls that it could not
  follow are often counted there, too.

| row | value | n | spread | goal |
|---|--:|--:|--:|--:|
"""
FOOT = """
How it is done, and how to go on (each command can be stopped and resumed; more `--clips`, more `--minutes` add):

    sfv tracker prepare --archive cmu24.tar.xz --library --listed assets/library/clips.csv --clips 100 \\
        --out runs/tracker
    sfv tracker train --out runs/tracker --minutes 600
    sfv tracker improve --out runs/tracker --minutes 600
    sfv bench tracker --tracker runs/tracker/improved.pt --tune 1
    sfv tracker library --prepared runs/tracker --out assets/library

`--library` adds the skills of the library, which are prepared sooner: their references are physical already, while
those of the clips are as people moved. How fast it learns depends on how good the controllers' gains are, and on time
and clips; what was tried is in [results.md](results.md#one-policy-for-many-motions).

`sfv tracker improve` goes on from tracker.pt by PPO and leaves improved.pt beside it. Reward, endings and pushes are
those of single skills. Episodes start anywhere in the clips, more often where they soon fail. The value function, which
cloning does not learn, is fitted first; the normaliser of the observations stays. The tracker as it was is the first
that is evaluated, so by the evaluations what is kept is never worse. With more clips it begins anew (delete the folder
ppo), from improved.pt if that takes the name tracker.pt.

`sfv clip --warm-start tracker --tracker FILE` learns a skill from a tracker. It is fine-tuned on the motion for a
minute, also by PPO, and compared with the draft's controller from states about the reference. The better one
is imitated, then PPO goes on; so the skill's policy is like any other, for `play`, `export` and `live`. On other than
level ground, and for a body of another height, the draft is imitated.

Some motions are not completed with these quick settings (of what ships, dive_roll and salsa). The settings of a single
skill, which take three times as long, may complete them:

    grep -E '^(skill|dive_roll|salsa),' assets/library/clips.csv > two.csv
    sfv tracker prepare --archive cmu24.tar.xz --listed two.csv --clips 0 --test-clips 0 \\
        --out runs/tracker_thorough --track.horizon 24 --track.stride 2 --track.iterations 6
    sfv tracker library --prepared runs/tracker_thorough --out assets/library

`sfv play --motion FILE --tracker FILE` performs any file by a tracker, at once. Where that falls, and without one, it
is tracking control: 4 to 5 s of a core for a second of motion, some 16 s if the quick settings fall, for then the
slower ones run as well. `sfv complete` finds skills of the library, too, and goes on from the picture by their
controllers; `sfv live` and sequences take only skills with policies.

## Through a learned model of the physics

    cp -r runs/tracker runs/tracker_world && rm -f runs/tracker_world/checkpoint.pt runs/tracker_world/tracker.pt
    sfv tracker world --out runs/tracker_world --minutes 600
    sfv bench tracker --out runs/tracker_world

The same policy, trained as in SuperTrack (Fussell et al. 2021): a network of .27 million parameters learns what the
simulator does in a control step, from windows of 8 steps, and the policy is fitted by following the reference in it for
32 steps, with gradients through all of them. The simulator gives only data. Differences from the paper:

- The network gives the change of the generalised velocity (34 numbers) and its mean over the step, not accelerations of
  13 bodies (78 numbers). Observations, servos and the reward are in joint coordinates, which bodies that have come
  apart would not have; poses move by that mean on the tangent space, and bodies follow by exact kinematics.
- Distances from the reference are in the world, not in the root's frame: what the body loses on the way counts.
- Episodes begin on tracking control's performances, as in cloning; nobody is asked what to do there.

**It is built and tested, but not yet compared**: how well it follows clips, and how soon, is not known.
One core simulates some 5,700 states a second; a step of the model's optimiser on 64 windows takes 68 ms, one of the
policy's on 64 rollouts .45 s (processor time of one core that had other work, 2026-11-29).
"""


def write_page(path: Path, rows: Sequence[Row]) -> None:
    """Writes the page of results."""
    machine = describe_machine()
    lines = [
        f"| `{row.name}` | {_text(row.value)} {row.unit} | {row.n or ''} | {_text(row.spread)} | {_text(row.goal)} |"
        for row in rows
    ]
    made = f"Measured {date.today()} on a machine of {machine['cores']} cores ({machine['processor']})."
    text = HEAD + "\n".join(lines) + f"\n\n{made}\n\n    sfv bench tracker --page docs/tracker.md\n" + FOOT
    with replace_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _text(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"

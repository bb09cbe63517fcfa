"""`python -m sfv tracker improve`: a tracker goes on from what it was cloned to, by PPO."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated

import numpy as np
import tyro

from imitate.env.task import Task
from imitate.policy import Policy
from imitate.tracker.evaluation import follow_clips, load_tracker
from imitate.tracker.improve import ImproveConfig, improve_tracker
from imitate.tracker.mirror import is_symmetric, mirror_clip
from imitate.tracker.prepare import Prepared, load_clips
from imitate.tracker.train import TRACKER
from imitate.training.loop import BEST_POLICY
from imitate.training.train import TrainingError
from reconstruct.characters.character import load_character
from sfv.console import bar, console
from sfv.run_folder import lock_folder

IMPROVED, PPO = "improved.pt", "ppo"
"""File of the tracker after PPO, and folder of that training, in the folder of the clips."""


@dataclass(frozen=True)
class TrackerImproveConfig:
    """What is learnt from, and how."""

    out: Annotated[Path, tyro.conf.arg(aliases=["-o"])] = Path("runs/tracker")
    """Folder of sfv tracker prepare and train; the policy, improved.pt, goes there, its training into ppo."""
    clips: int | None = None
    """Most clips to learn from, of all kinds; default all that are there."""
    mirror: bool = True
    """Learn from the mirror images of the clips as well; a body whose sides differ has none."""
    improve: Annotated[ImproveConfig, tyro.conf.arg(name="")] = field(default_factory=ImproveConfig)


def improve_trained(config: Annotated[TrackerImproveConfig, tyro.conf.arg(name="")]) -> None:
    """The policy tracker.pt goes on learning all prepared clips, by PPO; Ctrl-C keeps it, more --minutes go on."""
    improve = config.improve.check()
    clips, policy = load_clips(config.out, count=config.clips), load_tracker(config.out / TRACKER)
    tasks = make_tasks(clips)
    learnt, body = [*tasks], tasks[0].character
    if config.mirror and is_symmetric(body):
        learnt += make_tasks([mirror_clip(replace(clip, draft=None), body) for clip in clips])
    result = config.out / IMPROVED
    with lock_folder(config.out), bar("tracker improve") as progress:
        try:
            improve_tracker(policy, learnt, config.out / PPO, improve, progress)
        except (KeyboardInterrupt, TrainingError):
            keep_best(config.out)
            raise
        keep_best(config.out)
    before, after = (describe_following(each, tasks) for each in (policy, load_tracker(result)))
    console.print(
        f"{result}: {after} (before: {before}); held-out clips: sfv bench tracker --out {config.out} --tracker {result}"
    )


def keep_best(folder: Path) -> None:
    """Writes the best policy so far as the improved tracker, if one has been evaluated."""
    best = folder / PPO / BEST_POLICY
    if best.is_file():
        Policy.load(best).save_actor(folder / IMPROVED)


def make_tasks(clips: Sequence[Prepared]) -> list[Task]:
    """The tasks of following clips of one body."""
    motion = clips[0].motion
    character = load_character(motion.character, motion.height)
    return [Task(character, clip.motion) for clip in clips]


def describe_following(policy: Policy, tasks: Sequence[Task]) -> str:
    """How a tracker follows clips from their first frames, in words."""
    found = follow_clips(policy, tasks)
    known = found.error[np.isfinite(found.error)]
    off = f"bodies off by {1e3 * known.mean():.0f} mm" if len(known) else "all lost in the first step"
    return f"{found.followed.mean():.0%} of {len(tasks)} clips followed to the end, {off}"

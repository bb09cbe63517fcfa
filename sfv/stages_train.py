"""The stage of training: from the draft, a tracker, or nothing, to the policy that performs a motion."""

from dataclasses import dataclass
from pathlib import Path

from imitate.env.task import Task
from imitate.tracker.evaluation import load_tracker
from imitate.tracker.tune import train_from_tracker
from imitate.tracking.draft import Draft
from imitate.training.config import BUDGET, TrainConfig
from imitate.training.train import train_policy
from sfv.stage import Made, Stage, StageResult, Work
from sfv.stages import TaskSetting, character_files, name_body

TRAIN_VERSION = 5
"""Version of training: raised whenever the same draft and seed give another policy."""


@dataclass(frozen=True)
class TrainSetting(TaskSetting):
    """How the policy is trained."""

    imitate: TrainConfig


def train(
    motion: StageResult, draft: StageResult, task: Task, config: TrainConfig, tracker: Path | None = None
) -> Stage[TrainSetting]:
    """Draft -> policy that performs the motion; a larger budget goes on from where the smaller one ended.

    Args:
      motion: stage of the reference motion.
      draft: stage of the draft.
      task: what is performed, by whom and where.
      config: options of training.
      tracker: file of the tracker, for a warm start from one.
    """
    setting = TrainSetting(task.character.name, task.character.height, task.scene, config)
    inputs = {"motion": motion["motion.npz"]} | character_files(task.character)
    if config.warm_start != "none":
        inputs["draft"] = draft["draft.npz"]
    if config.warm_start == "tracker" and tracker is not None:
        inputs["tracker"] = tracker
    name, budget = f"3_policy/{name_body(task)}", tuple(f"imitate.{option}" for option in BUDGET)
    return Stage(name, TRAIN_VERSION, setting, inputs, _make_policy, budget)


def _make_policy(work: Work[TrainSetting]) -> Made:
    task, config = work.config.load_task(work.inputs["motion"]), work.config.imitate.resolve()
    draft = Draft.load(work.inputs["draft"]) if "draft" in work.inputs else None
    if draft is not None and "tracker" in work.inputs:
        tracker = load_tracker(work.inputs["tracker"])
        training = train_from_tracker(task, config, work.folder, draft, tracker, work.progress)
    else:
        training = train_policy(task, config, work.folder, work.progress, draft)
    return Made(training.summary, training.metrics)

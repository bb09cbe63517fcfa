"""The stages of learning to adapt; a result of theirs is evaluated as every other is (`sfv.stages.evaluate`)."""

from dataclasses import dataclass
from pathlib import Path

from imitate.adapt.adapt import AdaptConfig, adapt_policy
from imitate.env.task import Task
from imitate.policy import Policy
from reconstruct.motion import ReferenceMotion
from sfv.motion_files import write_motion
from sfv.stage import Made, Stage, StageResult, Work
from sfv.stages import ADAPTIVE, MotionSetting, TaskSetting, character_files, name_body

ADAPT_VERSION = 4
"""Version of learning to adapt: raised whenever the same skill and seed give another policy."""
ADAPT_BUDGET = ("minutes", "samples", "workers", "trials")
"""Options of learning to adapt whose change continues it."""


@dataclass(frozen=True)
class AdaptSetting(TaskSetting):
    """How a skill learns to adapt."""

    adapt: AdaptConfig


def keep_motion(motion: Path, task: Task) -> Stage[MotionSetting]:
    """The reference motion of a shipped skill, as a run's own."""
    setting, inputs = MotionSetting(task.character.name, task.character.height), {"motion": motion}
    name = f"2_motion/{task.character.name}"
    return Stage(name, 1, setting, inputs | character_files(task.character), _keep_motion)


def adapt(motion: StageResult, policy: Path, task: Task, config: AdaptConfig) -> Stage[AdaptSetting]:
    """Policy -> policy that adapts; a larger budget goes on from where the smaller one ended."""
    setting = AdaptSetting(task.character.name, task.character.height, task.scene, config)
    inputs = {"motion": motion["motion.npz"], "policy": policy} | character_files(task.character)
    name, budget = f"3_policy/{name_body(task)}{ADAPTIVE}", tuple(f"adapt.{option}" for option in ADAPT_BUDGET)
    return Stage(name, ADAPT_VERSION, setting, inputs, _adapt_policy, budget)


def _keep_motion(work: Work[MotionSetting]) -> Made:
    motion = ReferenceMotion.load(work.inputs["motion"])
    return Made(write_motion(motion, work.config.load_character(), None, work.folder), {"loop": motion.loop})


def _adapt_policy(work: Work[AdaptSetting]) -> Made:
    task, folder = work.config.load_task(work.inputs["motion"]), work.folder
    skill, metrics = adapt_policy(
        Policy.load(work.inputs["policy"]), task, work.config.adapt, folder / "training", work.progress
    )
    skill.save(folder / "policy.pt")
    error, samples = metrics["phi_error"], metrics["samples"] / 1e6
    return Made(f"learnt to adapt in {samples:.2f} M samples; z is estimated to {error:.2f} of its spread", metrics)

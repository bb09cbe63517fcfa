"""The video that a run's skill comes from, and where in it the motion is."""

from dataclasses import dataclass
from pathlib import Path

from pose.errors import InputError
from pose.video import probe
from sfv.run import Run
from sfv.skill import SHIPPED, Skill


@dataclass(frozen=True)
class Film:
    """A video beside a skill."""

    path: Path
    """An MP4."""
    skill: str
    """Name of the skill."""
    start: float
    """Where in the video the motion begins [s]."""
    seconds: float
    """How long the motion takes in the video [s]."""


def find_film(skill: Skill) -> Film:
    """The video with the skeleton drawn on it that lies in the skill's run.

    Raises:
      InputError: the skill is shipped or comes from a motion file, so there is none.
    """
    folder = skill.policy_path.parents[2]
    path = folder / "1_pose" / "overlay.mp4"
    if skill.policy_path.is_relative_to(SHIPPED) or not path.is_file():
        raise InputError(f"'{skill.name}' has no video to show; leave --video out")
    first = int(Run(folder, skill.body).read_record("4_result")["config"].get("first_frame") or 0)
    fps, motion = probe(path).fps, skill.reference
    return Film(path, skill.name, start=first / fps, seconds=motion.duration * motion.fps / fps)

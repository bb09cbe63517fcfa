"""What a finished run holds, for the commands that show or write it in other ways."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from imitate.env.task import Task
from imitate.rollout import Rollout
from imitate.scene.scene import Scene
from pose.errors import InputError
from reconstruct.camera import Camera
from reconstruct.characters.character import Character, load_character
from reconstruct.motion import ReferenceMotion
from sfv.run_folder import RUNS, find_camera


@dataclass(frozen=True)
class Result:
    """One body's result on one ground."""

    name: str
    """Of the folder, e.g. `humanoid` or `humanoid@slope`."""
    character: Character
    reference: ReferenceMotion
    rollout: Rollout
    scene: Scene
    camera: Camera | None
    """That the video was filmed with; None where the motion came as a file."""

    @cached_property
    def task(self) -> Task:
        """What was learnt."""
        return Task(self.character, self.reference, self.scene)

    @property
    def simulated(self) -> ReferenceMotion:
        """The character's simulated motion."""
        return self.rollout.as_motion(self.reference)

    @property
    def simulated_with_box(self) -> ReferenceMotion:
        """The same with the pose of the scene's box in its last seven columns, if there is one."""
        return self.rollout.as_motion(self.reference, with_box=True)


def run_folder(clip: Path) -> Path:
    """The folder of a run that is given by its folder or by its name in runs/.

    Raises:
      InputError: there is no run.
    """
    folder = clip if clip.is_dir() else RUNS / clip
    if not (folder / "config.json").is_file():
        raise InputError(f"{clip}: no run there; give a folder that `python -m sfv clip` made")
    return folder


def results(folder: Path) -> Iterator[Result]:
    """Every result in a run's folder.

    Raises:
      InputError: there is none yet, or its files are damaged.
    """
    found = sorted(folder.glob("4_result/*/rollout.npz"))
    if not found:
        raise InputError(f"{folder}: no finished result yet; finish it with `python -m sfv clip`")
    for path in found:
        name = path.parent.name
        motion_folder = folder / "2_motion" / name.split("@")[0]
        reference = ReferenceMotion.load(motion_folder / "motion.npz")
        stage = json.loads((path.parent / "stage.json").read_text(encoding="utf-8"))
        yield Result(
            name=name,
            character=load_character(reference.character, reference.height),
            reference=reference,
            rollout=Rollout.load(path),
            scene=Scene(**stage["config"]["scene"]),
            camera=find_camera(motion_folder),
        )
